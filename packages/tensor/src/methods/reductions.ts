/** The methods of tensors that reduce dims, and softmax, which is made of such. Each is one line: what it means stands at the op. */
import * as reduction from '../ops/reduce.js';
import { logSoftmax, type SoftmaxOptions, softmax } from '../ops/softmax.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { OrderMethods } from './order.js';

type Dims = number | Shape | null;
type ReduceOptions = reduction.ReduceOptions;

/** Methods of {@link Tensor}: reductions. */
export abstract class ReductionMethods extends OrderMethods {
  /** The sum over all elements, or over dims; bool and integers give int32. */
  sum(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.sum(this, dims, options);
  }
  /** The mean over all elements, or over dims. */
  mean(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.mean(this, dims, options);
  }
  /** The product over all elements, or over dims. */
  prod(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.prod(this, dims, options);
  }
  /** The variance over all elements, or over dims; unbiased unless `correction` says otherwise. */
  var(this: Tensor, dims?: Dims, options?: reduction.VarianceOptions): Tensor {
    return reduction.variance(this, dims, options);
  }
  /** The standard deviation, as `var`. */
  std(this: Tensor, dims?: Dims, options?: reduction.VarianceOptions): Tensor {
    return reduction.variance(this, dims, options).sqrt();
  }
  /** The norm over dims, Euclidean unless `p` says otherwise. */
  norm(this: Tensor, dims?: Dims, options?: reduction.NormOptions): Tensor {
    return reduction.norm(this, dims, options);
  }
  /** The largest element; along a dim, values and their places, as `torch.max`. */
  max(this: Tensor): Tensor;
  max(this: Tensor, dim: number, options?: ReduceOptions): { values: Tensor; indices: Tensor<'int32'> };
  max(this: Tensor, dim?: number, options?: ReduceOptions): Tensor | { values: Tensor; indices: Tensor<'int32'> } {
    return dim === undefined
      ? reduction.extreme('max', this, null)
      : reduction.extremeWithIndices('max', this, dim, options);
  }
  /** The smallest element; along a dim, values and their places, as `torch.min`. */
  min(this: Tensor): Tensor;
  min(this: Tensor, dim: number, options?: ReduceOptions): { values: Tensor; indices: Tensor<'int32'> };
  min(this: Tensor, dim?: number, options?: ReduceOptions): Tensor | { values: Tensor; indices: Tensor<'int32'> } {
    return dim === undefined
      ? reduction.extreme('min', this, null)
      : reduction.extremeWithIndices('min', this, dim, options);
  }
  /** The largest element of all, or along dims; where several are, the gradient is shared evenly. */
  amax(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.extreme('max', this, dims, options);
  }
  /** The smallest element of all, or along dims; where several are, the gradient is shared evenly. */
  amin(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.extreme('min', this, dims, options);
  }
  /** The first place of the largest element (int32), of all or along a dim. Not differentiable. */
  argmax(this: Tensor, dim?: number | null, options?: ReduceOptions): Tensor<'int32'> {
    return reduction.argExtreme('argmax', this, dim, options) as Tensor<'int32'>;
  }
  /** The first place of the smallest element (int32), of all or along a dim. Not differentiable. */
  argmin(this: Tensor, dim?: number | null, options?: ReduceOptions): Tensor<'int32'> {
    return reduction.argExtreme('argmin', this, dim, options) as Tensor<'int32'>;
  }
  /** Whether any element is true (not 0): bool, of all or along dims. */
  any(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor<'bool'> {
    return reduction.truth('any', this, dims, options) as Tensor<'bool'>;
  }
  /** Whether all elements are true (not 0): bool, of all or along dims. */
  all(this: Tensor, dims?: Dims, options?: ReduceOptions): Tensor<'bool'> {
    return reduction.truth('all', this, dims, options) as Tensor<'bool'>;
  }
  /** `log(sum(exp(x)))` along dims, without overflow. */
  logsumexp(this: Tensor, dims: Dims, options?: ReduceOptions): Tensor {
    return reduction.logSumExp(this, dims, options);
  }
  /** Softmax over a dim; see {@link softmax}. */
  softmax(this: Tensor, dim: number, options?: SoftmaxOptions): Tensor {
    return softmax(this, dim, options);
  }
  /** The logarithm of the softmax over a dim; see {@link logSoftmax}. */
  logSoftmax(this: Tensor, dim: number): Tensor {
    return logSoftmax(this, dim);
  }
}
