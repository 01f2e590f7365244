/** What losses make of the losses of their rows or elements. */
import { ArgumentError } from '../errors.js';
import type { Tensor } from '../tensor.js';

/** What becomes of the losses of the rows: their mean, their sum, or one each. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Throws unless the reduction is one of the three. */
export function checkReduction(name: string, reduction: string): void {
  if (!['mean', 'sum', 'none'].includes(reduction))
    throw new ArgumentError(`${name}: ${reduction} is not a valid value for reduction: it may be mean, sum or none`);
}

/** Losses as the reduction asks for them. */
export function reduced(losses: Tensor, reduction: Reduction): Tensor {
  return reduction === 'none' ? losses : reduction === 'sum' ? losses.sum() : losses.mean();
}
