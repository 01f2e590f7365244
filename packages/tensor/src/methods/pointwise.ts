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
  /** The logarithm to base 10. */
  log10(this: Tensor): Tensor {
    return pointwise('log10', [this]);
  }
  /** The tangent of an angle in radians. */
  tan(this: Tensor): Tensor {
    return pointwise('tan', [this]);
  }
  /** The angle whose sine it is, in [-π/2, π/2]; NaN beyond ±1. */
  asin(this: Tensor): Tensor {
    return pointwise('asin', [this]);
  }
  /** The angle whose cosine it is, in [0, π]; NaN beyond ±1. */
  acos(this: Tensor): Tensor {
    return pointwise('acos', [this]);
  }
  /** The angle whose tangent it is, in (-π/2, π/2). */
  atan(this: Tensor): Tensor {
    return pointwise('atan', [this]);
  }
  /** The angle of the points (other, this), in (-π, π]. */
  atan2(this: Tensor, other: Operand): Tensor {
    return pointwise('atan2', [this, other]);
  }
  /** The hyperbolic sine. */
  sinh(this: Tensor): Tensor {
    return pointwise('sinh', [this]);
  }
  /** The hyperbolic cosine. */
  cosh(this: Tensor): Tensor {
    return pointwise('cosh', [this]);
  }
  /** The inverse of {@link Tensor.sinh}. */
  asinh(this: Tensor): Tensor {
    return pointwise('asinh', [this]);
  }
  /** The inverse of {@link Tensor.cosh}, at least 0; NaN below 1. */
  acosh(this: Tensor): Tensor {
    return pointwise('acosh', [this]);
  }
  /** The inverse of {@link Tensor.tanh}; NaN beyond ±1. */
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
  /** Whether each element is infinite: bool. */
  isinf(this: Tensor): Tensor<'bool'> {
    return activations.isinf(this) as Tensor<'bool'>;
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

  /** And of the bits of integers, or of truth values. */
  bitwiseAnd(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseAnd', [this, other]);
  }
  /** Or of the bits of integers, or of truth values. */
  bitwiseOr(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseOr', [this, other]);
  }
  /** Exclusive or of the bits of integers, or of truth values. */
  bitwiseXor(this: Tensor, other: Operand): Tensor {
    return activations.bitwise('bitwiseXor', [this, other]);
  }
  /** The bits of integers, or truth values, inverted. */
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
