/**
 * Counting the floating-point operations of products and attention where ops ask for them: at the call, however long a product then waits
 * and whatever it becomes part of. Summaries of models count by it, module by module.
 */
import type { AttentionRequest } from './backend/requests.js';

let noted = 0;

/** Told by ops of what they ask for. */
export function noteFlops(count: number): void {
  noted += count;
}

/** Two products for each pair of query and key that is looked at. */
export function attentionFlops({
  batch,
  queries,
  keys,
  width,
  valueWidth,
  isCausal,
}: Pick<AttentionRequest, 'batch' | 'queries' | 'keys' | 'width' | 'valueWidth' | 'isCausal'>): number {
  const pairs = batch.reduce((all, size) => all * size, 1) * queries * keys * (isCausal ? 0.5 : 1);
  return 2 * pairs * (width + valueWidth);
}

/**
 * Runs `fn` and gives its result. Meanwhile the function that `fn` is given tells how many floating-point operations the matrix products and
 * attentions that were asked for take, a multiply-add counted as two, as
 * [torch.utils.flop_counter](https://pytorch.org/docs/stable/utils.html) counts them; what is computed element by element does not count,
 * nor what a captured function replays.
 *
 * @example
 * const a = randn([2, 3]);
 * countFlops((count) => {
 *   a.matmul(randn([3, 4]));
 *   return count();
 * }); // 48
 */
export function countFlops<T>(fn: (count: () => number) => T): T {
  const before = noted;
  return fn(() => noted - before);
}
