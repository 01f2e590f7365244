/** Activations without a corner. The functions are in `functional/activations.ts`. */
import type { Tensor } from '@course/tensor';
import * as F from '../../functional/activations.js';
import { Module } from '../../module.js';

/** x Φ(x) (Hendrycks & Gimpel 2016), exactly or by tanh as GPT-2 has it. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor({ approximate = 'none' }: { readonly approximate?: 'none' | 'tanh' } = {}) {
    super();
    this.approximate = approximate;
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.gelu(x, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** log(1 / (1 + exp(-x))). */
export class LogSigmoid extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.logSigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** x - tanh(x). */
export class Tanhshrink extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.tanhshrink(x);
  }
}

/** x * sigmoid(x). */
export class SiLU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.silu(x);
  }
}

/** x * tanh(softplus(x)) (Misra 2019). */
export class Mish extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.mish(x);
  }
}

/** log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold. */
export class Softplus extends Module {
  constructor(
    readonly beta = 1,
    readonly threshold = 20,
  ) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold });
  }

  override extraRepr(): string {
    return `beta=${this.beta}, threshold=${this.threshold}`;
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}
