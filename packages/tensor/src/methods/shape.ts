/** The methods of tensors that give the same elements another shape, order or part, mostly as views. Each is one line: what it means stands at the op. */
import * as shaping from '../ops/shape.js';
import { type Index, select, slice } from '../ops/slice.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

/** Methods of {@link Tensor}: shapes, views, copies. */
export abstract class ShapeMethods {
  /** Another shape over the same memory. */
  view(this: Tensor, shape: Shape): Tensor {
    return shaping.viewAs(this, shape);
  }
  /** Another shape, copied only if memory order forces it. */
  reshape(this: Tensor, shape: Shape): Tensor {
    return shaping.reshape(this, shape);
  }
  /** Merges the dims from `start` to `end`. */
  flatten(this: Tensor, start = 0, end = -1): Tensor {
    return shaping.flatten(this, start, end);
  }
  /** The dims in another order: a view. */
  permute(this: Tensor, dims: Shape): Tensor {
    return shaping.permute(this, dims);
  }
  /** Two dims exchanged: a view. */
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    return shaping.transpose(this, dim0, dim1);
  }
  /** Dims of size 1 repeated to a larger shape, -1 leaving a size as it is: a view. */
  expand(this: Tensor, shape: Shape): Tensor {
    return shaping.expand(this, shape);
  }
  /** Without its dims of size 1, or without the given ones where their size is 1: a view. */
  squeeze(this: Tensor, dims?: number | Shape): Tensor {
    return shaping.squeeze(this, dims);
  }
  /** With a new dim of size 1 at a place: a view. */
  unsqueeze(this: Tensor, dim: number): Tensor {
    return shaping.unsqueeze(this, dim);
  }
  /** `length` elements of a dim from `start` on: a view. */
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return shaping.narrow(this, dim, start, length);
  }
  /** One element of a dim, which disappears: a view. */
  select(this: Tensor, dim: number, index: number): Tensor {
    return select(this, dim, index);
  }
  /**
   * Reads like Python's brackets: `x.slice(':', [1, 3], null, -1)` is `x[:, 1:3, None, -1]`, a view. Tensors of whole numbers pick places:
   * `x.slice(rows, columns)` is `x[rows, columns]`, a copy.
   */
  slice(this: Tensor, ...indices: readonly Index[]): Tensor {
    return slice(this, indices);
  }
  /** Pieces of one size, or of given sizes, along a dim: views. */
  split(this: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
    return shaping.split(this, size, dim);
  }
  /** At most `count` pieces of equal size (the last may be smaller). */
  chunk(this: Tensor, count: number, dim = 0): Tensor[] {
    return shaping.chunk(this, count, dim);
  }
  /** The slices along a dim. */
  unbind(this: Tensor, dim = 0): Tensor[] {
    return Array.from({ length: this.size(dim) }, (_, i) => select(this, dim, i));
  }
  /** The same elements in row-major order: itself if they are, else a copy. */
  contiguous(this: Tensor): Tensor {
    return shaping.contiguous(this);
  }
  /** A copy in memory of its own, with the same gradient. */
  clone(this: Tensor): Tensor {
    return shaping.clone(this);
  }
}
