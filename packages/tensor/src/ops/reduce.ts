/** Reductions over any dims, and what is made of them. */

import { autocasted } from '../autocast.js';
import { record } from '../autograd/record.js';
import type { ReduceRequest } from '../backend/requests.js';
import { type DType, isFloating } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { formatShape, normalizeDim, normalizeDims, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { isContiguous } from '../view.js';
import { dense, emptyOn, inFull } from './operands.js';
import { productsOfOthers } from './scan.js';

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep the reduced dims with size 1. */
  readonly keepDim?: boolean;
}

type Dims = number | Shape | null | undefined;

/** Runs the kernel over sorted dims; the result has them as size 1, or not at all. */
function reduce<D extends DType>(
  op: ReduceRequest['op'],
  x: Tensor,
  dims: readonly number[],
  keepDim: boolean,
  dtype: D,
  scale = 1,
): Tensor<D> {
  const { shape } = x;
  const kept = shape.filter((_, d) => !dims.includes(d));
  const result = keepDim ? shape.map((size, d) => (dims.includes(d) ? 1 : size)) : kept;
  // Dims of size 1 take nothing from a run, whether they are summed or not.
  const isOver = (d: number): boolean => shape[d] === 1 || dims.includes(d);
  const long = dims.filter((d) => shape[d] !== 1);
  const first = long[0] ?? dims[0] ?? shape.length;
  const last = long.at(-1) ?? dims[0] ?? shape.length - 1;
  let start = last;
  while (start > first && isOver(start - 1)) start--;
  const oneRun = start <= first;
  if (!oneRun && op === 'sum' && dtype === x.dtype && dtype !== 'float16' && isContiguous(x.layout)) {
    // The last run of dims, then the others: all at once, they would be copied behind one another first. Of halves, such sums would be rounded.
    const lastRun = dims.filter((d) => d >= start);
    const part = reduce(op, x, lastRun, true, dtype);
    const all = reduce(op, part, dims, keepDim, dtype, scale);
    part.dispose();
    return all;
  }
  const source = oneRun ? x : x.permute([...shape.map((_, d) => d).filter((d) => !dims.includes(d)), ...dims]);
  const outer = oneRun ? numel(shape.slice(0, first)) : numel(kept);
  const length = numel(dims.map((d) => shape[d] ?? 1));
  const inner = oneRun ? numel(shape.slice(last + 1)) : 1;
  const input = dense(source);
  const { tensor, operand } = emptyOn(x.storage.backend, dtype, { name: op, shape: result, from: [shape] });
  x.storage.backend.run({ kind: 'reduce', op, outer, length, inner, scale, input, out: operand });
  return tensor as Tensor<D>;
}

/** Gradients come without the reduced dims: gives them back and repeats. */
function spread(grad: Tensor, shape: Shape, dims: readonly number[]): Tensor {
  return grad.view(shape.map((size, d) => (dims.includes(d) ? 1 : size))).expand(shape);
}

export function sum(given: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  const [x] = autocasted('sum', given);
  const dims = normalizeDims('sum', over, x.shape.length);
  const { shape } = x;
  const numbers = x.dtype === 'bool' || x.dtype === 'uint8' ? x.to('int32') : x;
  return record('sum', reduce('sum', numbers, dims, keepDim, numbers.dtype), [x], [], (grad) => [
    () => spread(grad, shape, dims),
  ]);
}

export function mean(x: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  if (!isFloating(x.dtype))
    throw new DTypeError(
      `mean: could not infer output dtype. Input dtype must be a floating point dtype. Got: ${x.dtype}`,
    );
  const dims = normalizeDims('mean', over, x.shape.length);
  const { shape } = x;
  const scale = 1 / numel(dims.map((d) => shape[d] ?? 1));
  return record('mean', reduce('sum', x, dims, keepDim, x.dtype, scale), [x], [], (grad) => [
    () => spread(grad.mul(scale), shape, dims),
  ]);
}

export function prod(given: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  const [x] = autocasted('prod', given);
  const dims = normalizeDims('prod', over, x.shape.length);
  const { shape } = x;
  const numbers = isFloating(x.dtype) ? x : x.to('int32');
  const output = reduce('prod', numbers, dims, keepDim, numbers.dtype);
  return record('prod', output, [x], [x], (grad, [input]) => [
    () => spread(grad, shape, dims).mul(productsOverOthers(input, dims)),
  ]);
}

/** The product of all other elements over dims: what a quotient says only where no element is 0. */
function productsOverOthers(x: Tensor, dims: readonly number[]): Tensor {
  const order = [...x.shape.map((_, d) => d).filter((d) => !dims.includes(d)), ...dims];
  const moved = x.permute(order);
  const kept = moved.shape.slice(0, order.length - dims.length);
  const rows = moved.reshape([...kept, numel(moved.shape.slice(kept.length))]);
  return productsOfOthers(rows, kept.length)
    .reshape(moved.shape)
    .permute(order.map((_, d) => order.indexOf(d)));
}

/** The sum of squares, in one pass: what norms are made of. */
export function sumOfSquares(given: Tensor, over?: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  const [x] = autocasted('norm', given);
  if (!isFloating(x.dtype)) throw new DTypeError(`norm: expected a floating point dtype, got ${x.dtype}`);
  const dims = normalizeDims('norm', over, x.shape.length);
  const { shape } = x;
  return record('sumOfSquares', reduce('sumOfSquares', x, dims, keepDim, x.dtype), [x], [x], (grad, [input]) => [
    () => spread(grad.mul(2), shape, dims).mul(input),
  ]);
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** The exponent; 2 (default) is Euclidean, Infinity the largest magnitude, 0 counts what is not 0. */
  readonly p?: number;
}

/** `(Σ |x|^p)^(1/p)` over dims; its gradient at 0 is 0. As [torch.linalg.vector_norm](https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html). */
export function norm(given: Tensor, over?: Dims, { p = 2, keepDim = false }: NormOptions = {}): Tensor {
  const [x] = autocasted('norm', given);
  if (!isFloating(x.dtype)) throw new DTypeError(`norm: expected a floating point dtype, got ${x.dtype}`);
  if (Number.isNaN(p)) throw new ArgumentError('norm: p must be a number, got NaN');
  if (p === Number.POSITIVE_INFINITY) return extreme('max', x.abs(), over, { keepDim });
  if (p === Number.NEGATIVE_INFINITY) return extreme('min', x.abs(), over, { keepDim });
  if (x.dtype === 'float16') return inFull(x, (wide) => norm(wide, over, { p, keepDim }));
  const dims = normalizeDims('norm', over, x.shape.length);
  const { shape } = x;
  const output = powerNorm(x.detach(), p, dims, keepDim);
  return record('norm', output, [x], [x, output], (grad, [input, value]) => [
    () => normGradient(spread(grad, shape, dims), input, spread(value, shape, dims), p),
  ]);
}

function powerNorm(x: Tensor, p: number, dims: readonly number[], keepDim: boolean): Tensor {
  if (p === 0) return sum(x.ne(0).to(x.dtype), dims, { keepDim });
  if (p === 1) return sum(x.abs(), dims, { keepDim });
  if (p === 2) return sumOfSquares(x, dims, { keepDim }).sqrt();
  return sum(x.abs().pow(p), dims, { keepDim }).pow(1 / p);
}

/** `grad * sign(x) * (|x| / norm)^(p-1)`, and 0 where that says nothing. */
function normGradient(grad: Tensor, x: Tensor, value: Tensor, p: number): Tensor {
  if (p === 0) return grad.mul(0);
  if (p === 1) return grad.mul(x.sign());
  if (p === 2) return x.mul(grad.div(value).maskedFill(value.eq(0), 0));
  const scale = grad.div(value.pow(p - 1)).maskedFill(value.eq(0), 0);
  const power =
    p > 2
      ? x.mul(x.abs().pow(p - 2))
      : x
          .sign()
          .mul(x.abs().pow(p - 1))
          .maskedFill(x.eq(0), 0);
  return power.mul(scale);
}

/** Options of `var` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements: 1 (default) is Bessel's correction. */
  readonly correction?: number;
}

export function variance(x: Tensor, over: Dims, { keepDim = false, correction = 1 }: VarianceOptions = {}): Tensor {
  const dims = normalizeDims('var', over, x.shape.length);
  const count = numel(dims.map((d) => x.shape[d] ?? 1));
  return inFull(x, (wide) =>
    sumOfSquares(wide.sub(mean(wide, dims, { keepDim: true })), dims, { keepDim }).div(Math.max(0, count - correction)),
  );
}

/** The largest or smallest elements over dims; gradients are shared evenly among equals. */
export function extreme(op: 'max' | 'min', x: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  const dims = normalizeDims(`a${op}`, over, x.shape.length);
  const { shape } = x;
  if (numel(dims.map((d) => shape[d] ?? 1)) === 0)
    throw new ShapeError(`${op}: Expected reduction dim to have non-zero size, got ${formatShape(shape)}`);
  const output = reduce(op, x, dims, keepDim, x.dtype);
  return record(`a${op}`, output, [x], [x, output], (grad, [input, value]) => [
    () => {
      const chosen = input.eq(spread(value, shape, dims));
      return spread(grad, shape, dims)
        .div(chosen.sum(dims, { keepDim: true }))
        .maskedFill(chosen.logicalNot(), 0);
    },
  ]);
}

/** The first place of the extreme value along a dim (or in the flattened tensor), int32. Not differentiable. */
export function argExtreme(
  op: 'argmax' | 'argmin',
  x: Tensor,
  dim: number | null | undefined,
  { keepDim = false }: ReduceOptions = {},
): Tensor<'int32'> {
  const at = dim === undefined || dim === null ? null : normalizeDim(op, dim, x.shape.length);
  if ((at === null ? numel(x.shape) : (x.shape[at] ?? 1)) === 0)
    throw new ShapeError(`${op}: Expected reduction dim to have non-zero size, got ${formatShape(x.shape)}`);
  if (at === null) return reduce(op, x.reshape([-1]), [0], false, 'int32');
  return reduce(op, x.shape.length === 0 ? x.reshape([1]) : x, [at], keepDim && x.shape.length > 0, 'int32');
}

/** Values and places of the extremes along one dim, as `torch.max(x, dim)`; the gradient goes to the chosen place. */
export function extremeWithIndices(
  op: 'max' | 'min',
  x: Tensor,
  dim: number,
  options: ReduceOptions = {},
): { values: Tensor; indices: Tensor<'int32'> } {
  const at = normalizeDim(op, dim, x.shape.length);
  const { shape } = x;
  if (shape[at] === 0)
    throw new ShapeError(`${op}: Expected reduction dim ${at} to have non-zero size, got ${formatShape(shape)}`);
  const indices = argExtreme(op === 'max' ? 'argmax' : 'argmin', x, at, options);
  const output = reduce(op, x, [at], options.keepDim ?? false, x.dtype);
  const values = record(op, output, [x], [indices], (grad, [chosen]) => [
    () => {
      const place = chosen.newArange(shape[at] ?? 0).view(shape.map((size, d) => (d === at ? size : 1)));
      return spread(grad, shape, [at]).maskedFill(place.ne(spread(chosen, shape, [at])), 0);
    },
  ]);
  return { values, indices };
}

/** Whether any, or all, elements are true (not 0). Not differentiable. */
export function truth(op: 'any' | 'all', x: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  const dims = normalizeDims(op, over, x.shape.length);
  return reduce(op, x.dtype === 'bool' ? x : x.ne(0), dims, keepDim, 'bool');
}

/** How many elements are not 0, int32; NaN is not 0. As `torch.count_nonzero`. Not differentiable. */
export function countNonzero(x: Tensor, over?: Dims): Tensor {
  return sum(x.dtype === 'bool' ? x : x.ne(0), over);
}

/** `log(Σ exp(x))`, computed from the largest element so that nothing overflows. */
export function logSumExp(x: Tensor, over: Dims, { keepDim = false }: ReduceOptions = {}): Tensor {
  if (!isFloating(x.dtype)) throw new DTypeError(`logsumexp: expected a floating point dtype, got ${x.dtype}`);
  const dims = normalizeDims('logsumexp', over, x.shape.length);
  if (numel(dims.map((d) => x.shape[d] ?? 1)) === 0) return x.exp().sum(dims, { keepDim }).log();
  const result = inFull(x, (wide) => {
    const highest = extreme('max', wide.detach(), dims, { keepDim: true });
    const shift = highest.maskedFill(highest.isfinite().logicalNot(), 0);
    return wide.sub(shift).exp().sum(dims, { keepDim: true }).log().add(shift);
  });
  return keepDim ? result : result.squeeze(dims);
}
