/** Indexing that reads like Python's brackets: `x.slice(':', [1, 3], null, -1)` is `x[:, 1:3, None, -1]`. */
import { record } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { formatShape, normalizeDim } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { selectView } from '../view.js';
import { sliceDim, unsqueeze } from './shape.js';

/**
 * One place of an index: a number picks and drops the dim; `':'` takes all; `[start, stop]` or `[start, stop, step]` is a
 * range (null for an open end, negative counts from the end); null inserts a dim; `'...'` stands for all dims in between.
 */
export type Index = number | ':' | '...' | null | readonly [start: number | null, stop: number | null, step?: number];

export function slice(x: Tensor, indices: readonly Index[]): Tensor {
  const taken = indices.filter((index) => index !== null && index !== '...').length;
  if (taken > x.shape.length)
    throw new ShapeError(
      `slice: too many indices for tensor of dimension ${x.shape.length}: got ${taken} for ${formatShape(x.shape)}`,
    );
  if (indices.filter((index) => index === '...').length > 1)
    throw new ArgumentError("slice: an index can have only one '...'");
  let result = x;
  let dim = 0;
  for (const index of indices) {
    if (index === '...') dim += x.shape.length - taken;
    else if (index === ':') dim++;
    else if (index === null) result = unsqueeze(result, dim++);
    else if (typeof index === 'number') result = select(result, dim, index);
    else result = range(result, dim++, index);
  }
  return result;
}

/** One index of a dim, which disappears. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  const at = normalizeDim('select', dim, x.shape.length);
  if (x.shape.length === 0) throw new ShapeError('select: cannot be applied to a 0-dim tensor');
  const size = x.shape[at] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size)
    throw new ShapeError(`select: index ${index} is out of bounds for dimension ${at} with size ${size}`);
  const from = index < 0 ? index + size : index;
  return record('select', makeTensor(x.storage.retain(), selectView(x.layout, at, from)), [x], [], (grad) => [
    () => selectBackward(grad, x.shape, at, from),
  ]);
}

function selectBackward(grad: Tensor, own: readonly number[], dim: number, index: number): Tensor {
  const place = grad.newArange(own[dim] ?? 0).view(own.map((size, d) => (d === dim ? size : 1)));
  return unsqueeze(grad, dim).maskedFill(place.ne(index), 0);
}

function range(
  x: Tensor,
  dim: number,
  [start, stop, step = 1]: readonly [number | null, number | null, number?],
): Tensor {
  if (!Number.isInteger(step) || step <= 0)
    throw new ArgumentError(`slice: step must be a whole number greater than zero, got ${step}`);
  const size = x.shape[dim] ?? 0;
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const from = clamp(start ?? 0);
  return sliceDim(x, dim, from, Math.max(from, clamp(stop ?? size)), step);
}
