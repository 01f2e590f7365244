/** Views of a tensor through a moving window, or along a diagonal, and triangles: strides do the work, gradients are added back. */
import { noGrad } from '../autograd/mode.js';
import { record, recordPart } from '../autograd/record.js';
import { makeTensor } from '../construct.js';
import { ShapeError } from '../errors.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { formatShape, normalizeDim, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { contiguousView, type View } from '../view.js';
import { indexAdd } from './indexing.js';
import { hostTensor } from './operands.js';
import { pad } from './pad.js';
import type { Index } from './slice.js';

/**
 * Windows of `size` elements every `step` along `dim`, as a view: [..., windows, ..., size]. As
 * [torch.Tensor.unfold](https://pytorch.org/docs/stable/generated/torch.Tensor.unfold.html), with `dilation` elements from one to the next inside a window.
 *
 * @throws ShapeError if no window fits.
 * @example
 * arange(5).unfold(0, 3, 1); // [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
 */
export function unfold(x: Tensor, dim: number, size: number, step: number, dilation = 1): Tensor {
  x.checkAlive('unfold');
  const at = normalizeDim('unfold', dim, x.shape.length);
  const length = x.shape[at] ?? 1;
  const reach = size === 0 ? 0 : (size - 1) * dilation + 1;
  if (!Number.isInteger(size) || size < 0 || reach > length)
    throw new ShapeError(
      `unfold: maximum size for tensor at dimension ${at} is ${length} but size is ${size}${dilation === 1 ? '' : ` at dilation ${dilation}`}`,
    );
  if (!Number.isInteger(step) || step <= 0) throw new ShapeError(`unfold: step is ${step} but must be > 0`);
  const count = Math.floor((length - reach) / step) + 1;
  const { strides, offset } = x.layout;
  const stride = strides[at] ?? 1;
  const view: View = {
    shape: x.shape.length === 0 ? [size] : [...x.shape.with(at, count), size],
    strides: x.shape.length === 0 ? [1] : [...strides.with(at, stride * step), stride * dilation],
    offset,
  };
  const { shape } = x;
  return record('unfold', makeTensor(x.storage.retain(), view), [x], [], (grad) => [
    () => fold(grad, shape, at, step, dilation),
  ]);
}

/** Windows, or places in a window, that are added to the whole one after the other, each in one pass. */
const MOST_PASSES = 64;

/** Adds the elements of windows back to where they came from: the gradient of `unfold`, whose gradient is `unfold` again. */
export function fold(grad: Tensor, shape: Shape, at: number, step: number, dilation: number): Tensor {
  if (shape.length === 0) return grad.sum();
  const [count, size] = [grad.shape[at] ?? 0, grad.shape.at(-1) ?? 0];
  if (dilation === 1 && step === size) return behindOneAnother(grad, shape, at);
  if (Math.min(count, size) > MOST_PASSES) return foldByIndex(grad, shape, at, step, dilation);
  const whole = grad.newFull(shape, 0);
  noGrad(() => {
    const parts = grad.detach();
    // The elements at one place of all windows lie `step` apart, those of one window `dilation` apart; none meets another.
    const byPlace = size <= count;
    for (let i = 0; i < Math.min(count, size); i++) {
      const [start, each, length] = byPlace ? [i * dilation, step, count] : [i * step, dilation, size];
      const range: Index = [start, start + (length - 1) * each + 1, each];
      const added = byPlace ? parts.select(-1, i) : parts.select(at, i).movedim(-1, at);
      whole.slice(...shape.map((_, d): Index => (d === at ? range : ':'))).add_(added);
    }
  });
  return record('fold', whole, [grad], [], (again) => [() => unfold(again, at, size, step, dilation)]);
}

/** Windows that end where the next begins are the whole, but for what is left behind the last. */
function behindOneAnother(grad: Tensor, shape: Shape, at: number): Tensor {
  const covered = (grad.shape[at] ?? 0) * (grad.shape.at(-1) ?? 0);
  const inOrder = at === shape.length - 1 ? grad : grad.movedim(-1, at + 1);
  const whole = inOrder.reshape(shape.with(at, covered));
  const rest = (shape[at] ?? 0) - covered;
  if (rest === 0) return whole;
  const behind = shape.length - 1 - at;
  return pad(whole, [...new Array<number>(2 * behind).fill(0), 0, rest]);
}

/** The same in one pass for many long windows. */
function foldByIndex(grad: Tensor, shape: Shape, at: number, step: number, dilation: number): Tensor {
  const [count, size] = [grad.shape[at] ?? 0, grad.shape.at(-1) ?? 0];
  const places = Int32Array.from(
    { length: count * size },
    (_, i) => Math.floor(i / size) * step + (i % size) * dilation,
  );
  const index = hostTensor(grad.storage.backend, places, [places.length], 'int32');
  const order = shape.map((_, d) => d);
  const inRow = grad.permute([...order.slice(0, at + 1), shape.length, ...order.slice(at + 1)]);
  return indexAdd(grad.newFull(shape, 0), at, index, inRow.reshape(shape.with(at, count * size)));
}

/** Which diagonal. */
export interface DiagonalOptions {
  /** 0 (default) is the main diagonal, above 0 to the right of it, below to the left. */
  readonly offset?: number;
  readonly dim0?: number;
  readonly dim1?: number;
}

function diagonalView(view: View, offset: number, dim0: number, dim1: number): View {
  const [rows, columns] = [view.shape[dim0] ?? 0, view.shape[dim1] ?? 0];
  const length = Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));
  const [rowStride, columnStride] = [view.strides[dim0] ?? 0, view.strides[dim1] ?? 0];
  const stay = <T>(list: readonly T[]): T[] => list.filter((_, d) => d !== dim0 && d !== dim1);
  return {
    shape: [...stay(view.shape), length],
    strides: [...stay(view.strides), rowStride + columnStride],
    offset: view.offset + (length === 0 ? 0 : offset >= 0 ? offset * columnStride : -offset * rowStride),
  };
}

/**
 * The diagonal of two dims (the first two by default) as a new last one: a view. As [torch.diagonal](https://pytorch.org/docs/stable/generated/torch.diagonal.html).
 *
 * @example
 * tensor([[1, 2], [3, 4]]).diagonal(); // [1, 4]
 */
export function diagonal(x: Tensor, { offset = 0, dim0 = 0, dim1 = 1 }: DiagonalOptions = {}): Tensor {
  x.checkAlive('diagonal');
  const [a, b] = [normalizeDim('diagonal', dim0, x.shape.length), normalizeDim('diagonal', dim1, x.shape.length)];
  if (a === b || x.shape.length < 2)
    throw new ShapeError(
      `diagonal: diagonal dimensions cannot be identical ${dim0}, ${dim1} in ${formatShape(x.shape)}`,
    );
  const { shape } = x;
  const part = (whole: View): View => diagonalView(whole, offset, a, b);
  return recordPart('diagonal', makeTensor(x.storage.retain(), part(x.layout)), x, part, (grad) =>
    diagonalBackward(grad, shape, offset, a, b),
  );
}

/** A tensor of zeros whose diagonal holds the elements. */
function diagonalBackward(grad: Tensor, shape: Shape, offset: number, dim0: number, dim1: number): Tensor {
  const whole = grad.newFull(shape, 0);
  if (numel(grad.shape) > 0) {
    const copy = pendingStorage(grad.storage.backend, 'copy', grad.dtype, grad.dtype, grad.shape, [
      { storage: grad.storage, view: grad.layout },
    ]);
    assign(whole.storage, diagonalView(contiguousView(shape), offset, dim0, dim1), copy);
  }
  return record('diagonalBackward', whole, [grad], [], (again) => [() => diagonal(again, { offset, dim0, dim1 })]);
}

/** Matrices of zeros whose diagonals hold the last dim, as `torch.diag_embed` into the last two dims. */
export function diagEmbed(x: Tensor, offset = 0): Tensor {
  const size = (x.shape.at(-1) ?? 1) + Math.abs(offset);
  const rows = x.shape.length === 0 ? x.reshape([1]) : x;
  const rank = rows.shape.length + 1;
  return diagonalBackward(rows, [...rows.shape.slice(0, -1), size, size], offset, rank - 2, rank - 1);
}

/**
 * A matrix with the vector on its diagonal, or a copy of the diagonal of a matrix. As [torch.diag](https://pytorch.org/docs/stable/generated/torch.diag.html).
 *
 * @throws ShapeError unless `x` has one or two dims.
 * @example
 * diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diag(x: Tensor, offset = 0): Tensor {
  if (x.shape.length === 1) return diagEmbed(x, offset);
  if (x.shape.length === 2) return diagonal(x, { offset }).clone();
  throw new ShapeError(`diag: matrix or a vector expected, got ${formatShape(x.shape)}`);
}

function triangle(name: 'tril' | 'triu', x: Tensor, offset: number): Tensor {
  if (x.shape.length < 2)
    throw new ShapeError(`${name}: input tensor must have at least 2 dimensions, got ${formatShape(x.shape)}`);
  const rows = x
    .newArange(x.shape.at(-2) ?? 0)
    .add(offset)
    .unsqueeze(-1);
  const columns = x.newArange(x.shape.at(-1) ?? 0);
  return x.maskedFill(name === 'tril' ? columns.gt(rows) : columns.lt(rows), 0);
}

/**
 * The lower triangle of the last two dims, zeros above the diagonal `offset`. As [torch.tril](https://pytorch.org/docs/stable/generated/torch.tril.html).
 *
 * @example
 * tril(ones([2, 2])); // [[1, 0], [1, 1]]
 */
export function tril(x: Tensor, offset = 0): Tensor {
  return triangle('tril', x, offset);
}

/** The upper triangle of the last two dims, zeros below the diagonal `offset`, as `torch.triu`. */
export function triu(x: Tensor, offset = 0): Tensor {
  return triangle('triu', x, offset);
}
