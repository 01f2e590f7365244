/** Kernels whose items are rows: softmax, layer norm, cross-entropy, and their backwards. */

/** Softmax of rows and its backward. Item: a row. */
export enum SoftmaxField {
  log,
  width,
  scale,
  input,
  out,
  /** Of the forward, or 0. Then the dims but the last: address of `rank` sizes and mask strides, and the last dim's stride. */
  mask,
  maskStride,
  rank,
  sizes,
  maskStrides,
  /** Of the backward. */
  grad,
  length,
}

/** Layer norm. Item: a row. */
export enum LayerNormField {
  width,
  /** 1 if the mean is subtracted. */
  centered,
  eps,
  input,
  weight,
  bias,
  out,
  mean,
  rstd,
  length,
}

/** The backward of layer norm. Item: a chunk of `chunk` rows. */
export enum LayerNormBackwardField {
  rows,
  centered,
  width,
  chunk,
  grad,
  input,
  weight,
  mean,
  rstd,
  gradInput,
  /** [chunks, width] sums over the rows of a chunk, or 0. */
  weightPartials,
  biasPartials,
  length,
}

/** Cross-entropy and its backward. Item: a row. */
export enum CrossEntropyField {
  classes,
  ignoreIndex,
  logits,
  targets,
  losses,
  logSumExp,
  gradRows,
  out,
  /** As `RowsField.fault`. */
  fault,
  length,
}
