/** Indexing that reads like Python's brackets: `x.slice(':', [1, 3], null, -1)` is `x[:, 1:3, None, -1]`. */
import { recordPart } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { broadcastShapes, formatShape, normalizeDim, numel } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { selectView, type View } from '../view.js';
import { selectAs } from './indexing.js';
import { checkDTypes } from './operands.js';
import { expand, permute, reshape, sliceDim, unsqueeze } from './shape.js';

/**
 * One place of an index: a number picks and drops the dim; `':'` takes all; `[start, stop]` or `[start, stop, step]` is a
 * range (null for an open end, negative counts from the end); null inserts a dim; `'...'` stands for all dims in between. A tensor of
 * whole numbers takes these places of the dim, in its own shape; several are broadcast together and name elements, as in `x[rows, columns]`.
 */
export type Index =
  | number
  | ':'
  | '...'
  | null
  | readonly [start: number | null, stop: number | null, step?: number]
  | Tensor;

const isTensor = (index: Index): index is Tensor =>
  typeof index === 'object' && index !== null && !Array.isArray(index);

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
  const picks: Pick[] = [];
  for (const index of indices) {
    if (isTensor(index)) picks.push({ dim: dim++, places: index });
    else if (index === '...') dim += x.shape.length - taken;
    else if (index === ':') dim++;
    else if (index === null) result = unsqueeze(result, dim++);
    else if (typeof index === 'number') result = select(result, dim, index);
    else result = range(result, dim++, index);
  }
  return picks.length === 0 ? result : pick(result, picks);
}

/** A dim and the places that are taken of it. */
interface Pick {
  readonly dim: number;
  readonly places: Tensor;
}

/**
 * Elements by index tensors: the dims named are merged into one, of which the places of all tensors together are selected. What is
 * taken stands where the dims stood, or in front if they were apart, as in PyTorch.
 */
function pick(x: Tensor, picks: readonly Pick[]): Tensor {
  const { shape } = x;
  for (const { places } of picks) {
    if (places.dtype === 'bool')
      throw new DTypeError(
        `slice: a mask picks a number of elements that is not known at the call: use await x.maskedSelect(mask), got bool ${formatShape(places.shape)}`,
      );
    checkDTypes('slice', 'an index', places, ['int32', 'uint8']);
  }
  const dims = picks.map(({ dim }) => dim);
  const taken = broadcastShapes('slice', ...picks.map(({ places }) => places.shape));
  const apart = dims.some((dim, i) => dim !== (dims[0] ?? 0) + i);
  const front = apart ? 0 : (dims[0] ?? 0);
  const rest = shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const order = [...rest.slice(0, front), ...dims, ...rest.slice(front)];
  const sizes = dims.map((dim) => shape[dim] ?? 1);
  const kept = rest.map((d) => shape[d] ?? 1);
  const merged = reshape(permute(x, order), [...kept.slice(0, front), numel(sizes), ...kept.slice(front)], 'slice');
  const places = expand(placesOf(picks, sizes), taken);
  const found = selectAs('slice', merged, front, reshape(places, [-1]));
  return reshape(found, [...kept.slice(0, front), ...taken, ...kept.slice(front)], 'slice');
}

/** The places in the merged dim; -1, which no tensor has, where one of several indices is out of bounds. */
function placesOf(picks: readonly Pick[], sizes: readonly number[]): Tensor {
  const wrapped = picks.map(({ places }, i) => places.where(places.ge(0), places.add(sizes[i] ?? 1)).to('int32'));
  const [first = picks[0]?.places, ...others] = wrapped;
  if (others.length === 0) return first as Tensor;
  const inside = wrapped.map((places, i) => places.ge(0).logicalAnd(places.lt(sizes[i] ?? 1)));
  const whole = others.reduce((sum, places, i) => sum.mul(sizes[i + 1] ?? 1).add(places), first as Tensor);
  return whole.where(
    inside.reduce((a, b) => a.logicalAnd(b)),
    -1,
  );
}

/** One index of a dim, which disappears. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  const at = normalizeDim('select', dim, x.shape.length);
  if (x.shape.length === 0) throw new ShapeError('select: cannot be applied to a 0-dim tensor');
  const size = x.shape[at] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size)
    throw new ShapeError(`select: index ${index} is out of bounds for dimension ${at} with size ${size}`);
  const from = index < 0 ? index + size : index;
  const { shape } = x;
  const part = (whole: View): View => selectView(whole, at, from);
  return recordPart('select', makeTensor(x.storage.retain(), part(x.layout)), x, part, (grad) =>
    selectBackward(grad, shape, at, from),
  );
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
