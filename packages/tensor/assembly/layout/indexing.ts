/** Elements and rows by index, their way back, and the clearing of what they are added to. */

/** Memory to be cleared. Item: `ItemSize.clearBlock` words. */
export enum ClearField {
  /** Words. */
  count,
  out,
  length,
}

/** Rows by index and their gradient. Item: of gather a row; of scatter a group of `columnGroup` columns. */
export enum RowsField {
  rows,
  width,
  tableRows,
  paddingIndex,
  table,
  indices,
  out,
  columnGroup,
  /** Set by the kernel: the least row whose index lies outside the table, if less than what stood there. */
  fault,
  length,
}

/**
 * Elements by an index along the middle dim of [outer, size, inner], and their return. Item: of gather one (outer, place); of
 * scatter one (outer, group of columns), the group innermost.
 */
export enum IndexField {
  outer,
  /** Places along the dim of the index. */
  count,
  inner,
  /** Elements along the dim of the table. */
  size,
  table,
  index,
  /** Strides of the index along outer, count and inner, in elements; 0 repeats. */
  outerStride,
  placeStride,
  innerStride,
  /** What gather writes and scatter reads, [outer, count, inner]. */
  values,
  /** Of scatter: 0 overwrites, 1 adds floats, 2 adds integers. */
  mode,
  columnGroup,
  columnGroups,
  /** As `RowsField.fault`: the least faulty place of the index in row-major order. */
  fault,
  length,
}
