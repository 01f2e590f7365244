// Exercise 1 of UCI day 3: fill in the gaps to compute an attention matrix, then run
//     npm run example attention-matrix -- --exercise
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';

/** Queries, keys and values: every token times three matrices [D, D]. */
export function project(X: Tensor, WQ: Tensor, WK: Tensor, WV: Tensor): [Q: Tensor, K: Tensor, V: Tensor] {
  return gap('project', `Q, K and V are X (${X.shape}) times WQ, WK and WV (${WQ.shape}, ${WK.shape}, ${WV.shape})`);
}

/** How alike each query and each key are: [N, N]. */
export function similarities(Q: Tensor, K: Tensor): Tensor {
  return gap('similarities', `the dot product of every row of Q (${Q.shape}) with every row of K (${K.shape})`);
}

/** What the similarities are divided by, so that the softmax keeps its temperature whatever the width D. */
export function normFactor(D: number): number {
  return gap('normFactor', `a function of the width, ${D}; look at the formula above the exercise`);
}
