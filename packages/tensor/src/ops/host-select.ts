/**
 * Ops whose result has a size that depends on values: the values are read back and the places found on the host, so they are
 * asynchronous. What they pick is picked by an index on the device, so gradients flow.
 */
import { ShapeError } from '../errors.js';
import { broadcastShapes, contiguousStrides, formatShape, normalizeDim, numel, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { selectAs } from './indexing.js';
import { checkDTypes, hostTensor } from './operands.js';
import { movedim } from './rearrange.js';
import { expand, reshape } from './shape.js';

/** Row-major places of the elements that are not 0. */
async function placesOf(x: Tensor): Promise<Int32Array> {
  const values = await x.data();
  const places = new Int32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) places[count++] = i;
  return places.subarray(0, count);
}

/**
 * The elements where a bool mask is true, as a vector, in row-major order. As [torch.masked_select](https://pytorch.org/docs/stable/generated/torch.masked_select.html), asynchronous.
 *
 * @throws DTypeError unless the mask is bool, ShapeError unless both broadcast.
 * @example
 * await maskedSelect(tensor([1, -2, 3]), tensor([true, false, true])); // [1, 3]
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  checkDTypes('maskedSelect', 'mask', mask, ['bool']);
  const shape = broadcastShapes('maskedSelect', x.shape, mask.shape);
  const flat = reshape(expand(x, shape), [-1]);
  const places = await placesOf(expand(mask, shape));
  return selectAs('maskedSelect', flat, 0, hostTensor(x.storage.backend, places, [places.length], 'int32'));
}

/**
 * The indices of the elements that are not 0, int32 [count, dims], in row-major order; NaN is not 0. As
 * [torch.nonzero](https://pytorch.org/docs/stable/generated/torch.nonzero.html), asynchronous. Not differentiable.
 *
 * @example
 * await nonzero(tensor([0, 5, 7])); // [[1], [2]]
 */
export async function nonzero(x: Tensor): Promise<Tensor> {
  const places = await placesOf(x);
  const strides = contiguousStrides(x.shape);
  const rank = x.shape.length;
  const indices = new Int32Array(places.length * rank);
  for (let i = 0; i < places.length; i++) {
    let rest = places[i] ?? 0;
    for (let d = 0; d < rank; d++) {
      const step = strides[d] ?? 1;
      indices[i * rank + d] = Math.floor(rest / step);
      rest %= step;
    }
  }
  return hostTensor(x.storage.backend, indices, [places.length, rank], 'int32');
}

/** Options of {@link unique}. */
export interface UniqueOptions {
  /** Compare whole slices of this dim; all elements by default. */
  readonly dim?: number | null;
}

/** What {@link unique} finds. */
export interface Unique {
  /** Each different element (or slice) once, in ascending order. */
  readonly values: Tensor;
  /** Where each element of the input stands in `values`, int32. */
  readonly inverse: Tensor;
  /** How often each of them occurs, int32. */
  readonly counts: Tensor;
}

/**
 * The different elements, or slices of a dim, in ascending order, with places and counts; every NaN counts as different. As
 * [torch.unique](https://pytorch.org/docs/stable/generated/torch.unique.html), asynchronous. Not differentiable.
 *
 * @example
 * const { values, counts } = await unique(tensor([3, 1, 3])); // [1, 3] and [1, 2]
 */
export async function unique(x: Tensor, { dim }: UniqueOptions = {}): Promise<Unique> {
  const whole = dim === undefined || dim === null;
  const at = whole ? 0 : normalizeDim('unique', dim, x.shape.length);
  if (!whole && numel(x.shape) === 0 && !sameShape(x.shape, [0]))
    throw new ShapeError(
      `unique: There are 0 sized dimensions, and they aren't selected, so unique cannot be applied: ${formatShape(x.shape)}`,
    );
  const source = x.detach();
  const rows = whole ? reshape(source, [-1, 1]) : reshape(movedim(source, at, 0), [x.shape[at] ?? 0, -1]);
  const [count = 0, width = 1] = rows.shape;
  const data = await rows.data();
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => compareRows(data, width, a, b) || a - b);
  const inverse = new Int32Array(count);
  const firsts: number[] = [];
  const counts: number[] = [];
  for (const [i, row] of order.entries()) {
    const previous = order[i - 1];
    if (previous === undefined || !equalRows(data, width, previous, row)) {
      firsts.push(row);
      counts.push(0);
    }
    inverse[row] = firsts.length - 1;
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  }
  const { backend } = x.storage;
  const picked = hostTensor(backend, Int32Array.from(firsts), [firsts.length], 'int32');
  return {
    values: selectAs('unique', whole ? reshape(source, [-1]) : source, at, picked),
    inverse: hostTensor(backend, inverse, whole ? x.shape : [count], 'int32'),
    counts: hostTensor(backend, Int32Array.from(counts), [counts.length], 'int32'),
  };
}

/** Lexicographic, NaN after all numbers. */
function compareRows(data: ArrayLike<number>, width: number, a: number, b: number): number {
  for (let i = 0; i < width; i++) {
    const [x, y] = [data[a * width + i] ?? 0, data[b * width + i] ?? 0];
    if (x === y) continue;
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
    if (Number.isNaN(y)) return -1;
    return x - y;
  }
  return 0;
}

function equalRows(data: ArrayLike<number>, width: number, a: number, b: number): boolean {
  for (let i = 0; i < width; i++) if (data[a * width + i] !== data[b * width + i]) return false;
  return true;
}
