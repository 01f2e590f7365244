/** Rearrangements that are views, or one copy through a view: repeats, reversals, rotations, moved and split dims. */
import { record } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { pendingStorage } from '../fuse/build.js';
import { formatShape, inferShape, normalizeDim, normalizeDims, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';
import { selectAs } from './indexing.js';
import { hostTensor } from './operands.js';
import { cat, clone, expand, narrow, permute, reshape, transpose, unsqueeze } from './shape.js';

/**
 * The tensor repeated `times[d]` times along each dim; further times than dims repeat along new leading ones. As
 * [torch.Tensor.repeat](https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html); unlike `expand` it copies.
 *
 * @throws ShapeError for fewer times than dims.
 * @example
 * tensor([1, 2]).repeat([2, 2]); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function repeat(x: Tensor, times: Shape, name = 'repeat'): Tensor {
  if (times.length < x.shape.length)
    throw new ShapeError(
      `${name}: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got ${formatShape(times)} for ${formatShape(x.shape)}`,
    );
  if (times.some((count) => !Number.isInteger(count) || count < 0))
    throw new ArgumentError(`${name}: times must be whole and not negative, got ${formatShape(times)}`);
  const own = [...new Array<number>(times.length - x.shape.length).fill(1), ...x.shape];
  const spaced = reshape(
    x,
    own.flatMap((size) => [1, size]),
    name,
  );
  const repeated = expand(
    spaced,
    own.flatMap((size, d) => [times[d] ?? 1, size]),
  );
  const result = reshape(
    repeated,
    own.map((size, d) => size * (times[d] ?? 1)),
    name,
  );
  return copyOf(x, result);
}

/** What an op made of `x`, in memory of its own: where there is nothing to repeat, or one element alone, it would be a view. */
function copyOf(x: Tensor, result: Tensor): Tensor {
  return result.storage === x.storage ? clone(result) : result;
}

/** {@link Tensor.repeat} with times for the last dims only, as `torch.tile`. */
export function tile(x: Tensor, times: Shape): Tensor {
  return repeat(x, [...new Array<number>(Math.max(0, x.shape.length - times.length)).fill(1), ...times], 'tile');
}

/**
 * Every element (or slice of `dim`) repeated in place, by one number or by one for each; without a dim the tensor is flattened. As
 * [torch.repeat_interleave](https://pytorch.org/docs/stable/generated/torch.repeat_interleave.html).
 *
 * @example
 * tensor([1, 2]).repeatInterleave(2); // [1, 1, 2, 2]
 */
export function repeatInterleave(x: Tensor, repeats: number | readonly number[], dim?: number | null): Tensor {
  if (dim === undefined || dim === null) return repeatInterleave(reshape(x, [-1]), repeats, 0);
  const at = normalizeDim('repeatInterleave', dim, x.shape.length);
  if (x.shape.length === 0) return repeatInterleave(reshape(x, [1]), repeats, 0);
  const size = x.shape[at] ?? 0;
  const counts = typeof repeats === 'number' ? [repeats] : repeats;
  if (counts.some((count) => !Number.isInteger(count) || count < 0))
    throw new ArgumentError(`repeatInterleave: repeats can not be negative, got ${formatShape(counts)}`);
  if (typeof repeats === 'number') {
    const spaced = unsqueeze(x, at + 1);
    return copyOf(x, reshape(expand(spaced, spaced.shape.with(at + 1, repeats)), x.shape.with(at, size * repeats)));
  }
  if (counts.length !== size)
    throw new ShapeError(
      `repeatInterleave: repeats must have the same size as input along dim ${at}: ${size} in ${formatShape(x.shape)}, got ${counts.length}`,
    );
  const places = Int32Array.from(counts.flatMap((count, i) => new Array<number>(count).fill(i)));
  return selectAs('repeatInterleave', x, at, hostTensor(x.storage.backend, places, [places.length], 'int32'));
}

/**
 * The elements in reverse order along dims. As [torch.flip](https://pytorch.org/docs/stable/generated/torch.flip.html): a copy.
 *
 * @example
 * flip(tensor([[1, 2], [3, 4]]), 1); // [[2, 1], [4, 3]]
 */
export function flip(x: Tensor, dims: number | Shape): Tensor {
  x.checkAlive('flip');
  const reversed = normalizeDims('flip', dims, x.shape.length);
  const { shape, layout } = x;
  let { offset } = layout;
  const strides = [...layout.strides];
  if (numel(shape) > 0) {
    for (const d of reversed) {
      offset += ((shape[d] ?? 1) - 1) * (strides[d] ?? 0);
      strides[d] = -(strides[d] ?? 0);
    }
  }
  // Only the pointwise kernel of this copy ever sees the negative strides.
  const storage = pendingStorage(
    x.storage.backend,
    'copy',
    x.dtype,
    x.dtype,
    shape,
    [{ storage: x.storage, view: { shape, strides, offset } }],
    'flip',
  );
  return record('flip', makeTensor(storage, contiguousView(shape)), [x], [], (grad) => [() => flip(grad, reversed)]);
}

/**
 * The elements moved on by `shifts` along dims; what leaves at one end comes in at the other. Without dims the flattened tensor is
 * rolled. As [torch.roll](https://pytorch.org/docs/stable/generated/torch.roll.html).
 *
 * @example
 * roll(tensor([1, 2, 3]), 1); // [3, 1, 2]
 */
export function roll(x: Tensor, shifts: number | readonly number[], dims?: number | Shape | null): Tensor {
  const steps = typeof shifts === 'number' ? [shifts] : shifts;
  if (dims === undefined || dims === null) {
    if (steps.length !== 1)
      throw new ArgumentError(`roll: shifts and dimensions must align: ${steps.length} shifts and no dims`);
    return reshape(roll(reshape(x, [-1]), steps, 0), x.shape);
  }
  const along = typeof dims === 'number' ? [dims] : dims;
  if (along.length !== steps.length)
    throw new ArgumentError(`roll: shifts and dimensions must align. shifts: ${steps.length}, dims: ${along.length}`);
  return along.reduce((result, dim, i) => rollOne(result, steps[i] ?? 0, dim), x);
}

function rollOne(x: Tensor, shift: number, dim: number): Tensor {
  if (!Number.isInteger(shift)) throw new ArgumentError(`roll: shifts must be whole, got ${shift}`);
  const at = normalizeDim('roll', dim, x.shape.length);
  const size = x.shape[at] ?? 1;
  const start = size === 0 ? 0 : ((shift % size) + size) % size;
  if (start === 0) return x.clone();
  return cat([narrow(x, at, size - start, start), narrow(x, at, 0, size - start)], at);
}

/** Dims moved to other places, the rest in their order, as `torch.movedim`. */
export function movedim(x: Tensor, source: number | Shape, destination: number | Shape): Tensor {
  const rank = x.shape.length;
  const list = (dims: number | Shape): number[] =>
    (typeof dims === 'number' ? [dims] : [...dims]).map((dim) => normalizeDim('movedim', dim, rank));
  const [from, to] = [list(source), list(destination)];
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length)
    throw new ShapeError(
      `movedim: Invalid source or destination dims: source ${formatShape(from)} and destination ${formatShape(to)} must name as many dims, each once`,
    );
  if (rank === 0) return x;
  const order = new Array<number>(rank).fill(-1);
  for (const [i, dim] of to.entries()) order[dim] = from[i] ?? 0;
  const rest = x.shape.map((_, d) => d).filter((d) => !from.includes(d));
  return permute(
    x,
    order.map((dim) => (dim >= 0 ? dim : (rest.shift() ?? 0))),
  );
}

/** `torch.swapaxes`: {@link Tensor.transpose} by NumPy's name. */
export function swapaxes(x: Tensor, axis0: number, axis1: number): Tensor {
  return transpose(x, axis0, axis1);
}

/**
 * One dim split into several; one size may be -1. As [torch.unflatten](https://pytorch.org/docs/stable/generated/torch.unflatten.html).
 *
 * @example
 * unflatten(zeros([2, 12]), 1, [3, -1]).shape; // [2, 3, 4]
 */
export function unflatten(x: Tensor, dim: number, sizes: Shape): Tensor {
  const at = normalizeDim('unflatten', dim, x.shape.length);
  if (sizes.length === 0) throw new ShapeError('unflatten: sizes must be non-empty');
  const inner = inferShape('unflatten', sizes, x.shape[at] ?? 1);
  return reshape(x, [...x.shape.slice(0, at), ...inner, ...x.shape.slice(at + 1)], 'unflatten');
}

/** Side by side: along dim 1, or 0 for vectors; as `torch.hstack`. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const wide = tensors.map((each) => (each.shape.length === 0 ? reshape(each, [1]) : each));
  return cat(wide, wide[0]?.shape.length === 1 ? 0 : 1);
}

/** On top of each other: along dim 0, vectors as rows; as `torch.vstack`. */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return cat(
    tensors.map((each) => (each.shape.length < 2 ? reshape(each, [1, -1]) : each)),
    0,
  );
}
