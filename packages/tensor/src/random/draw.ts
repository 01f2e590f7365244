/**
 * Storages of random numbers. A device that can draws many numbers itself, with the bits and the place in the stream that the host's
 * loops in `distributions.ts` have; few of them, and other dtypes, are drawn on the host and copied there.
 */
import type { Backend } from '../backend/backend.js';
import type { Draw } from '../backend/draw.js';
import { hostArray } from '../dtype.js';
import { uploadInto } from '../host.js';
import type { Wanted } from '../room.js';
import { Storage } from '../storage.js';
import {
  fillBernoulli,
  fillDoubles,
  fillExponential,
  fillNormal,
  fillRandint,
  fillRandperm,
  fillUniform,
} from './distributions.js';
import type { Generator } from './generator.js';

/** For fewer numbers than this it takes longer to hand a device the generator's state. */
const WORTH_HANDING_OVER = 256;

/** A new storage of `count` numbers, the next ones of a generator's stream. */
export function drawnStorage(
  backend: Backend,
  dtype: 'float32' | 'float64' | 'int32',
  count: number,
  draw: Draw,
  generator: Generator,
  wanted: Wanted,
): Storage {
  // Draws nothing, and refuses what cannot be drawn: a generator stays where it was unless there is a tensor to show for it.
  fill(hostArray(dtype, 0), draw, generator);
  const storage = new Storage(backend, dtype, count, wanted);
  const { buffer } = storage;
  if (count >= WORTH_HANDING_OVER && dtype !== 'float64' && backend.draw) {
    generator.handOver((state) => backend.draw?.(buffer, count, draw, state) ?? state);
    return storage;
  }
  const values = hostArray(dtype, count);
  fill(values, draw, generator);
  uploadInto(storage, 0, values);
  return storage;
}

/** Fills a host array. */
export function fill(out: Float32Array | Float64Array | Int32Array, draw: Draw, generator: Generator): void {
  if (out instanceof Int32Array) {
    if (draw.kind === 'integers') fillRandint(out, draw.low, draw.high, generator);
    else if (draw.kind === 'permutation') fillRandperm(out, generator);
  } else if (draw.kind === 'uniform') fillUniform(out, draw.from, draw.to, generator);
  else if (draw.kind === 'double') fillDoubles(out, generator);
  else if (draw.kind === 'normal') fillNormal(out, draw.mean, draw.std, generator);
  else if (draw.kind === 'bernoulli') fillBernoulli(out, draw.p, generator);
  else if (draw.kind === 'exponential') fillExponential(out, draw.rate, generator);
}
