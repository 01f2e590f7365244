/** Choosing between values by a condition. */

import { ArgumentError, DTypeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { checkDTypes } from './operands.js';
import { pointwise } from './pointwise/apply.js';
import type { Operand } from './pointwise/record.js';

/**
 * `condition ? a : b`, element by element, all broadcast together; as `torch.where`.
 *
 * @throws DTypeError if the condition is not bool.
 * @example
 * where(x.gt(0), x, x.mul(0.01));
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkDTypes('where', 'condition', condition, ['bool']);
  return pointwise('where', [condition, a, b]);
}

/** `value` where the bool mask is true, else `x`. The mask must broadcast to the shape of `x`. */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  if (mask.dtype !== 'bool')
    throw new DTypeError(`maskedFill: masked_fill_ only supports boolean masks, but got mask with dtype ${mask.dtype}`);
  return pointwise('where', [mask, value, x], 'maskedFill');
}

/** Limits elements to [min, max]; at a bound the gradient still goes to `x`, as in `torch.clamp`. NaN stays NaN. */
export function clamp(x: Tensor, { min, max }: { readonly min?: Operand; readonly max?: Operand }): Tensor {
  if (min === undefined && max === undefined)
    throw new ArgumentError("clamp: At least one of 'min' or 'max' must not be None");
  const raised = min === undefined ? x : pointwise('where', [x.lt(min), min, x], 'clamp');
  return max === undefined ? raised : pointwise('where', [raised.gt(max), max, raised], 'clamp');
}
