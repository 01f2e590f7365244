/** Activations as modules, for use in a Sequential; the functions are in `functional/activations.ts`. */
import { type Tensor, tensor } from '@course/tensor';
import * as F from '../functional/activations.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';

/** max(x, 0), element by element. */
export class ReLU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** x cut to [0, 6]. */
export class ReLU6 extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.relu6(x);
  }
}

/** x where positive, else `negativeSlope` x (Maas et al. 2013). */
export class LeakyReLU extends Module {
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${this.negativeSlope}`;
  }
}

/** x where positive, else a learned slope times x (He et al. 2015): one slope, or one for each channel (dim 1). */
export class PReLU extends Module {
  readonly weight: Parameter;

  /** @param numParameters 1, or the number of channels. */
  constructor(numParameters = 1, { init = 0.25 }: { readonly init?: number } = {}) {
    super();
    this.weight = new Parameter(tensor(new Float32Array(numParameters).fill(init)));
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.prelu(x, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.weight.numel()}`;
  }
}

/** x where positive, else alpha (exp(x) - 1) (Clevert et al. 2016). */
export class ELU extends Module {
  constructor(readonly alpha = 1) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.elu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${this.alpha.toFixed(1)}`;
  }
}

/** x where positive, else alpha (exp(x / alpha) - 1) (Barron 2017). */
export class CELU extends Module {
  constructor(readonly alpha = 1) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.celu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${this.alpha.toFixed(1)}`;
  }
}

/** The scaled ELU that keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export class SELU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.selu(x);
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

/** x / 6 + 1/2 cut to [0, 1]. */
export class Hardsigmoid extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
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

/** x cut to [minVal, maxVal]. */
export class Hardtanh extends Module {
  constructor(
    readonly minVal = -1,
    readonly maxVal = 1,
  ) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return `min_val=${this.minVal.toFixed(1)}, max_val=${this.maxVal.toFixed(1)}`;
  }
}

/** x * sigmoid(x). */
export class SiLU extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.silu(x);
  }
}

/** x * hardsigmoid(x) (Howard et al. 2019). */
export class Hardswish extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardswish(x);
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

/** x drawn towards 0 by lambd, 0 within. */
export class Softshrink extends Module {
  constructor(readonly lambd = 0.5) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.softshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return String(this.lambd);
  }
}

/** x outside of [-lambd, lambd], 0 within. */
export class Hardshrink extends Module {
  constructor(readonly lambd = 0.5) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return String(this.lambd);
  }
}

/** x where above the threshold, else value. */
export class Threshold extends Module {
  constructor(
    readonly threshold: number,
    readonly value: number,
  ) {
    super();
  }

  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.threshold(x, this.threshold, this.value);
  }

  override extraRepr(): string {
    return `threshold=${this.threshold}, value=${this.value}`;
  }
}

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
