/** The methods of tensors that are products and layers. Each is one line: what it means stands at the op. */
import { dropout } from '../ops/dropout.js';
import { linear, matmul } from '../ops/matmul.js';
import { layerNorm } from '../ops/normalization.js';
import * as products from '../ops/products.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { ReductionMethods } from './reductions.js';

/** Methods of {@link Tensor}: products, layers. */
export abstract class ProductMethods extends ReductionMethods {
  /** The matrix product of the last two dims, the others broadcast; see {@link matmul}. */
  matmul(this: Tensor, other: Tensor): Tensor {
    return matmul(this, other);
  }
  /** See {@link bmm}. */
  bmm(this: Tensor, other: Tensor): Tensor {
    return products.bmm(this, other);
  }
  /** See {@link mm}. */
  mm(this: Tensor, other: Tensor): Tensor {
    return products.mm(this, other);
  }
  /** See {@link mv}. */
  mv(this: Tensor, vector: Tensor): Tensor {
    return products.mv(this, vector);
  }
  /** See {@link dot}. */
  dot(this: Tensor, other: Tensor): Tensor {
    return products.dot(this, other);
  }
  /** See {@link outer}. */
  outer(this: Tensor, other: Tensor): Tensor {
    return products.outer(this, other);
  }
  /** `this @ weightᵀ + bias`. */
  linear(this: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
    return linear(this, weight, bias);
  }
  /** Layer norm over the last dims; see {@link layerNorm}. */
  layerNorm(this: Tensor, normalizedShape: Shape, options?: Parameters<typeof layerNorm>[2]): Tensor {
    return layerNorm(this, normalizedShape, options);
  }
  /** Dropout; see {@link dropout}. */
  dropout(this: Tensor, p?: number, options?: Parameters<typeof dropout>[2]): Tensor {
    return dropout(this, p, options);
  }
}
