/** Dropout (Srivastava et al. 2014): the mask is never stored, the backward pass draws it again from the same place of a Philox stream. */
import { record } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ArgumentError } from '../errors.js';
import { pendingStorage } from '../fuse/build.js';
import { defaultGenerator } from '../random/default.js';
import type { Generator } from '../random/generator.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Dropout does nothing unless training. Default true. */
  readonly training?: boolean;
  /** Where the place in the stream comes from; the default generator if absent. */
  readonly generator?: Generator;
}

/** Zeroes elements with probability `p` and scales the others by `1 / (1 - p)`, as `torch.nn.functional.dropout`. */
export function dropout(
  x: Tensor,
  p = 0.5,
  { training = true, generator = defaultGenerator() }: DropoutOptions = {},
): Tensor {
  checkProbability('dropout', p);
  if (!training || p === 0) return x;
  return givingBack(generator, () => dropoutAt(x, p, dropoutKey(generator)));
}

/** Runs `fn`; if it throws, the places of the stream that it took are free again. */
export function givingBack<T>(generator: Generator, fn: () => T): T {
  const { keysTaken } = generator;
  try {
    return fn();
  } catch (error) {
    generator.keysTaken = keysTaken;
    throw error;
  }
}

/** Where a mask begins in the Philox stream: seed low, seed high, offset. */
export type DropoutKey = readonly [number, number, number];

/** The next free place. */
export function dropoutKey(generator: Generator = defaultGenerator()): DropoutKey {
  const { seed, offset } = generator.philoxKey();
  return [seed[0] | 0, seed[1] | 0, offset | 0];
}

export function checkProbability(name: string, p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new ArgumentError(`${name}: dropout probability has to be between 0 and 1, but got ${p}`);
}

/** Dropout by the mask at one place of the stream. */
export function dropoutAt(x: Tensor, p: number, key: DropoutKey): Tensor {
  const scalars = key.map((scalar) => ({ scalar, dtype: 'int32' as const }));
  const storage = pendingStorage(x.storage.backend, 'uniform', 'int32', 'float32', x.shape, scalars, 'dropout');
  const uniform = makeTensor(storage, contiguousView(x.shape));
  const kept = x
    .detach()
    .mul(p === 1 ? 0 : 1 / (1 - p))
    .maskedFill(uniform.lt(p), 0);
  uniform.dispose();
  return record('dropout', kept, [x], [], (grad) => [() => dropoutAt(grad, p, key)]);
}
