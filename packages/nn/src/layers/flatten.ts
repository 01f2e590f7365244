/** Shapes as layers, for use in a Sequential. */
import type { Tensor } from '@course/tensor';
import { Module } from '../module.js';

/** Merges the dims from `startDim` to `endDim`, by default all but the batch, as `torch.nn.Flatten`. */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
  }

  /** x of any shape to the same elements in another. */
  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim);
  }

  override flops(): number {
    return 0;
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

/** Splits a dim into several, as `torch.nn.Unflatten`. */
export class Unflatten extends Module {
  constructor(
    readonly dim: number,
    readonly unflattenedSize: readonly number[],
  ) {
    super();
  }

  /** x of any shape to the same elements in another. */
  forward(x: Tensor): Tensor {
    return x.unflatten(this.dim, this.unflattenedSize);
  }

  override flops(): number {
    return 0;
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=(${this.unflattenedSize.join(', ')})`;
  }
}
