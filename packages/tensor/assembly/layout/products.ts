/** Matrix products: in blocks, of few rows or columns, and the packing that goes ahead of them. */

export enum ActivationCode {
  none,
  relu,
  gelu,
  geluTanh,
}

/**
 * A stack of matrix products. Item: (matrix, column group, row group), the row group innermost. Strides count bytes.
 */
export enum MatmulField {
  m,
  n,
  k,
  a,
  aRowStride,
  aColumnStride,
  b,
  bRowStride,
  bColumnStride,
  out,
  alpha,
  bias,
  activation,
  residual,
  /** Rows and columns of a group; columns a multiple of 8. */
  rowGroup,
  columnGroup,
  rowGroups,
  columnGroups,
  /** Depth of a block of k. */
  depth,
  /** All of b in panels as `pack` makes them, which is then one matrix; 0 where each item is to copy its part. */
  packed,
  /** The batch dims: address of `batchRank` sizes, then strides in bytes of a and of b. */
  batchRank,
  batchSizes,
  aBatchStrides,
  bBatchStrides,
  /** Address of a `FollowingField` record, or 0, and the bytes of scratch memory that it asks for. */
  following,
  followingBytes,
  length,
}

/** Copies a matrix into panels of 8 columns, block of k by block of k. Item: (block of k, `columnGroup` columns). */
export enum PackField {
  n,
  k,
  b,
  bRowStride,
  bColumnStride,
  out,
  depth,
  columnGroup,
  columnGroups,
  length,
}

/** A stack of products with few rows, or with few columns and the operands exchanged. Item: (matrix, column group). */
export enum ThinField {
  m,
  n,
  k,
  a,
  aRowStride,
  aColumnStride,
  b,
  bRowStride,
  bColumnStride,
  out,
  outRowStride,
  outColumnStride,
  alpha,
  bias,
  activation,
  residual,
  columnGroup,
  columnGroups,
  /** 1 where b is dense along k, 0 where it is along its columns. */
  dots,
  /** 1 where rows here are columns of the output. */
  exchanged,
  batchRank,
  batchSizes,
  aBatchStrides,
  bBatchStrides,
  length,
}
