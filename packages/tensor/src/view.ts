/**
 * How a tensor looks at its storage: shape, strides and offset, all in elements. Transposing, slicing, expanding and (where the
 * memory order allows it) reshaping only make a new view; nothing here touches data.
 */
import { contiguousStrides, numel, type Shape, sameShape } from './shape.js';

export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The row-major view of a whole storage. */
export function contiguousView(shape: Shape, offset = 0): View {
  return { shape, strides: contiguousStrides(shape), offset };
}

/** Whether elements follow each other in row-major order without gaps; sizes of 1 may have any stride. */
export function isContiguous(view: View): boolean {
  let expected = 1;
  for (let i = view.shape.length - 1; i >= 0; i--) {
    const size = view.shape[i] ?? 1;
    if (size === 0) return true;
    if (size !== 1 && view.strides[i] !== expected) return false;
    expected *= size;
  }
  return true;
}

export function sameView(a: View, b: View): boolean {
  return (
    a.offset === b.offset &&
    sameShape(a.shape, b.shape) &&
    a.shape.every((size, i) => size <= 1 || a.strides[i] === b.strides[i])
  );
}

export function permuteView(view: View, order: readonly number[]): View {
  return {
    shape: order.map((dim) => view.shape[dim] ?? 1),
    strides: order.map((dim) => view.strides[dim] ?? 0),
    offset: view.offset,
  };
}

/** Repeats sizes of 1 and new leading dims by a stride of 0; the shape must be one the view broadcasts to. */
export function expandView(view: View, shape: Shape): View {
  const lead = shape.length - view.shape.length;
  const strides = shape.map((size, i) => {
    const own = view.shape[i - lead];
    return own === undefined || (own === 1 && size !== 1) ? 0 : (view.strides[i - lead] ?? 0);
  });
  return { shape, strides, offset: view.offset };
}

/** Elements `start, start + step, …` below `stop` of one dim; bounds are already within the size. */
export function sliceView(view: View, dim: number, start: number, stop: number, step: number): View {
  const stride = view.strides[dim] ?? 0;
  return {
    shape: view.shape.with(dim, Math.max(0, Math.ceil((stop - start) / step))),
    strides: view.strides.with(dim, stride * step),
    offset: view.offset + start * stride,
  };
}

/** One index of a dim, which disappears. */
export function selectView(view: View, dim: number, index: number): View {
  return {
    shape: view.shape.toSpliced(dim, 1),
    strides: view.strides.toSpliced(dim, 1),
    offset: view.offset + index * (view.strides[dim] ?? 0),
  };
}

/** Inserts a dim of size 1. */
export function unsqueezeView(view: View, dim: number): View {
  const inner = (view.strides[dim] ?? 1) * (view.shape[dim] ?? 1);
  return {
    shape: view.shape.toSpliced(dim, 0, 1),
    strides: view.strides.toSpliced(dim, 0, inner),
    offset: view.offset,
  };
}

/** The same elements in another shape, or null if that needs a copy. Dims are regrouped run by run of contiguous memory. */
export function reshapeView(view: View, shape: Shape): View | null {
  if (numel(shape) === 0 || isContiguous(view)) return contiguousView(shape, view.offset);
  const old = view.shape.map((size, i) => ({ size, stride: view.strides[i] ?? 0 })).filter(({ size }) => size !== 1);
  const strides = new Array<number>(shape.length).fill(1);
  let i = old.length - 1;
  let d = shape.length - 1;
  while (d >= 0) {
    if (shape[d] === 1) {
      d--;
      continue;
    }
    const run = old[i];
    if (!run) return null;
    // Take in old dims while they continue the run, until the new dims divide it evenly.
    let have = run.size;
    let stride = run.stride;
    let wanted = shape[d] ?? 1;
    strides[d--] = stride;
    i--;
    while (have !== wanted) {
      if (wanted < have) {
        stride *= shape[d + 1] ?? 1;
        while (shape[d] === 1) d--;
        if (d < 0) return null;
        strides[d] = stride;
        wanted *= shape[d] ?? 1;
        d--;
      } else {
        const outer = old[i];
        if (!outer || outer.stride !== run.stride * have) return null;
        have *= outer.size;
        i--;
      }
    }
  }
  return { shape, strides, offset: view.offset };
}

/** Merges neighbouring dims that every operand walks in one go and drops sizes of 1, so that kernels see the lowest rank. */
export function collapseDims(
  shape: Shape,
  operands: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const kept: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    const size = shape[d] ?? 1;
    if (size === 1) continue;
    const last = kept.length - 1;
    let mergeable = last >= 0;
    for (let o = 0; mergeable && o < operands.length; o++)
      mergeable = strides[o]?.[last] === (operands[o]?.[d] ?? 0) * size;
    const at = mergeable ? last : last + 1;
    kept[at] = mergeable ? (kept[at] ?? 1) * size : size;
    for (let o = 0; o < operands.length; o++) (strides[o] as number[])[at] = operands[o]?.[d] ?? 0;
  }
  return { shape: kept, strides };
}
