/** The methods of tensors about order, counting and running totals. Each is one line: what it means stands at the op. */
import { countNonzero } from '../ops/reduce.js';
import { cumprod, cumsum } from '../ops/scan.js';
import * as ordering from '../ops/sort.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { IndexingMethods } from './indexing.js';

/** Methods of {@link Tensor}: order, counting, running totals. */
export abstract class OrderMethods extends IndexingMethods {
  /** See {@link cumsum}. */
  cumsum(this: Tensor, dim: number): Tensor {
    return cumsum(this, dim);
  }
  /** See {@link cumprod}. */
  cumprod(this: Tensor, dim: number): Tensor {
    return cumprod(this, dim);
  }
  /** How many elements are not 0, int32; NaN is not 0. */
  countNonzero(this: Tensor, dims?: number | Shape | null): Tensor<'int32'> {
    return countNonzero(this, dims) as Tensor<'int32'>;
  }
  /** See {@link sort}. */
  sort(this: Tensor, dim?: number, options?: ordering.SortOptions): ordering.ValuesAndIndices {
    return ordering.sort(this, dim, options);
  }
  /** See {@link argsort}. */
  argsort(this: Tensor, dim?: number, options?: ordering.SortOptions): Tensor<'int32'> {
    return ordering.argsort(this, dim, options) as Tensor<'int32'>;
  }
  /** See {@link topk}. */
  topk(this: Tensor, k: number, dim?: number, options?: ordering.TopkOptions): ordering.ValuesAndIndices {
    return ordering.topk(this, k, dim, options);
  }
  /** The middle element (the lower one of two), a NaN if there is one; along a dim with its place, as `torch.median`. */
  median(this: Tensor): Tensor;
  median(this: Tensor, dim: number, options?: { readonly keepDim?: boolean }): ordering.ValuesAndIndices;
  median(this: Tensor, dim?: number, options?: { readonly keepDim?: boolean }): Tensor | ordering.ValuesAndIndices {
    return dim === undefined ? ordering.median(this) : ordering.medianAlong(this, dim, options);
  }
}
