/**
 * The parameter records of the kernels, word by word: the one place where callers and kernels agree on them. The build copies
 * this file to src/backend/cpu/layout.generated.ts, so it holds only what AssemblyScript and TypeScript read alike.
 *
 * A record is a run of 32-bit words in linear memory. Pointers are byte addresses, absent operands are 0. Every kernel has the
 * form `(record, begin, end)` and computes the work items [begin, end); what an item is, is said at each record.
 */

/** Sizes of work items that are not parameters. */
export enum ItemSize {
  /** Rows and columns of a tile of a transposing copy. */
  transposeTile = 32,
  /** Elements of a run of a long row that is sorted. */
  sortRun = 8192,
  /** Elements of an Adam step. */
  adamBlock = 4096,
  /** Words of memory that is cleared. */
  clearBlock = 16384,
  /** Elements that an expression behind a product computes at a time, at most. */
  followingBlock = 256,
}

/** How a pointwise operand is walked. */
export enum OperandMode {
  /** Row-major without gaps: read or written in place. */
  dense,
  /** One element for all. */
  splat,
  /** By its strides, through a block buffer. */
  strided,
  /** Behind a product: one row for all. */
  row,
}

/** The head of the records of fused expressions. */
export enum ExpressionField {
  inputs,
  scalars,
  outputs,
  registers,
  steps,
  /** Address of `steps` times `StepField.length` words. */
  code,
  /** Address of the values of the scalars, one word each. */
  scalarValues,
  /** Address of the operand records, inputs first. */
  operands,
  length,
}

/** A fused expression over operands of any strides; their records have `OperandField.strides + rank` words. Item: a block of `block` elements in row-major order. */
export enum PointwiseField {
  /** Elements of the shape. */
  total = ExpressionField.length,
  /** Elements a block, a multiple of 16. */
  block,
  rank,
  /** Address of `rank` sizes. */
  shape,
  /** Whether scalars' slots hold the addresses of their values, which a step spreads over a block when they are needed. */
  scalarsInPlace,
  length,
}

/**
 * An operand of a pointwise kernel. Slots number the values of a program as the kernel keeps them: inputs, scalars, outputs,
 * registers.
 */
export enum OperandField {
  address,
  mode,
  /** Of an output: the slot of its value, its own where a step writes there. */
  source,
  /** Of a dense output: 1 where its step may write to the destination itself. */
  direct,
  strides,
}

/** A step of a program: table index of its primitive, then slots. */
export enum StepField {
  primitive,
  target,
  a,
  b,
  c,
  length,
}

/** A copy that changes the order of elements. Item: a tile over the dims along which target and source are dense. */
export enum TransposeField {
  source,
  target,
  /** Size and source stride of the dim along which the target is dense. */
  columns,
  columnStride,
  /** Size and target stride of the dim along which the source is dense. */
  rows,
  rowStride,
  /** The other dims, outermost first: address of `rank` sizes, source strides and target strides. */
  rank,
  sizes,
  sourceStrides,
  targetStrides,
  length,
}

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

/**
 * A fused expression over a product, computed as soon as an item of the product is; operands' records have `OperandField.strides` words. The first input is
 * the product, at the place of `MatmulField.out`, the others are dense or `OperandMode.row`.
 */
export enum FollowingField {
  /** 1 where rows follow each other without a seam: no input is a row. */
  dense = ExpressionField.length,
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

/** The squares of several tensors. */
export enum NormField {
  /** Address of a `TensorRun` for each tensor. */
  runs,
  runCount,
  /** Address of a float64 for each item. */
  sums,
  length,
}

/** Several tensors times one number. */
export enum ScaleField {
  runs,
  runCount,
  factor,
  length,
}

/** One of several tensors. */
export enum TensorRun {
  /** The item of its first block. */
  firstItem,
  count,
  data,
  length,
}

/** A step of Adam for several parameters. Item: a block of `ItemSize.adamBlock` elements of one of them, blocks counted over all. */
export enum AdamField {
  /** Address of an `AdamParameter` for each parameter. */
  parameters,
  parameterCount,
  decoupled,
  /** 1 - lr * weightDecay where decoupled, else weightDecay. */
  decay,
  beta1,
  beta2,
  /** 1 - beta1, 1 - beta2, rounded from float64. */
  rest1,
  rest2,
  eps,
  /** lr / biasCorrection1. */
  stepSize,
  /** sqrt(biasCorrection2). */
  correction2,
  length,
}

/** One parameter of an Adam step. */
export enum AdamParameter {
  /** The item of its first block. */
  firstItem,
  count,
  param,
  grad,
  expAvg,
  expAvgSq,
  /** 0 without amsgrad. */
  maxExpAvgSq,
  length,
}

/** How a step of `descend` goes. */
export enum DescentRule {
  sgd,
  rmsprop,
  adagrad,
}

/** A step without Adam's corrections, for several parameters, in items as those of Adam. */
export enum DescentField {
  /** Address of a `DescentParameter` for each parameter. */
  parameters,
  parameterCount,
  /** One of `DescentRule`. */
  rule,
  lr,
  /** Whether the decay is added; 0 times infinity would be NaN. */
  decays,
  weightDecay,
  momentum,
  /** What the gradient weighs in the buffer of momentum. */
  share,
  nesterov,
  /** Whether the buffer of momentum starts as the gradient. */
  first,
  /** Of the running means, and 1 - alpha rounded from float64. */
  alpha,
  rest,
  eps,
  length,
}

/** One parameter of such a step; the address of a state that the rule does without is 0. */
export enum DescentParameter {
  /** The item of its first block. */
  firstItem,
  count,
  param,
  grad,
  /** Momentum. */
  buffer,
  /** Sums or means of squares. */
  square,
  /** Means of gradients. */
  mean,
  length,
}

/**
 * What threads share to divide a launch among them. Words that are written while others spin on them have a cache line each.
 */
export enum PoolField {
  /** Pieces of the launch that nobody has taken yet; 0 between launches, -1 when the threads are to end. */
  ticket = 0,
  /** Pieces that are computed. */
  done = 16,
  /** Threads that sleep. */
  sleepers = 32,
  /** 1 while the thread that launched sleeps. */
  waiting = 33,
  /** Threads that have arrived. */
  ready = 34,
  /** 1 once a kernel has failed in a thread. */
  failed = 35,
  /** The launch: table index of its kernel, record, work items, pieces. Written only while no piece is out. */
  kernel = 48,
  record = 49,
  items = 50,
  pieces = 51,
  length = 64,
}

/** The next words of a Mersenne Twister. One item. */
export enum TwistField {
  /** Address of the 624 words of its block, and how many of them were handed out, which is written back. */
  words,
  position,
  target,
  count,
  length,
}

/** What is drawn. */
export enum DrawKind {
  uniform,
  normal,
  integers,
  double,
  bernoulli,
  exponential,
}

/** Random words to numbers. Item: 16 elements. */
export enum DrawField {
  kind,
  count,
  /** Where the numbers go; words of kinds that take one an element are there already. */
  target,
  /** The words of kinds that take two an element. */
  words,
  /** Address of two doubles: from and width, mean and deviation, low and range, probability, rate. */
  numbers,
  length,
}

/** A part of a shuffle. One item. */
export enum ShuffleField {
  target,
  words,
  count,
  /** The element that the first word is for, and how many there are in all. */
  first,
  total,
  length,
}

/** Numbers at equal distances. Item: 1,024 of them. */
export enum LineField {
  count,
  out,
  /** Address of three doubles: the first, the last, the step. */
  numbers,
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
