/** Kernels along a dim: reductions, recurrences, orders. */

export enum ReduceCode {
  sum,
  sumOfSquares,
  prod,
  max,
  min,
  argmax,
  argmin,
  any,
  all,
}

/**
 * A reduction of [outer, count, inner] to [outer, chunks, inner]. Item: (outer, chunk, group of columns), the group innermost.
 */
export enum ReduceField {
  op,
  outer,
  count,
  inner,
  /** Rows of a chunk; the last may have fewer. */
  chunk,
  chunks,
  columnGroup,
  columnGroups,
  scale,
  input,
  out,
  /** 1 where the input, the output hold floats. */
  floatInput,
  floatOut,
  length,
}

/** A linear recurrence along the middle dim of [outer, count, inner]. Item: (outer, group of columns), the group innermost. */
export enum ScanField {
  count,
  inner,
  columnGroup,
  columnGroups,
  /** 1: from the end. */
  reverse,
  /** Or 0 for ones. */
  factors,
  /** Or 0 for zeros after a start of 1. */
  terms,
  out,
  /** 1 where the elements are floats. */
  float,
  length,
}

/** Cumulative sums of long rows of floats, in segments. Item: a segment. */
export enum SegmentField {
  /** Elements of a row, of a segment but the last, and segments of a row. */
  count,
  segment,
  segments,
  reverse,
  terms,
  out,
  /** Address of a double for each segment: its sum, then where its cumulative sums begin. */
  sums,
  length,
}

/** The order of rows, or the first `most` of it. Item: a row. */
export enum SortField {
  count,
  most,
  descending,
  /** 1 where the input holds floats. */
  float,
  input,
  /** [rows, count] places. */
  out,
  /** [rows, 2 * count] words of 64 bits to work in; [rows, 2 * most] where that is less than all. */
  space,
  /** Of long rows, for which items are runs of `ItemSize.sortRun`: [rows, count] words each, how many are in order, and whether this is the last pass. */
  source,
  target,
  width,
  last,
  length,
}
