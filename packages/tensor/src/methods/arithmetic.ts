/** The methods of tensors that compute element by element: arithmetic, common functions, comparisons, choices. Each is one line. */
import { pointwise } from '../ops/pointwise/apply.js';
import type { Operand } from '../ops/pointwise/record.js';
import { clamp, maskedFill } from '../ops/selection.js';
import type { Tensor } from '../tensor.js';
import { ProductMethods } from './products.js';

/** Methods of {@link Tensor}: arithmetic, common functions, comparisons, choices. */
export abstract class ArithmeticMethods extends ProductMethods {
  /** `this + alpha * other`, broadcast and promoted. */
  add(this: Tensor, other: Operand, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    return pointwise('add', [this, scaled(other, alpha)]);
  }
  /** `this - alpha * other`, broadcast and promoted. */
  sub(this: Tensor, other: Operand, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    return pointwise('sub', [this, scaled(other, alpha)]);
  }
  /** The product element by element, broadcast and promoted. */
  mul(this: Tensor, other: Operand): Tensor {
    return pointwise('mul', [this, other]);
  }
  /** True division, also of integers. */
  div(this: Tensor, other: Operand): Tensor {
    return pointwise('div', [this, other]);
  }
  /** `this` to the power of a number or of each element. */
  pow(this: Tensor, exponent: Operand): Tensor {
    return power(this, exponent);
  }
  /** The remainder with the divisor's sign, as Python's `%`. */
  remainder(this: Tensor, divisor: Operand): Tensor {
    return pointwise('remainder', [this, divisor]);
  }
  /** The larger of two elements; NaN if either is. */
  maximum(this: Tensor, other: Operand): Tensor {
    return pointwise('maximum', [this, other]);
  }
  /** The smaller of two elements; NaN if either is. */
  minimum(this: Tensor, other: Operand): Tensor {
    return pointwise('minimum', [this, other]);
  }
  /** `-x`. */
  neg(this: Tensor): Tensor {
    return pointwise('neg', [this]);
  }
  /** The magnitude. */
  abs(this: Tensor): Tensor {
    return pointwise('abs', [this]);
  }
  /** -1, 0 or 1. */
  sign(this: Tensor): Tensor {
    return pointwise('sign', [this]);
  }
  /** `x * x`. */
  square(this: Tensor): Tensor {
    return pointwise('mul', [this, this], 'square');
  }
  /** The square root; NaN below 0. */
  sqrt(this: Tensor): Tensor {
    return pointwise('sqrt', [this]);
  }
  /** `1 / sqrt(x)`. */
  rsqrt(this: Tensor): Tensor {
    return pointwise('rsqrt', [this]);
  }
  /** `1 / x`. */
  reciprocal(this: Tensor): Tensor {
    return pointwise('reciprocal', [this]);
  }
  /** To the next whole number below. */
  floor(this: Tensor): Tensor {
    return pointwise('floor', [this]);
  }
  /** To the next whole number above. */
  ceil(this: Tensor): Tensor {
    return pointwise('ceil', [this]);
  }
  /** To the nearest whole number, halves to even. */
  round(this: Tensor): Tensor {
    return pointwise('round', [this]);
  }
  /** To the next whole number towards 0. */
  trunc(this: Tensor): Tensor {
    return pointwise('trunc', [this]);
  }
  /** e to the power of each element. */
  exp(this: Tensor): Tensor {
    return pointwise('exp', [this]);
  }
  /** `exp(x) - 1`, exact for small x. */
  expm1(this: Tensor): Tensor {
    return pointwise('expm1', [this]);
  }
  /** The natural logarithm; NaN below 0. */
  log(this: Tensor): Tensor {
    return pointwise('log', [this]);
  }
  /** The logarithm to base 2. */
  log2(this: Tensor): Tensor {
    return pointwise('log2', [this]);
  }
  /** `log(1 + x)`, exact for small x. */
  log1p(this: Tensor): Tensor {
    return pointwise('log1p', [this]);
  }
  /** The sine of an angle in radians. */
  sin(this: Tensor): Tensor {
    return pointwise('sin', [this]);
  }
  /** The cosine of an angle in radians. */
  cos(this: Tensor): Tensor {
    return pointwise('cos', [this]);
  }
  /** The hyperbolic tangent. */
  tanh(this: Tensor): Tensor {
    return pointwise('tanh', [this]);
  }
  /** `1 / (1 + exp(-x))`. */
  sigmoid(this: Tensor): Tensor {
    return pointwise('sigmoid', [this]);
  }
  /** The error function. */
  erf(this: Tensor): Tensor {
    return pointwise('erf', [this]);
  }
  /** `max(x, 0)`; NaN stays NaN. */
  relu(this: Tensor): Tensor {
    return pointwise('relu', [this]);
  }
  /** x Φ(x), exactly or (`approximate: 'tanh'`) as GPT-2 computes it. */
  gelu(this: Tensor, { approximate = 'none' }: { readonly approximate?: 'none' | 'tanh' } = {}): Tensor {
    return pointwise(approximate === 'tanh' ? 'geluTanh' : 'gelu', [this]);
  }
  /** `x * sigmoid(x)`. */
  silu(this: Tensor): Tensor {
    return pointwise('silu', [this]);
  }
  /** Limits elements to [min, max]; either bound may be left out. */
  clamp(this: Tensor, bounds: { readonly min?: Operand; readonly max?: Operand }): Tensor {
    return clamp(this, bounds);
  }

  /** Whether elements are equal: bool, broadcast. NaN equals nothing. */
  eq(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('eq', [this, other]) as Tensor<'bool'>;
  }
  /** Whether elements differ: bool, broadcast. */
  ne(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('ne', [this, other]) as Tensor<'bool'>;
  }
  /** `this < other`: bool, broadcast. */
  lt(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('lt', [this, other]) as Tensor<'bool'>;
  }
  /** `this <= other`: bool, broadcast. */
  le(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('le', [this, other]) as Tensor<'bool'>;
  }
  /** `this > other`: bool, broadcast. */
  gt(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('gt', [this, other]) as Tensor<'bool'>;
  }
  /** `this >= other`: bool, broadcast. */
  ge(this: Tensor, other: Operand): Tensor<'bool'> {
    return pointwise('ge', [this, other]) as Tensor<'bool'>;
  }
  /** Whether each element is NaN: bool. */
  isnan(this: Tensor): Tensor<'bool'> {
    return pointwise('isNan', [this]) as Tensor<'bool'>;
  }
  /** Whether each element is neither NaN nor infinite: bool. */
  isfinite(this: Tensor): Tensor<'bool'> {
    return pointwise('isFinite', [this]) as Tensor<'bool'>;
  }
  /** Whether both are true: bool, broadcast. */
  logicalAnd(this: Tensor, other: Tensor): Tensor<'bool'> {
    return pointwise('logicalAnd', [this, other]) as Tensor<'bool'>;
  }
  /** Whether one of them is true: bool, broadcast. */
  logicalOr(this: Tensor, other: Tensor): Tensor<'bool'> {
    return pointwise('logicalOr', [this, other]) as Tensor<'bool'>;
  }
  /** Whether exactly one of them is true: bool, broadcast. */
  logicalXor(this: Tensor, other: Tensor): Tensor<'bool'> {
    return pointwise('logicalXor', [this, other]) as Tensor<'bool'>;
  }
  /** Whether each element is false: bool. */
  logicalNot(this: Tensor): Tensor<'bool'> {
    return pointwise('logicalNot', [this]) as Tensor<'bool'>;
  }
  /** `value` where the bool mask is true. */
  maskedFill(this: Tensor, mask: Tensor, value: number): Tensor {
    return maskedFill(this, mask, value);
  }
  /** `condition ? this : other`. */
  where(this: Tensor, condition: Tensor, other: Operand): Tensor {
    return pointwise('where', [condition, this, other]);
  }
}

function scaled(other: Operand, alpha: number): Operand {
  if (alpha === 1) return other;
  return typeof other === 'number' ? other * alpha : other.mul(alpha);
}

/** Small whole powers are products: exact where a general power is not. */
function power(x: Tensor, exponent: Operand): Tensor {
  if (exponent === 1) return pointwise('mul', [x, 1], 'pow');
  if (exponent === 2) return pointwise('mul', [x, x], 'pow');
  if (exponent === 3) return pointwise('mul', [x.mul(x), x], 'pow');
  return pointwise('pow', [x, exponent]);
}
