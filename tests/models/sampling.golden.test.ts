// The rules of generation against transformers' definitions, written in PyTorch (tests/goldens/sampling.py): for random scores and texts, which
// token is the best one, and with which probability each may be drawn.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { best, candidates, ruled } from '../../packages/models/src/generation/sampling.js';

interface Case {
  readonly options: {
    readonly temperature: number;
    readonly topK: number;
    readonly topP: number;
    readonly repetitionPenalty: number;
    readonly noRepeatNgramSize: number;
    readonly minNewTokens: number;
  };
  readonly said: readonly number[];
  readonly endTokens: readonly number[];
  readonly scores: readonly number[];
  readonly greedy: number;
  readonly probabilities: readonly number[];
}

const { cases } = JSON.parse(readFileSync(new URL('../goldens/sampling.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

it('covers the rules and their combinations', () => expect(cases.length).toBeGreaterThan(60));

it.each(cases)('$options', ({ options, said, endTokens, scores, greedy, probabilities }) => {
  // Three tokens were added so far.
  const left = ruled(Float32Array.from(scores), said, 3, { ...options, endTokens: new Set(endTokens) });
  expect(best(left)).toBe(greedy);
  const drawn = candidates(left, options);
  const dense = new Array<number>(scores.length).fill(0);
  for (const [i, id] of drawn.ids.entries()) dense[id] = drawn.probabilities[i] ?? 0;
  // The reference is float32: quotients of scores up to 10, whose exponentials are off by 10 times their rounding, and a sum of eleven.
  expect(dense).toBeClose(probabilities, { atol: 20 * 2 ** -24, rtol: 20 * 2 ** -23 });
  // What may not come has no probability at all.
  for (const [id, p] of probabilities.entries()) expect(dense[id] === 0).toBe(p === 0);
});
