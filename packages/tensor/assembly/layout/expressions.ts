/** Fused expressions and the operands that they walk, on their own or behind a product, and copies that only change the order of elements. */

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

/**
 * A fused expression over operands of any strides; their records have `OperandField.strides + rank` words. Item: a block of `block`
 * elements in row-major order.
 */
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
 * A fused expression over a product, computed as soon as an item of the product is; operands' records have `OperandField.strides` words. The first input is
 * the product, at the place of `MatmulField.out`, the others are dense or `OperandMode.row`.
 */
export enum FollowingField {
  /** 1 where rows follow each other without a seam: no input is a row. */
  dense = ExpressionField.length,
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
