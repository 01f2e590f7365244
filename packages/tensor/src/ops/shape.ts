/** Shape ops: they make views and copy nothing, except `reshape` and `contiguous` where memory order forces it, and `cat`. */
import { record, recordPart } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { promoteTypes } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { broadcastShapes, formatShape, inferShape, normalizeDim, numel, type Shape, sameShape } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import {
  contiguousView,
  expandView,
  isContiguous,
  permuteView,
  reshapeView,
  sliceView,
  unsqueezeView,
  type View,
} from '../view.js';
import { commonBackend } from './operands.js';
import { sumTo } from './pointwise/sum-to.js';

function viewOf(name: string, x: Tensor, view: View, undo: (grad: Tensor) => Tensor): Tensor {
  x.checkAlive(name);
  return record(name, makeTensor(x.storage.retain(), view), [x], [], (grad) => [() => undo(grad)]);
}

/** The same elements in row-major order; `x` itself if they are already. */
export function contiguous(x: Tensor): Tensor {
  return isContiguous(x.layout) ? x : copied(x, 'contiguous');
}

/** A copy in memory of its own. */
export function clone(x: Tensor): Tensor {
  return copied(x, 'clone');
}

/** {@link clone} under the name of the op that it is made for. */
function copied(x: Tensor, name: string): Tensor {
  const { backend } = x.storage;
  const args = [{ storage: x.storage, view: x.layout }];
  const storage = pendingStorage(backend, 'copy', x.dtype, x.dtype, x.shape, args, name);
  return record('clone', makeTensor(storage, contiguousView(x.shape)), [x], [], (grad) => [() => grad]);
}

export function reshape(x: Tensor, target: Shape, name = 'reshape'): Tensor {
  const shape = inferShape(name, target, numel(x.shape));
  const own = x.shape;
  const view = reshapeView(x.layout, shape);
  if (view) return viewOf(name, x, view, (grad) => reshape(grad, own));
  return reshape(clone(x), shape, name);
}

/** Merges the dims from `start` to `end`. */
export function flatten(x: Tensor, start: number, end: number): Tensor {
  const { shape } = x;
  if (shape.length === 0) return reshape(x, [1]);
  const [from, to] = [normalizeDim('flatten', start, shape.length), normalizeDim('flatten', end, shape.length)];
  if (from > to)
    throw new ShapeError(
      `flatten: has invalid args: start_dim cannot come after end_dim: ${start} and ${end} of ${formatShape(shape)}`,
    );
  return reshape(x, [...shape.slice(0, from), numel(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/** `reshape` that never copies. */
export function viewAs(x: Tensor, target: Shape): Tensor {
  const shape = inferShape('view', target, numel(x.shape));
  const view = reshapeView(x.layout, shape);
  if (!view)
    throw new ShapeError(
      `view: size ${formatShape(shape)} is not compatible with the memory order of this tensor of shape ${formatShape(x.shape)} (strides ${formatShape(x.layout.strides)}); use reshape instead`,
    );
  const own = x.shape;
  return viewOf('view', x, view, (grad) => reshape(grad, own));
}

export function permute(x: Tensor, dims: Shape): Tensor {
  const order = dims.map((dim) => normalizeDim('permute', dim, x.shape.length));
  if (order.length !== x.shape.length || new Set(order).size !== order.length)
    throw new ShapeError(
      `permute: dims ${formatShape(dims)} must name each of the ${x.shape.length} dims of ${formatShape(x.shape)} once`,
    );
  const inverse = order.map((_, d) => order.indexOf(d));
  return viewOf('permute', x, permuteView(x.layout, order), (grad) => permute(grad, inverse));
}

export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const rank = x.shape.length;
  const a = normalizeDim('transpose', dim0, rank);
  const b = normalizeDim('transpose', dim1, rank);
  if (rank === 0) return viewOf('transpose', x, x.layout, (grad) => grad);
  const order = x.shape.map((_, d) => (d === a ? b : d === b ? a : d));
  return viewOf('transpose', x, permuteView(x.layout, order), (grad) => transpose(grad, a, b));
}

/** Repeats sizes of 1 without copying; -1 keeps a size. */
export function expand(x: Tensor, target: Shape): Tensor {
  const lead = target.length - x.shape.length;
  const shape = target.map((size, d) => (size === -1 ? (x.shape[d - lead] ?? -1) : size));
  const fits =
    lead >= 0 && x.shape.every((size, d) => size === 1 || size === shape[d + lead]) && shape.every((size) => size >= 0);
  if (!fits)
    throw new ShapeError(
      `expand: the expanded size ${formatShape(target)} must match the existing size ${formatShape(x.shape)} at dims that are not 1, from the last on`,
    );
  if (sameShape(shape, x.shape)) return x;
  const own = x.shape;
  return viewOf('expand', x, expandView(x.layout, shape), (grad) => sumTo(grad, own));
}

export function unsqueeze(x: Tensor, dim: number): Tensor {
  const at = normalizeDim('unsqueeze', dim, x.shape.length + 1);
  return viewOf('unsqueeze', x, unsqueezeView(x.layout, at), (grad) => squeeze(grad, at));
}

/** Drops dims of size 1: the named ones, or all. */
export function squeeze(x: Tensor, dims?: number | Shape): Tensor {
  const rank = x.shape.length;
  const named =
    dims === undefined
      ? x.shape.map((_, d) => d)
      : (typeof dims === 'number' ? [dims] : dims).map((dim) => normalizeDim('squeeze', dim, rank));
  const dropped = new Set(named.filter((dim) => x.shape[dim] === 1));
  const own = x.shape;
  const stay = <T>(list: readonly T[]): T[] => list.filter((_, d) => !dropped.has(d));
  const view = { shape: stay(x.shape), strides: stay(x.layout.strides), offset: x.layout.offset };
  return viewOf('squeeze', x, view, (grad) => reshape(grad, own));
}

/** `length` elements of a dim from `start` on. */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  const at = normalizeDim('narrow', dim, x.shape.length);
  const size = x.shape[at] ?? 0;
  const from = start < 0 ? start + size : start;
  if (!Number.isInteger(from) || !Number.isInteger(length) || from < 0 || length < 0 || from + length > size)
    throw new ShapeError(
      `narrow: start (${start}) + length (${length}) exceeds dimension size (${size}) of ${formatShape(x.shape)}`,
    );
  return sliceDim(x, at, from, from + length, 1);
}

/** A strided range of one dim; its gradient lands in zeros. */
export function sliceDim(x: Tensor, dim: number, start: number, stop: number, step: number): Tensor {
  x.checkAlive('slice');
  const own = x.shape;
  const part = (whole: View): View => sliceView(whole, dim, start, stop, step);
  return recordPart('slice', makeTensor(x.storage.retain(), part(x.layout)), x, part, (grad) =>
    sliceBackward(grad, own, dim, start, stop, step),
  );
}

function sliceBackward(grad: Tensor, own: Shape, dim: number, start: number, stop: number, step: number): Tensor {
  const whole = grad.newFull(own, 0);
  const view = sliceView(whole.layout, dim, start, stop, step);
  const copy = pendingStorage(grad.storage.backend, 'copy', grad.dtype, grad.dtype, grad.shape, [
    { storage: grad.storage, view: grad.layout },
  ]);
  assign(whole.storage, view, copy);
  return record('sliceBackward', whole, [grad], [], (again) => [() => sliceDim(again, dim, start, stop, step)]);
}

/** Concatenates along a dim that exists. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (!first) throw new ArgumentError('cat: expected a non-empty list of tensors');
  const backend = commonBackend('cat', first, ...tensors);
  const at = normalizeDim('cat', dim, first.shape.length);
  const scalar = tensors.findIndex((each) => each.shape.length === 0);
  if (scalar >= 0)
    throw new ShapeError(
      `cat: zero-dimensional tensor (at position ${scalar}) cannot be concatenated; stack joins scalars`,
    );
  for (const [i, each] of tensors.entries()) {
    if (each.shape.length !== first.shape.length || each.shape.some((size, d) => d !== at && size !== first.shape[d]))
      throw new ShapeError(
        `cat: Sizes of tensors must match except in dimension ${at}. Expected ${formatShape(first.shape)} but got ${formatShape(each.shape)} for tensor number ${i} in the list`,
      );
  }
  const dtype = tensors.map((each) => each.dtype).reduce(promoteTypes);
  const sizes = tensors.map((each) => each.shape[at] ?? 0);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const shape = first.shape.with(
    at,
    sizes.reduce((a, b) => a + b, 0),
  );
  const storage = new Storage(backend, dtype, numel(shape), {
    name: 'cat',
    shape,
    from: tensors.map((each) => each.shape),
  });
  const whole = contiguousView(shape);
  for (const [i, each] of tensors.entries()) {
    const start = starts[i] ?? 0;
    const op = each.dtype === dtype ? 'copy' : 'cast';
    const copy = pendingStorage(backend, op, each.dtype, dtype, each.shape, [
      { storage: each.storage, view: each.layout },
    ]);
    assign(storage, sliceView(whole, at, start, start + (sizes[i] ?? 0), 1), copy);
  }
  return record('cat', makeTensor(storage, whole), tensors, [], (grad) =>
    tensors.map((_, i) => () => narrow(grad, at, starts[i] ?? 0, sizes[i] ?? 0)),
  );
}

/** Concatenates along a new dim. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (!first) throw new ArgumentError('stack: expected a non-empty list of tensors');
  for (const [i, each] of tensors.entries()) {
    if (!sameShape(each.shape, first.shape))
      throw new ShapeError(
        `stack: stack expects each tensor to be equal size, but got ${formatShape(first.shape)} at entry 0 and ${formatShape(each.shape)} at entry ${i}`,
      );
  }
  const at = normalizeDim('stack', dim, first.shape.length + 1);
  return cat(
    tensors.map((each) => unsqueeze(each, at)),
    at,
  );
}

/** Pieces of `size` (the last may be smaller), or of the listed sizes. */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  const at = normalizeDim('split', dim, x.shape.length);
  const total = x.shape[at] ?? 0;
  if (typeof size === 'number' && !(Number.isInteger(size) && size > 0))
    throw new ArgumentError(`split: split size must be a positive integer, got ${size}`);
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) => Math.min(size, total - i * size))
      : size;
  if (sizes.reduce((a, b) => a + b, 0) !== total)
    throw new ShapeError(
      `split: split sizes must sum exactly to ${total} (the size of ${formatShape(x.shape)} at dimension ${at}), got ${formatShape(sizes)}`,
    );
  let start = 0;
  return sizes.map((length) => {
    const piece = narrow(x, at, start, length);
    start += length;
    return piece;
  });
}

/** At most `count` pieces of equal size along a dim; the last may be smaller. */
export function chunk(x: Tensor, count: number, dim: number): Tensor[] {
  if (!(Number.isInteger(count) && count > 0))
    throw new ArgumentError(`chunk: expects chunks to be greater than 0, got ${count}`);
  return split(x, Math.max(1, Math.ceil(x.size(dim) / count)), dim);
}

/** The shape that all tensors broadcast to, and each of them in it. */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  const shape = broadcastShapes('broadcastTensors', ...tensors.map((each) => each.shape));
  return tensors.map((each) => expand(each, shape));
}
