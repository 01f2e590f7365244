/**
 * Finding where a NaN came from. While it is on, every recorded op and every gradient leaves a flag on the device; the
 * flags are read when the program part ends, since reading is asynchronous, and the first that is set names the culprit.
 */
import { isFloating } from '../dtype.js';
import { AutogradError } from '../errors.js';
import { keep } from '../scope.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { noGrad } from './mode.js';

interface Flag {
  readonly what: string;
  readonly shape: readonly number[];
  readonly isNaN: Tensor;
}

let flags: Flag[] | null = null;

/** Notes whether a value has a NaN, if anyone asked. */
export function observe(what: string, value: Tensor): void {
  if (!flags || !isFloating(value.dtype)) return;
  const list = flags;
  // The flag's own ops are not to be observed.
  flags = null;
  try {
    list.push({ what, shape: value.shape, isNaN: noGrad(() => keep(value.detach().isnan().any())) });
  } finally {
    flags = list;
  }
}

/**
 * Runs `fn` and then throws an `AutogradError` that names the first op (or backward of an op) whose result had a NaN, as
 * `torch.autograd.detect_anomaly`. Slow: every value is scanned.
 *
 * @example
 * const loss = await detectAnomaly(() => {
 *   const value = model.forward(x).sum();
 *   value.backward();
 *   return value;
 * });
 */
export async function detectAnomaly<T>(fn: () => T | Promise<T>): Promise<T> {
  const outer = flags;
  const own: Flag[] = [];
  flags = own;
  let result: T;
  try {
    result = await fn();
  } finally {
    flags = outer;
  }
  let culprit: Flag | undefined;
  for (const flag of own) {
    if (!culprit && (await flag.isNaN.item()) !== 0) culprit = flag;
    flag.isNaN.dispose();
  }
  if (culprit)
    throw new AutogradError(
      `detectAnomaly: ${culprit.what} returned nan values, in a tensor of shape ${formatShape(culprit.shape)}`,
    );
  return result;
}
