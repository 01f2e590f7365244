/**
 * From the scores of the next token to a token, on the host: the repetition penalty, runs that may not come again, ends that come too early,
 * then temperature, top-k and top-p, in the order of transformers, and one draw. A row is some ten thousand numbers, so this costs little beside the model.
 */
import { ArgumentError, type Generator } from '@course/tensor';
import type { ResolvedOptions } from './options.js';

/** Divides positive scores of tokens that were said, and multiplies negative ones (Keskar et al. 2019, section 4.1). */
export function penalise(scores: Float32Array, said: Iterable<number>, penalty: number): void {
  for (const id of new Set(said)) {
    const score = scores[id];
    if (score !== undefined) scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Forbids tokens that would end a run of `size` that the text has already. */
export function banRepeats(scores: Float32Array, said: readonly number[], size: number): void {
  const begin = said.slice(said.length - size + 1);
  // As transformers: too short a text for one run has nothing to repeat.
  if (begin.length < size - 1) return;
  for (let at = 0; at + size <= said.length; at++)
    if (begin.every((id, i) => id === said[at + i])) scores[said[at + size - 1] ?? -1] = -Infinity;
}

/** The scores of a row's next token, after the rules that hold for greedy choice and drawing alike. */
export function ruled(
  scores: Float32Array,
  said: readonly number[],
  added: number,
  options: Pick<ResolvedOptions, 'repetitionPenalty' | 'noRepeatNgramSize' | 'minNewTokens' | 'endTokens'>,
): Float32Array {
  if (options.repetitionPenalty !== 1) penalise(scores, said, options.repetitionPenalty);
  if (options.noRepeatNgramSize > 0) banRepeats(scores, said, options.noRepeatNgramSize);
  if (added < options.minNewTokens) for (const end of options.endTokens) scores[end] = -Infinity;
  return scores;
}

/** The ids that may be drawn, by descending score, with their probabilities. */
export function candidates(
  scores: Float32Array,
  { temperature, topK, topP }: Pick<ResolvedOptions, 'temperature' | 'topK' | 'topP'>,
): { ids: number[]; probabilities: number[] } {
  if (scores.some(Number.isNaN) || scores.includes(Infinity))
    throw new ArgumentError(
      'generate: the scores of the next token are not numbers (NaN or infinity): nothing can be drawn',
    );
  const threshold = topK > 0 && topK < scores.length ? kthLargest(scores, topK) : -Infinity;
  // As transformers does: ties with the k-th score stay.
  const ids: number[] = [];
  for (const [id, score] of scores.entries()) if (score >= threshold && score > -Infinity) ids.push(id);
  if (ids.length === 0) throw new ArgumentError('generate: the rules leave no token that may come next');
  ids.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  const best = scores[ids[0] ?? 0] ?? 0;
  const weights = ids.map((id) => Math.exp(((scores[id] ?? 0) - best) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const probabilities = weights.map((weight) => weight / total);
  if (topP >= 1) return { ids, probabilities };
  let count = 0;
  for (let sum = 0; count < ids.length && sum < topP; count++) sum += probabilities[count] ?? 0;
  const kept = probabilities.slice(0, count);
  const mass = kept.reduce((sum, each) => sum + each, 0);
  return { ids: ids.slice(0, count), probabilities: kept.map((each) => each / mass) };
}

/** Draws one of `ids`. */
export function draw(ids: readonly number[], probabilities: readonly number[], generator: Generator): number {
  const at = generator.randomDouble();
  let sum = 0;
  for (const [i, id] of ids.entries()) {
    sum += probabilities[i] ?? 0;
    if (at < sum) return id;
  }
  // Rounding may leave the sum a little below 1.
  return ids.at(-1) ?? 0;
}

/** The most probable token; the first of several. */
export function best(scores: Float32Array): number {
  let at = 0;
  for (let id = 1; id < scores.length; id++) if ((scores[id] ?? -Infinity) > (scores[at] ?? -Infinity)) at = id;
  return at;
}

/** The k-th largest of some numbers. */
function kthLargest(values: Float32Array, k: number): number {
  // A typed array sorts numerically; -0 and NaN do not matter for a threshold.
  return Float32Array.from(values).sort()[values.length - k] ?? -Infinity;
}
