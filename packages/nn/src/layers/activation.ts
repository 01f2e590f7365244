/** Activations as modules, for use in a Sequential. */
import { logSoftmax, softmax, type Tensor } from '@course/tensor';
import { Module } from '../module.js';

/** max(x, 0), element by element. */
export class ReLU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** x Φ(x) (Hendrycks & Gimpel 2016), exactly or by tanh as GPT-2 has it. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor({ approximate = 'none' }: { readonly approximate?: 'none' | 'tanh' } = {}) {
    super();
    this.approximate = approximate;
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return x.gelu({ approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** x * sigmoid(x). */
export class SiLU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return x.silu();
  }
}

/** Softmax over one dim. */
export class Softmax extends Module {
  constructor(readonly dim: number) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
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
    return logSoftmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
