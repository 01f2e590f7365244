// Batches for language models: PyTorch's draws from a seed, the shares that are hidden, what is never hidden, and the pairs of
// next-sentence prediction.
import { readFileSync } from 'node:fs';
import {
  BertTokenizer,
  DataCollatorForLanguageModeling,
  type LanguageModelingRow,
  nextSentencePairs,
  trainByteLevelBpe,
} from '@course/data';
import { ArgumentError, Generator, manualSeed } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

interface Masking {
  readonly rows: number[][];
  readonly vocabSize: number;
  readonly cases: { seed: number; probability: number; inputIds: number[][]; labels: number[][] }[];
}
const masking = JSON.parse(readFileSync(new URL('../goldens/masking.json', import.meta.url), 'utf8')) as Masking;

const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const vocab = [...specials, ...Array.from({ length: masking.vocabSize - specials.length }, (_, i) => `w${i}`)];
const tokenizer = new BertTokenizer({ vocab });
const rows: LanguageModelingRow[] = masking.rows.map((inputIds) => ({ inputIds }));
const arrays = async (collator: DataCollatorForLanguageModeling, given = rows) => {
  const { inputIds, labels, attentionMask } = collator.collate(given);
  return {
    inputIds: (await inputIds.toArray()) as number[][],
    labels: (await labels.toArray()) as number[][],
    attentionMask: (await attentionMask.toArray()) as number[][],
  };
};

onEachDevice('DataCollatorForLanguageModeling', () => {
  it.each(masking.cases)(
    'hides what PyTorch hides: seed $seed, $probability',
    async ({ seed, probability, ...rest }) => {
      manualSeed(seed);
      const { inputIds, labels } = await arrays(
        new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: probability }),
      );
      expect({ inputIds, labels }).toEqual(rest);
      const own = new DataCollatorForLanguageModeling(tokenizer, {
        mlmProbability: probability,
        generator: new Generator().manualSeed(seed),
      });
      expect((await arrays(own)).inputIds).toEqual(rest.inputIds);
    },
  );

  it('asks for 15 %: of those 80 % are masks, 10 % other words, 10 % as they were', async () => {
    manualSeed(1);
    const long = Array.from({ length: 40 }, () => ({ inputIds: [2, ...new Array<number>(498).fill(9), 3] }));
    const { inputIds, labels } = await arrays(new DataCollatorForLanguageModeling(tokenizer), long);
    const [ids, asked] = [inputIds.flat(), labels.flat()];
    const places = asked.flatMap((label, i) => (label === -100 ? [] : [i]));
    const share = (holds: (i: number) => boolean) => places.filter(holds).length / places.length;
    // 19,920 words: four standard deviations of a share p of n are 4 √(p (1 - p) / n).
    expect(Math.abs(places.length / 19_920 - 0.15)).toBeLessThan(4 * Math.sqrt((0.15 * 0.85) / 19_920));
    const near = (expected: number) => 4 * Math.sqrt((expected * (1 - expected)) / places.length);
    expect(Math.abs(share((i) => ids[i] === 4) - 0.8)).toBeLessThan(near(0.8));
    // One in 50 of the drawn words is the word itself.
    expect(Math.abs(share((i) => ids[i] === 9) - 0.102)).toBeLessThan(near(0.102));
    expect(places.every((i) => asked[i] === 9)).toBe(true);
    expect(ids.every((id, i) => asked[i] !== -100 || id === long[0]?.inputIds[i % 500])).toBe(true);
  });

  it('never hides what a row protects, nor padding', async () => {
    manualSeed(2);
    const collator = new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: 1 });
    const { labels } = await arrays(collator, [
      { inputIds: [2, 7, 8, 3], specialTokensMask: [1, 0, 1, 1] },
      { inputIds: [2, 3] },
    ]);
    expect(labels).toEqual([
      [-100, 7, -100, -100],
      [-100, -100, -100, -100],
    ]);
  });

  it('asks for every token without mlm', async () => {
    const gpt = trainByteLevelBpe(['good bad'], { vocabSize: 260, minFrequency: 1 });
    gpt.addSpecialTokens({ padToken: '<pad>' });
    const collator = new DataCollatorForLanguageModeling(gpt, { mlm: false, padToMultipleOf: 4 });
    const { inputIds, labels } = await arrays(collator, [{ inputIds: [5, 6, 7] }, { inputIds: [8] }]);
    expect(labels).toEqual([
      [5, 6, 7, -100],
      [8, -100, -100, -100],
    ]);
    expect(inputIds[0]?.slice(0, 3)).toEqual([5, 6, 7]);
  });

  it('keeps the label of sentence pairs', async () => {
    const collator = new DataCollatorForLanguageModeling(tokenizer);
    const { nextSentenceLabel } = collator.collate([
      { inputIds: [2, 7, 3], nextSentenceLabel: 1 },
      { inputIds: [2, 8, 3], nextSentenceLabel: 0 },
    ]);
    expect(await nextSentenceLabel?.toArray()).toEqual([1, 0]);
    expect(() => collator.collate([{ inputIds: [2], nextSentenceLabel: 1 }, { inputIds: [3] }])).toThrow(
      '1 of the 2 rows of the batch have a nextSentenceLabel',
    );
  });

  it('refuses what cannot be', () => {
    const gpt = trainByteLevelBpe(['good bad'], { vocabSize: 260, minFrequency: 1 });
    gpt.addSpecialTokens({ padToken: '<pad>' });
    expect(() => new DataCollatorForLanguageModeling(gpt)).toThrow('no mask token');
    expect(() => new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: 0 })).toThrow(ArgumentError);
    const collator = new DataCollatorForLanguageModeling(tokenizer);
    expect(() => collator.collate([])).toThrow(ArgumentError);
    expect(() => collator.collate([{ inputIds: [2, 3], specialTokensMask: [1] }])).toThrow('2 inputIds but 1');
  });
});

describe('nextSentencePairs', () => {
  const documents = Array.from({ length: 20 }, (_, d) => Array.from({ length: 51 }, (_, s) => `${d}.${s}`));

  it('takes the next sentence or one of another document, half and half', () => {
    const pairs = [...nextSentencePairs(documents, { seed: 3 })];
    expect(pairs).toHaveLength(1000);
    for (const { first, second, nextSentenceLabel } of pairs) {
      const [d, s] = first.split('.').map(Number);
      if (nextSentenceLabel === 0) expect(second).toBe(`${d}.${(s ?? 0) + 1}`);
      else expect(second.split('.')[0]).not.toBe(String(d));
    }
    const others = pairs.filter(({ nextSentenceLabel }) => nextSentenceLabel === 1).length;
    // Four standard deviations of 1,000 throws of a coin.
    expect(Math.abs(others - 500)).toBeLessThan(4 * Math.sqrt(250));
    expect([...nextSentencePairs(documents, { seed: 3 })]).toEqual(pairs);
    expect([...nextSentencePairs(documents, { seed: 4 })]).not.toEqual(pairs);
  });

  it('refuses fewer than two documents, or single sentences', () => {
    expect(() => nextSentencePairs([['a', 'b']])).toThrow(ArgumentError);
    expect(() => nextSentencePairs([['a'], ['b'], []])).toThrow('got 3 with 1, 1, 0');
  });
});
