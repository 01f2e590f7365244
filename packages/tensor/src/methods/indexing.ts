/** The methods of tensors that rearrange, pick and place elements. Each is one line: what it means stands at the op. */
import * as picking from '../ops/host-select.js';
import * as indexing from '../ops/indexing.js';
import { type PadOptions, pad } from '../ops/pad.js';
import * as arranging from '../ops/rearrange.js';
import * as windows from '../ops/windows.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { ShapeMethods } from './shape.js';

/** Methods of {@link Tensor}: rearranging, picking and placing. */
export abstract class IndexingMethods extends ShapeMethods {
  /** See {@link gather}. */
  gather(this: Tensor, dim: number, index: Tensor): Tensor {
    return indexing.gather(this, dim, index);
  }
  /** See {@link takeAlongDim}. */
  takeAlongDim(this: Tensor, index: Tensor, dim?: number | null): Tensor {
    return indexing.takeAlongDim(this, index, dim);
  }
  /** See {@link scatter}. */
  scatter(this: Tensor, dim: number, index: Tensor, values: Tensor | number): Tensor {
    return indexing.scatter(this, dim, index, values);
  }
  /** See {@link scatterAdd}. */
  scatterAdd(this: Tensor, dim: number, index: Tensor, values: Tensor): Tensor {
    return indexing.scatterAdd(this, dim, index, values);
  }
  /** See {@link indexSelect}. */
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return indexing.indexSelect(this, dim, index);
  }
  /** See {@link indexAdd}. */
  indexAdd(this: Tensor, dim: number, index: Tensor, source: Tensor, options?: { readonly alpha?: number }): Tensor {
    return indexing.indexAdd(this, dim, index, source, options);
  }
  /** See {@link indexCopy}. */
  indexCopy(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return indexing.indexCopy(this, dim, index, source);
  }
  /** See {@link maskedSelect}: asynchronous, since its size depends on values. */
  maskedSelect(this: Tensor, mask: Tensor): Promise<Tensor> {
    return picking.maskedSelect(this, mask);
  }
  /** See {@link nonzero}: asynchronous, since its size depends on values. */
  nonzero(this: Tensor): Promise<Tensor> {
    return picking.nonzero(this);
  }
  /** See {@link unique}: asynchronous, since its size depends on values. */
  unique(this: Tensor, options?: picking.UniqueOptions): Promise<picking.Unique> {
    return picking.unique(this, options);
  }

  /** See {@link repeat}. */
  repeat(this: Tensor, times: Shape): Tensor {
    return arranging.repeat(this, times);
  }
  /** See {@link tile}. */
  tile(this: Tensor, times: Shape): Tensor {
    return arranging.tile(this, times);
  }
  /** See {@link repeatInterleave}. */
  repeatInterleave(this: Tensor, repeats: number | readonly number[], dim?: number | null): Tensor {
    return arranging.repeatInterleave(this, repeats, dim);
  }
  /** See {@link flip}. */
  flip(this: Tensor, dims: number | Shape): Tensor {
    return arranging.flip(this, dims);
  }
  /** See {@link roll}. */
  roll(this: Tensor, shifts: number | readonly number[], dims?: number | Shape | null): Tensor {
    return arranging.roll(this, shifts, dims);
  }
  /** See {@link movedim}. */
  movedim(this: Tensor, source: number | Shape, destination: number | Shape): Tensor {
    return arranging.movedim(this, source, destination);
  }
  /** See {@link swapaxes}. */
  swapaxes(this: Tensor, axis0: number, axis1: number): Tensor {
    return arranging.swapaxes(this, axis0, axis1);
  }
  /** See {@link unflatten}. */
  unflatten(this: Tensor, dim: number, sizes: Shape): Tensor {
    return arranging.unflatten(this, dim, sizes);
  }
  /** `expand` by the name of `torch.broadcast_to`. */
  broadcastTo(this: Tensor, shape: Shape): Tensor {
    return this.expand(shape);
  }
  /** See {@link pad}. */
  pad(this: Tensor, amounts: readonly number[], options?: PadOptions): Tensor {
    return pad(this, amounts, options);
  }
  /** See {@link unfold}. */
  unfold(this: Tensor, dim: number, size: number, step: number): Tensor {
    return windows.unfold(this, dim, size, step);
  }
  /** See {@link diagonal}. */
  diagonal(this: Tensor, options?: Parameters<typeof windows.diagonal>[1]): Tensor {
    return windows.diagonal(this, options);
  }
  /** See {@link diag}. */
  diag(this: Tensor, offset?: number): Tensor {
    return windows.diag(this, offset);
  }
  /** See {@link tril}. */
  tril(this: Tensor, offset?: number): Tensor {
    return windows.tril(this, offset);
  }
  /** See {@link triu}. */
  triu(this: Tensor, offset?: number): Tensor {
    return windows.triu(this, offset);
  }
}
