/** Pointwise functions made of table ops: activations with parameters, interpolation, remainders, tests. Each fuses into one kernel. */
import { record } from '../autograd/record.js';
import { isFloating } from '../dtype.js';
import { ArgumentError, DTypeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { pointwise } from './pointwise/apply.js';
import type { Operand } from './pointwise/record.js';
import { sumTo } from './pointwise/sum-to.js';
import type { PointwiseName } from './pointwise/table.js';

/** `x` where positive, else `slope * x` (Maas et al. 2013); as `torch.nn.functional.leaky_relu`. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return x.where(x.gt(0), x.mul(slope));
}

/** `x` where positive, else `alpha (exp(x) - 1)` (Clevert et al. 2016); as `torch.nn.functional.elu`. */
export function elu(x: Tensor, alpha = 1): Tensor {
  // The other branch never sees a large argument: its infinite slope would make NaN of a gradient of 0.
  return x.where(x.gt(0), x.clamp({ max: 0 }).expm1().mul(alpha));
}

/** Options of {@link softplus}. */
export interface SoftplusOptions {
  /** Steepness; default 1. */
  readonly beta?: number;
  /** Above this the function is `x`; default 20. */
  readonly threshold?: number;
}

/** `log(1 + exp(beta x)) / beta`, as `torch.nn.functional.softplus`. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor {
  const steep = beta === 1 ? x : x.mul(beta);
  const smooth = pointwise('softplus', [steep]);
  const scaled = beta === 1 ? smooth : smooth.div(beta);
  // From 17 on both agree to the last bit of float32.
  return threshold >= 17 ? scaled : x.where(steep.gt(threshold), scaled);
}

/** `log(sigmoid(x))` without loss of digits, as `torch.nn.functional.logsigmoid`. */
export function logSigmoid(x: Tensor): Tensor {
  return pointwise('softplus', [x.neg()]).neg();
}

/** `x` cut to [min, max], with a gradient of 0 at the bounds and beyond; as `torch.nn.functional.hardtanh`. */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  if (!(min < max)) throw new ArgumentError(`hardtanh: min ${min} must be below max ${max}`);
  const raised = pointwise('where', [x.le(min), min, x], 'hardtanh');
  return pointwise('where', [raised.ge(max), max, raised], 'hardtanh');
}

/**
 * `start + weight (end - start)`, from the nearer end, so that a weight of 1 gives `end` exactly; as [torch.lerp](https://pytorch.org/docs/stable/generated/torch.lerp.html).
 *
 * @example
 * lerp(tensor([0, 10]), tensor([10, 20]), 0.5); // [5, 15]
 */
export function lerp(start: Tensor, end: Tensor, weight: Tensor | number): Tensor {
  const distance = end.sub(start);
  if (typeof weight === 'number')
    return weight < 0.5 ? start.add(distance.mul(weight)) : end.sub(distance.mul(1 - weight));
  const near = start.add(distance.mul(weight));
  return near.where(weight.lt(0.5), end.sub(distance.mul(weight.neg().add(1))));
}

/** The remainder with the sign of the dividend, as C's fmod and `torch.fmod`; the gradient goes to the dividend, and by quotients to the divisor. */
export function fmod(x: Tensor, divisor: Operand): Tensor {
  const a = x.detach();
  // A negative number beside bytes wraps instead of losing its sign.
  const wraps = a.dtype === 'uint8' && Number.isInteger(divisor);
  const b = typeof divisor !== 'number' ? divisor.detach().abs() : wraps ? divisor : Math.abs(divisor);
  const size = pointwise('remainder', [a.dtype === 'bool' ? a : a.abs(), b], 'fmod');
  const output = size.neg().where(a.lt(0), size);
  if (!isFloating(output.dtype)) return output;
  const inputs = typeof divisor === 'number' ? [x] : [x, divisor];
  return record('fmod', output, inputs, inputs, (grad, [left, right]) => [
    left && isFloating(left.dtype) ? () => sumTo(grad, left.shape) : null,
    left && right && isFloating(right.dtype) ? () => sumTo(grad.neg().mul(left.div(right).trunc()), right.shape) : null,
  ]);
}

/** Whether elements are infinite. Not differentiable. */
export function isinf(x: Tensor): Tensor {
  if (!isFloating(x.dtype)) return x.ne(x);
  return pointwise('eq', [x.detach().abs(), Number.POSITIVE_INFINITY], 'isinf');
}

/** A bitwise op, for integers and truth values only. Not differentiable. */
export function bitwise(
  op: Extract<PointwiseName, `bitwise${string}` | `${string}Shift`>,
  operands: readonly Operand[],
): Tensor {
  const name = op.endsWith('Shift') ? `bitwise${op.charAt(0).toUpperCase()}${op.slice(1)}` : op;
  for (const operand of operands) {
    const isWhole = typeof operand === 'number' ? Number.isInteger(operand) : !isFloating(operand.dtype);
    if (!isWhole)
      throw new DTypeError(
        `${name}: not implemented for ${typeof operand === 'number' ? `the number ${operand}` : `'${operand.dtype}'`}: operands must be integers or truth values`,
      );
  }
  return pointwise(op, operands, name);
}
