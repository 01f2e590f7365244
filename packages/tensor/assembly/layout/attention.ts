/** Scaled dot-product attention: its forward, its backward and the operands of both. */

/** Scaled dot-product attention and its backward. Item: (matrix, block of queries); of the backward see `AttentionPass`. */
export enum AttentionField {
  queries,
  keys,
  width,
  valueWidth,
  scale,
  /** The scale times log2(e): weights are powers of two. */
  scoreScale,
  isCausal,
  /** Queries of a block, a multiple of 16, and their number. */
  queryBlock,
  queryBlocks,
  /** Of the forward: 1 where the packed keys and values of a matrix fit in scratch memory together. */
  packWhole,
  /** Of the backward: an `AttentionPass`, and the queries and keys of a block, a multiple of 16. */
  pass,
  block,
  /** 0, or 1 for bool and 2 for float32. */
  maskKind,
  /** 1 where weights are dropped; below `dropoutP` a weight goes, the others are multiplied by `dropoutScale`. */
  hasDropout,
  dropoutP,
  dropoutScale,
  seedLow,
  seedHigh,
  dropoutOffset,
  /** Rows' binary logarithms of their sums, infinity for a row without a key. */
  logSumExp,
  batchRank,
  /** Address of the batch's sizes. */
  batchSizes,
  /** Address of one operand record for every `AttentionSlot`, each of `AttentionOperand.batchStrides + batchRank` words. */
  operands,
  length,
}

export enum AttentionSlot {
  query,
  key,
  value,
  mask,
  output,
  grad,
  gradQuery,
  gradKey,
  gradValue,
  length,
}

/** An operand of attention. Strides count bytes; columns follow each other but for the mask. */
export enum AttentionOperand {
  address,
  rowStride,
  columnStride,
  batchStrides,
}

/** What a launch of attention's backward computes. */
export enum AttentionPass {
  /** All gradients. Item: a matrix. */
  all,
  /** The gradient of the queries. Item: (matrix, block of queries). */
  queries,
  /** The gradients of keys and values. Item: (matrix, block of keys). */
  keys,
}

/** Keys of a block. */
export enum AttentionBlock {
  forward = 128,
  /** Where so few queries ask that nothing is packed. */
  thin = 512,
}
