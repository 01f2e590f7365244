/** Kernels over the tensors of a model together: norms, clipping, the steps of optimizers. */

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
