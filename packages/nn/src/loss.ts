/** Losses as modules, by torch's names: each keeps its options and calls its function. */
import { ShapeError, type Tensor } from '@course/tensor';
import * as F from './functional/losses.js';
import { Module } from './module.js';

/** What the losses have in common: options, and how they are printed. */
abstract class Loss<Options extends { readonly reduction?: string }> extends Module {
  readonly options: Options;

  constructor(options: Options) {
    super();
    this.options = options;
  }

  /** The input, unless its mean would be one of nothing: torch gives NaN there. */
  protected filled(input: Tensor): Tensor {
    if (input.numel() === 0 && (this.options.reduction ?? 'mean').endsWith('mean'))
      throw new ShapeError(
        `${this.constructor.name}: there is no mean over an empty batch, got an input of shape [${input.shape.join(', ')}]`,
      );
    return input;
  }

  override flops(args: readonly unknown[]): number {
    const [first] = args as [Tensor];
    return first.numel();
  }
}

/**
 * Cross-entropy of logits [rows, classes] against class numbers [rows] (int32), as `torch.nn.CrossEntropyLoss`.
 *
 * @example
 * new CrossEntropyLoss().forward(logits, labels).backward();
 */
export class CrossEntropyLoss extends Loss<F.CrossEntropyOptions> {
  constructor(options: F.CrossEntropyOptions = {}) {
    super(options);
  }

  /** logits [rows, classes] and class numbers [rows] to the loss. */
  forward(logits: Tensor, targets: Tensor): Tensor {
    return F.crossEntropy(this.filled(logits), targets, this.options);
  }
}

/** Minus the log-probability of the target's class, as `torch.nn.NLLLoss`. */
export class NLLLoss extends Loss<F.NllLossOptions> {
  constructor(options: F.NllLossOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.nllLoss(this.filled(input), target, this.options);
  }
}

/** Squared differences, as `torch.nn.MSELoss`. */
export class MSELoss extends Loss<F.LossOptions> {
  constructor(options: F.LossOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(this.filled(input), target, this.options);
  }
}

/** Absolute differences, as `torch.nn.L1Loss`. */
export class L1Loss extends Loss<F.LossOptions> {
  constructor(options: F.LossOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(this.filled(input), target, this.options);
  }
}

/** Half the square below `beta`, linear above, as `torch.nn.SmoothL1Loss`. */
export class SmoothL1Loss extends Loss<F.LossOptions & { readonly beta?: number }> {
  constructor(options: F.LossOptions & { readonly beta?: number } = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(this.filled(input), target, this.options);
  }
}

/** Half the square up to `delta`, linear above, as `torch.nn.HuberLoss`. */
export class HuberLoss extends Loss<F.LossOptions & { readonly delta?: number }> {
  constructor(options: F.LossOptions & { readonly delta?: number } = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(this.filled(input), target, this.options);
  }
}

/** The cross-entropy of probabilities, as `torch.nn.BCELoss`. */
export class BCELoss extends Loss<F.BinaryLossOptions> {
  constructor(options: F.BinaryLossOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(this.filled(input), target, this.options);
  }
}

/** The cross-entropy of the sigmoid of logits, as `torch.nn.BCEWithLogitsLoss`. */
export class BCEWithLogitsLoss extends Loss<F.BinaryLossOptions & { readonly posWeight?: Tensor | null }> {
  constructor(options: F.BinaryLossOptions & { readonly posWeight?: Tensor | null } = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropyWithLogits(this.filled(input), target, this.options);
  }
}

/** The divergence of log-probabilities from a distribution, as `torch.nn.KLDivLoss`. */
export class KLDivLoss extends Loss<F.KlDivOptions> {
  constructor(options: F.KlDivOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.klDivLoss(this.filled(input), target, this.options);
  }
}

/** Whether the angle between two vectors is small, as `torch.nn.CosineEmbeddingLoss`. */
export class CosineEmbeddingLoss extends Loss<F.LossOptions & { readonly margin?: number }> {
  constructor(options: F.LossOptions & { readonly margin?: number } = {}) {
    super(options);
  }

  /** Two inputs and a target of 1 or -1 for each pair to the loss. */
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(this.filled(x1), x2, target, this.options);
  }
}

/** Whether one number is larger than another, as `torch.nn.MarginRankingLoss`. */
export class MarginRankingLoss extends Loss<F.LossOptions & { readonly margin?: number }> {
  constructor(options: F.LossOptions & { readonly margin?: number } = {}) {
    super(options);
  }

  /** Two inputs and a target of 1 or -1 for each pair to the loss. */
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(this.filled(x1), x2, target, this.options);
  }
}

/** Whether a distance is small, as `torch.nn.HingeEmbeddingLoss`. */
export class HingeEmbeddingLoss extends Loss<F.LossOptions & { readonly margin?: number }> {
  constructor(options: F.LossOptions & { readonly margin?: number } = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(this.filled(input), target, this.options);
  }
}

/** The logistic loss of targets 1 and -1, as `torch.nn.SoftMarginLoss`. */
export class SoftMarginLoss extends Loss<F.LossOptions> {
  constructor(options: F.LossOptions = {}) {
    super(options);
  }

  /** An input and its target to the loss, a scalar unless the reduction is none. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(this.filled(input), target, this.options);
  }
}

/** Whether an anchor is nearer to a positive than to a negative example, as `torch.nn.TripletMarginLoss` (Euclidean). */
export class TripletMarginLoss extends Loss<F.LossOptions & { readonly margin?: number; readonly eps?: number }> {
  constructor(options: F.LossOptions & { readonly margin?: number; readonly eps?: number } = {}) {
    super(options);
  }

  /** Three tensors [batch, dim] to the loss. */
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(this.filled(anchor), positive, negative, this.options);
  }
}
