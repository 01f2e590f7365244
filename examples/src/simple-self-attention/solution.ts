// Self-attention in its simplest form: no weights to learn, the vectors of the words decide who looks at whom.
import * as F from '@course/nn/functional';
import type { Tensor } from '@course/tensor';

/** How much each word looks at each other one, [words, words], from their vectors x [words, k]. */
export function attentionWeights(x: Tensor): Tensor {
  // Dot products of width k have a spread of √k; divided by it, the softmax does not get sharper as vectors get wider.
  const similarities = x.matmul(x.T).div(Math.sqrt(x.size(-1)));
  return F.softmax(similarities, -1);
}

/** Each word as a mixture of all words: [words, k] to the same shape. */
export function selfAttention(x: Tensor): Tensor {
  return attentionWeights(x).matmul(x);
}
