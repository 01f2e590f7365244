/** Putting elements in order. The kernel finds the places; values are gathered by them, which is all their gradient needs. */
import { isFloating } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { formatShape, normalizeDim } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { gatherAs } from './indexing.js';
import { dense, emptyOn } from './operands.js';

/** Places keep their dtype through views. */
type Places = Tensor<'int32'>;

/** Elements and where they stood. */
export interface ValuesAndIndices {
  readonly values: Tensor;
  /** int32; no gradient. */
  readonly indices: Tensor<'int32'>;
}

/** Options of sorting. */
export interface SortOptions {
  /** The largest first. Default false. */
  readonly descending?: boolean;
  /** Equal elements keep their order whether this is asked for or not. */
  readonly stable?: boolean;
}

/**
 * The places that put a dim in order, int32. Equal elements stay in theirs (always stable); NaN counts as the largest. As
 * [torch.argsort](https://pytorch.org/docs/stable/generated/torch.argsort.html). Not differentiable.
 *
 * @example
 * argsort(tensor([3, 1, 2])); // [1, 2, 0]
 */
export function argsort(x: Tensor, dim = -1, { descending = false }: SortOptions = {}): Tensor<'int32'> {
  return places('argsort', x, dim, descending);
}

/** Only the first `most` along the dim are of use, where that is given. */
function places(name: string, x: Tensor, dim: number, descending: boolean, most?: number): Places {
  const rank = x.shape.length;
  const at = normalizeDim(name, dim, rank);
  x.checkAlive(name);
  const detached = x.detach();
  const rows = rank === 0 ? detached.reshape([1]) : detached.transpose(at, rank - 1);
  const { backend } = x.storage;
  const input = dense(rows);
  const { tensor, operand: out } = emptyOn(backend, 'int32', { name, shape: rows.shape });
  const length = rows.shape.at(-1) ?? 1;
  const count = length === 0 ? 0 : rows.numel() / length;
  backend.run({ kind: 'sort', descending, rows: count, length, ...(most !== undefined && { most }), input, out });
  return (rank === 0 ? tensor.reshape([]) : tensor.transpose(at, rank - 1)) as Places;
}

/**
 * A dim in order, and where its elements stood. Always stable; NaN counts as the largest. As [torch.sort](https://pytorch.org/docs/stable/generated/torch.sort.html).
 *
 * @example
 * const { values, indices } = sort(tensor([3, 1, 2])); // [1, 2, 3] and [1, 2, 0]
 */
export function sort(x: Tensor, dim = -1, { descending = false }: SortOptions = {}): ValuesAndIndices {
  const indices = places('sort', x, dim, descending);
  return { values: gatherAs('sort', x, dim, indices), indices };
}

/** Options of `topk`. */
export interface TopkOptions {
  /** The largest (default) or the smallest. */
  readonly largest?: boolean;
  /** They come in order whether this is asked for or not. */
  readonly sorted?: boolean;
}

/**
 * The `k` largest (or smallest) elements along a dim, in order, and where they stand; of equal ones the first. As
 * [torch.topk](https://pytorch.org/docs/stable/generated/torch.topk.html).
 *
 * @throws ArgumentError if the dim has fewer than `k` elements.
 * @example
 * topk(tensor([3, 1, 2]), 2).values; // [3, 2]
 */
export function topk(x: Tensor, k: number, dim = -1, { largest = true }: TopkOptions = {}): ValuesAndIndices {
  const at = normalizeDim('topk', dim, x.shape.length);
  const size = x.shape[at] ?? 1;
  if (!Number.isInteger(k) || k < 0 || k > size)
    throw new ArgumentError(
      `topk: selected index k out of range: ${k} of ${size} elements at dimension ${at} of ${formatShape(x.shape)}`,
    );
  if (x.shape.length === 0) {
    const one = topk(x.reshape([1]), 1, 0);
    return { values: one.values.reshape([]), indices: one.indices.reshape([]) as Places };
  }
  const indices = places('topk', x, at, largest, Math.max(k, 1)).narrow(at, 0, k) as Places;
  return { values: gatherAs('topk', x, at, indices), indices };
}

/**
 * The middle element along a dim (the lower one of two), or a NaN if there is one, and where it stands. As
 * [torch.median](https://pytorch.org/docs/stable/generated/torch.median.html).
 *
 * @throws ShapeError if the dim is empty.
 */
export function medianAlong(x: Tensor, dim: number, { keepDim = false } = {}): ValuesAndIndices {
  const at = normalizeDim('median', dim, x.shape.length);
  const size = x.shape[at] ?? 1;
  if (size === 0)
    throw new ShapeError(`median: Expected reduction dim ${at} to have non-zero size, got ${formatShape(x.shape)}`);
  if (x.shape.length === 0) return { values: x.reshape([]), indices: x.newFull([], 0, { dtype: 'int32' }) as Places };
  const order = places('median', x, at, false);
  const middle = order.narrow(at, Math.floor((size - 1) / 2), 1);
  const last = order.narrow(at, size - 1, 1);
  const largest = gatherAs('median', x.detach(), at, last);
  const chosen = isFloating(x.dtype) ? last.where(largest.isnan(), middle) : middle;
  const values = gatherAs('median', x, at, chosen);
  return keepDim
    ? { values, indices: chosen as Places }
    : { values: values.squeeze(at), indices: chosen.squeeze(at) as Places };
}

/** The middle of all elements: see {@link medianAlong}. That of no floats is NaN. */
export function median(x: Tensor): Tensor {
  if (x.numel() === 0 && isFloating(x.dtype)) return x.mean();
  return medianAlong(x.reshape([-1]), 0).values;
}
