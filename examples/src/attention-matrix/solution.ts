// Exercise 1 of UCI day 3, filled in: an attention matrix, step by step.
import type { Tensor } from '@course/tensor';

/** Queries, keys and values: every token times three matrices [D, D]. */
export function project(X: Tensor, WQ: Tensor, WK: Tensor, WV: Tensor): [Q: Tensor, K: Tensor, V: Tensor] {
  const Q = X.matmul(WQ);
  const K = X.matmul(WK);
  const V = X.matmul(WV);
  return [Q, K, V];
}

/** How alike each query and each key are: [N, N]. */
export function similarities(Q: Tensor, K: Tensor): Tensor {
  return Q.matmul(K.T);
}

/** What the similarities are divided by, so that the softmax keeps its temperature whatever the width D. */
export function normFactor(D: number): number {
  return Math.sqrt(D);
}
