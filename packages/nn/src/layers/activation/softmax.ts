/** Activations over a dim as a whole. The functions are in `functional/activations.ts`. */
import type { Tensor } from '@course/tensor';
import * as F from '../../functional/activations.js';
import { Module } from '../../module.js';

/** The first half along a dim times the sigmoid of the second (Dauphin et al. 2017). */
export class GLU extends Module {
  constructor(readonly dim = -1) {
    super();
  }

  /** x of any shape to half of it along the dim. */
  forward(x: Tensor): Tensor {
    return F.glu(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** Softmax over one dim. */
export class Softmax extends Module {
  constructor(readonly dim: number) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.softmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** Softmax of -x over one dim. */
export class Softmin extends Module {
  constructor(readonly dim: number) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.softmin(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** The logarithm of the softmax over one dim. */
export class LogSoftmax extends Module {
  constructor(readonly dim: number) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
