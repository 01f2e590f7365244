/** The methods of tensors for the rarer functions, activations and bits. Each is one line: what it means stands at the op. */
import * as activations from '../ops/activations.js';
import { pointwise } from '../ops/pointwise/apply.js';
import type { Operand } from '../ops/pointwise/record.js';
import type { Tensor } from '../tensor.js';
import { ArithmeticMethods } from './arithmetic.js';

/** Methods of {@link Tensor}: rarer functions, activations, bits. */
export abstract class PointwiseMethods extends ArithmeticMethods {
  /** 2 to the power of the elements. */
  exp2(this: Tensor): Tensor {
    return pointwise('exp2', [this]);
  }
  log10(this: Tensor): Tensor {
    return pointwise('log10', [this]);
  }
  tan(this: Tensor): Tensor {
    return pointwise('tan', [this]);
  }
  asin(this: Tensor): Tensor {
    return pointwise('asin', [this]);
  }
  acos(this: Tensor): Tensor {
    return pointwise('acos', [this]);
  }
  atan(this: Tensor): Tensor {
    return pointwise('atan', [this]);
  }
  /** The angle of the points (other, this), in (-π, π]. */
  atan2(this: Tensor, other: Operand): Tensor {
    return pointwise('atan2', [this, other]);
  }
  sinh(this: Tensor): Tensor {
    return pointwise('sinh', [this]);
  }
  cosh(this: Tensor): Tensor {
    return pointwise('cosh', [this]);
  }
  asinh(this: Tensor): Tensor {
    return pointwise('asinh', [this]);
  }
  acosh(this: Tensor): Tensor {
    return pointwise('acosh', [this]);
  }
  atanh(this: Tensor): Tensor {
    return pointwise('atanh', [this]);
  }
  /** 1 - erf, with all digits in the upper tail. */
  erfc(this: Tensor): Tensor {
    return pointwise('erfc', [this]);
  }
  /** The quotient rounded down, as Python's `//`. */
  floorDivide(this: Tensor, divisor: Operand): Tensor {
    return pointwise('floorDivide', [this, divisor]);
  }
  /** The remainder with the dividend's sign, as C's `fmod`. */
  fmod(this: Tensor, divisor: Operand): Tensor {
    return activations.fmod(this, divisor);
  }
  /** See {@link lerp}. */
  lerp(this: Tensor, end: Tensor, weight: Tensor | number): Tensor {
    return activations.lerp(this, end, weight);
  }
  isinf(this: Tensor): Tensor {
    return activations.isinf(this);
  }

  /** See {@link leakyRelu}. */
  leakyRelu(this: Tensor, slope?: number): Tensor {
    return activations.leakyRelu(this, slope);
  }
  /** See {@link elu}. */
  elu(this: Tensor, alpha?: number): Tensor {
    return activations.elu(this, alpha);
  }
  /** x tanh(softplus(x)), Misra 2019. */
  mish(this: Tensor): Tensor {
    return pointwise('mish', [this]);
  }
  /** See {@link softplus}. */
  softplus(this: Tensor, options?: activations.SoftplusOptions): Tensor {
    return activations.softplus(this, options);
  }
  /** See {@link logSigmoid}. */
  logSigmoid(this: Tensor): Tensor {
    return activations.logSigmoid(this);
  }
  /** See {@link hardtanh}. */
  hardtanh(this: Tensor, min?: number, max?: number): Tensor {
    return activations.hardtanh(this, min, max);
  }

  bitwiseAnd(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseAnd', [this, other]);
  }
  bitwiseOr(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseOr', [this, other]);
  }
  bitwiseXor(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseXor', [this, other]);
  }
  bitwiseNot(this: Tensor): Tensor {
    return activations.bitwise('bitwiseNot', [this]);
  }
  /** `this << places`; places count modulo 32. */
  bitwiseLeftShift(this: Tensor, places: Operand): Tensor {
    return activations.bitwise('leftShift', [this, places]);
  }
  /** `this >> places` with the sign kept; places count modulo 32. */
  bitwiseRightShift(this: Tensor, places: Operand): Tensor {
    return activations.bitwise('rightShift', [this, places]);
  }
}
