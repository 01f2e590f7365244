/** Borders around a tensor. */
import { record } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { checkRoom } from '../room.js';
import { formatShape, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { contiguousView, sliceView, type View } from '../view.js';
import { selectAs } from './indexing.js';
import { hostTensor } from './operands.js';
import { narrow } from './shape.js';

/** Options of {@link pad}. */
export interface PadOptions {
  /** What the border holds: one value, the mirrored inside (without the edge), the edge, or the other end. Default `constant`. */
  readonly mode?: 'constant' | 'reflect' | 'replicate' | 'circular';
  /** Of a constant border; default 0. */
  readonly value?: number;
}

/**
 * A border of `amounts` [left, right] of the last dim, then of the one before, and so on. As [torch.nn.functional.pad](https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html);
 * negative amounts of a constant border cut off.
 *
 * @throws ShapeError if an amount cuts off, or mirrors, more than there is.
 * @example
 * pad(tensor([1, 2, 3]), [1, 2]); // [0, 1, 2, 3, 0, 0]
 */
export function pad(x: Tensor, amounts: readonly number[], { mode = 'constant', value = 0 }: PadOptions = {}): Tensor {
  const rank = x.shape.length;
  if (amounts.length % 2 !== 0 || amounts.length > 2 * rank || !amounts.every(Number.isInteger))
    throw new ArgumentError(
      `pad: Padding length must be divisible by 2 and at most twice the number of dimensions of the input (${rank}), in whole numbers, got ${formatShape(amounts)}`,
    );
  if (!['constant', 'reflect', 'replicate', 'circular'].includes(mode))
    throw new ArgumentError(
      `pad: Unrecognised padding mode ${mode}: it may be constant, reflect, replicate or circular`,
    );
  const borders = Array.from({ length: amounts.length / 2 }, (_, i) => ({
    dim: rank - 1 - i,
    left: amounts[2 * i] ?? 0,
    right: amounts[2 * i + 1] ?? 0,
  }));
  if (mode !== 'constant')
    return borders.reduce((result, { dim, left, right }) => padByIndex(result, dim, left, right, mode), x);
  let inside = x;
  for (const { dim, left, right } of borders) {
    const size = x.shape[dim] ?? 0;
    if (size + Math.min(0, left) + Math.min(0, right) < 0)
      throw new ShapeError(
        `pad: the input of size ${size} at dimension ${dim}, plus negative padding ${left} and ${right}, resulted in a negative output size`,
      );
    if (left < 0 || right < 0)
      inside = narrow(inside, dim, Math.max(0, -left), size + Math.min(0, left) + Math.min(0, right));
  }
  const around = borders.filter(({ left, right }) => left > 0 || right > 0);
  const starts = inside.shape.map((_, d) => Math.max(0, around.find(({ dim }) => dim === d)?.left ?? 0));
  const ends = inside.shape.map((_, d) => Math.max(0, around.find(({ dim }) => dim === d)?.right ?? 0));
  return around.length === 0 ? inside.clone() : surround(inside, starts, ends, value);
}

/** One constant all around; the gradient is that of the inside. */
function surround(x: Tensor, starts: Shape, ends: Shape, value: number): Tensor {
  x.checkAlive('pad');
  const { shape, dtype } = x;
  const padded = shape.map((size, d) => size + (starts[d] ?? 0) + (ends[d] ?? 0));
  checkRoom(x.storage.backend, dtype, numel(padded), { name: 'pad', shape: padded, from: [shape] });
  const whole = x.newFull(padded, value);
  const inside = shape.reduce<View>(
    (view, size, d) => sliceView(view, d, starts[d] ?? 0, (starts[d] ?? 0) + size, 1),
    contiguousView(whole.shape),
  );
  if (numel(shape) > 0) {
    const copy = pendingStorage(x.storage.backend, 'copy', dtype, dtype, shape, [
      { storage: x.storage, view: x.layout },
    ]);
    assign(whole.storage, inside, copy);
  }
  const output = makeTensor(whole.storage.retain(), contiguousView(whole.shape));
  whole.dispose();
  return record('pad', output, [x], [], (grad) => [
    () => shape.reduce((part, size, d) => narrow(part, d, starts[d] ?? 0, size), grad),
  ]);
}

/** A border of elements of the inside: picked by an index, so that its gradient is added back. */
function padByIndex(
  x: Tensor,
  dim: number,
  left: number,
  right: number,
  mode: 'reflect' | 'replicate' | 'circular',
): Tensor {
  const size = x.shape[dim] ?? 0;
  const most = mode === 'reflect' ? size - 1 : mode === 'circular' ? size : Number.POSITIVE_INFINITY;
  if (left < 0 || right < 0 || size === 0 || left > most || right > most)
    throw new ShapeError(
      `pad: Padding size should be less than the corresponding input dimension, but got: padding (${left}, ${right}) at dimension ${dim} of input ${formatShape(x.shape)} in mode ${mode}`,
    );
  const place = (i: number): number => {
    if (mode === 'replicate') return Math.min(Math.max(i, 0), size - 1);
    if (mode === 'circular') return (i + size) % size;
    const from = Math.abs(i);
    return from < size ? from : 2 * (size - 1) - from;
  };
  const places = Int32Array.from({ length: left + size + right }, (_, i) => place(i - left));
  return selectAs('pad', x, dim, hostTensor(x.storage.backend, places, [places.length], 'int32'));
}
