/** Activations with a corner: what is below a bound is cut or bent. The functions are in `functional/activations.ts`. */
import { type Tensor, tensor } from '@course/tensor';
import * as F from '../../functional/activations.js';
import { Module } from '../../module.js';
import { Parameter } from '../../parameter.js';

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

/** x / 6 + 1/2 cut to [0, 1]. */
export class Hardsigmoid extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
  }
}

/** x * hardsigmoid(x) (Howard et al. 2019). */
export class Hardswish extends Module {
  /** x of any shape to the same shape. */
  forward(x: Tensor): Tensor {
    return F.hardswish(x);
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
