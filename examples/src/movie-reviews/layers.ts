// Two steps between layers as modules of their own, so that they can stand in an `nn.Sequential`, as in the lecture.
import { Module } from '@course/nn';
import type { Tensor } from '@course/tensor';

/** Puts the axes into another order. */
export class Permute extends Module {
  readonly dims: readonly number[];

  constructor(...dims: readonly number[]) {
    super();
    this.dims = dims;
  }

  forward(x: Tensor): Tensor {
    return x.permute(this.dims);
  }
}

/** Drops an axis of size 1. */
export class Squeeze extends Module {
  constructor(readonly dim = -1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.squeeze(this.dim);
  }
}
