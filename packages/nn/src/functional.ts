/**
 * Layers as functions, by the names of `torch.nn.functional`.
 *
 * @packageDocumentation
 */
import type { Tensor } from '@course/tensor';

export {
  crossEntropy,
  dropout,
  embedding,
  layerNorm,
  linear,
  logSoftmax,
  scaledDotProductAttention,
  softmax,
} from '@course/tensor';

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return x.relu();
}

/** x Φ(x), exactly or by tanh. */
export function gelu(x: Tensor, options?: { readonly approximate?: 'none' | 'tanh' }): Tensor {
  return x.gelu(options);
}

/** x * sigmoid(x). */
export function silu(x: Tensor): Tensor {
  return x.silu();
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** The mean of squared differences. */
export function mseLoss(prediction: Tensor, target: Tensor): Tensor {
  return prediction.sub(target).square().mean();
}
