/**
 * Pure arithmetic on shapes: element counts, dims counted from the end, broadcasting, `-1` in a reshape. Every failure
 * is a `ShapeError` in PyTorch's words with the op's name in front.
 */
import { ShapeError } from './errors.js';

/** A shape: sizes of the dims, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** The number of elements. */
export function numel(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** `[2, 3]` as PyTorch writes it in messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(shape[i] ?? 1, 1);
  }
  return strides;
}

/** Checks that a shape is made of whole, non-negative sizes and returns a copy of it. */
export function checkShape(op: string, shape: Shape): number[] {
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0)
      throw new ShapeError(`${op}: sizes must be whole and not negative, got ${formatShape(shape)}`);
  }
  return [...shape];
}

/** The dim counted from the front; a negative one counts from the end. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const bound = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -bound || dim >= bound) {
    throw new ShapeError(
      `${op}: Dimension out of range (expected to be in range of [${-bound}, ${bound - 1}], but got ${dim})`,
    );
  }
  return dim < 0 ? dim + bound : dim;
}

/** Dims counted from the front, ascending, without repeats; all dims when none is named. */
export function normalizeDims(op: string, dims: number | Shape | null | undefined, rank: number): number[] {
  if (dims === undefined || dims === null) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof dims === 'number' ? [dims] : [...dims]).map((dim) => normalizeDim(op, dim, rank));
  const again = list.find((dim, i) => list.indexOf(dim) !== i);
  if (again !== undefined)
    throw new ShapeError(`${op}: dim ${again} appears multiple times in the list of dims, ${formatShape(list)}`);
  // A scalar has no dim to reduce, though PyTorch lets it be called 0 or -1.
  return rank === 0 ? [] : list.sort((a, b) => a - b);
}

/** The common shape of operands whose sizes agree or are 1, aligned at the last dim. */
export function broadcastShapes(op: string, ...shapes: readonly Shape[]): number[] {
  let rank = 0;
  for (const shape of shapes) rank = Math.max(rank, shape.length);
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const size = shape[i] ?? 1;
      const have = result[lead + i] ?? 1;
      if (size === have || size === 1) continue;
      if (have !== 1) {
        const names = shapes.map(formatShape).join(' and ');
        throw new ShapeError(
          `${op}: The size of tensor a (${have}) must match the size of tensor b (${size}) at non-singleton dimension ${lead + i}: shapes ${names} cannot be broadcast together`,
        );
      }
      result[lead + i] = size;
    }
  }
  return result;
}

/** Replaces a single `-1` by the size that keeps the element count. */
export function inferShape(op: string, target: Shape, count: number): number[] {
  const open = target.indexOf(-1);
  if (open < 0) {
    const shape = checkShape(op, target);
    if (numel(shape) !== count)
      throw new ShapeError(`${op}: shape '${formatShape(target)}' is invalid for input of size ${count}`);
    return shape;
  }
  if (target.indexOf(-1, open + 1) >= 0)
    throw new ShapeError(`${op}: only one dimension can be inferred, got ${formatShape(target)}`);
  const known = numel(checkShape(op, target.toSpliced(open, 1)));
  if (known === 0) throw new ShapeError(`${op}: cannot infer -1 in ${formatShape(target)}: any size would fit`);
  if (count % known !== 0)
    throw new ShapeError(`${op}: shape '${formatShape(target)}' is invalid for input of size ${count}`);
  return target.toSpliced(open, 1, count / known);
}
