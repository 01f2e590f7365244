/**
 * Losses as functions, by the names of `torch.nn.functional`: those of the tensor package, and the rest composed of its ops, each one or
 * two kernels.
 */
import {
  ArgumentError,
  type LossOptions,
  type Reduction,
  ShapeError,
  softplus,
  type Tensor,
  where,
} from '@course/tensor';

export {
  type BinaryLossOptions,
  bceLoss as binaryCrossEntropy,
  bceWithLogits as binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  cosineSimilarity,
  crossEntropy,
  huberLoss,
  type KlDivOptions,
  klDiv as klDivLoss,
  type LossOptions,
  l1Loss,
  mseLoss,
  type NllLossOptions,
  nllLoss,
  normalize,
  type Reduction,
  smoothL1Loss,
} from '@course/tensor';

/** The mean or sum of losses, or the losses themselves. */
function reduce(name: string, losses: Tensor, reduction: Reduction = 'mean'): Tensor {
  if (reduction === 'mean') return losses.mean();
  if (reduction === 'sum') return losses.sum();
  if (reduction === 'none') return losses;
  throw new ArgumentError(
    `${name}: ${String(reduction)} is not a valid value for reduction: it may be mean, sum or none`,
  );
}

/** Throws unless two inputs have one shape. */
function checkSame(name: string, input: Tensor, target: Tensor): void {
  if (input.shape.join() !== target.shape.join())
    throw new ShapeError(
      `${name}: the inputs [${input.shape.join(', ')}] and [${target.shape.join(', ')}] must have one shape`,
    );
}

/** 1 - cos for pairs marked 1, max(0, cos - margin) for those marked -1; x1 and x2 [batch, dim]. */
export function cosineEmbeddingLoss(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: LossOptions & { readonly margin?: number } = {},
): Tensor {
  checkSame('cosineEmbeddingLoss', x1, x2);
  const eps = 1e-12;
  const lengths = x1.square().sum(-1).add(eps).mul(x2.square().sum(-1).add(eps)).sqrt();
  const cosine = x1.mul(x2).sum(-1).div(lengths);
  const losses = where(target.gt(0), cosine.neg().add(1), cosine.sub(margin).clamp({ min: 0 }));
  return reduce('cosineEmbeddingLoss', losses, reduction);
}

/** max(0, -target (x1 - x2) + margin): x1 should be ranked above x2 where the target is 1, below where it is -1. */
export function marginRankingLoss(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: LossOptions & { readonly margin?: number } = {},
): Tensor {
  checkSame('marginRankingLoss', x1, x2);
  return reduce('marginRankingLoss', target.mul(x2.sub(x1)).add(margin).clamp({ min: 0 }), reduction);
}

/** x for targets of 1, max(0, margin - x) for targets of -1. */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction }: LossOptions & { readonly margin?: number } = {},
): Tensor {
  checkSame('hingeEmbeddingLoss', input, target);
  const losses = where(target.gt(0), input, input.neg().add(margin).clamp({ min: 0 }));
  return reduce('hingeEmbeddingLoss', losses, reduction);
}

/** log(1 + exp(-target x)) for targets of 1 and -1. */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  checkSame('softMarginLoss', input, target);
  return reduce('softMarginLoss', softplus(input.mul(target).neg()), reduction);
}

/** max(0, |anchor - positive| - |anchor - negative| + margin), Euclidean (Schroff et al. 2015). */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, eps = 1e-6, reduction }: LossOptions & { readonly margin?: number; readonly eps?: number } = {},
): Tensor {
  checkSame('tripletMarginLoss', anchor, positive);
  checkSame('tripletMarginLoss', anchor, negative);
  const distance = (other: Tensor): Tensor => anchor.sub(other).add(eps).square().sum(-1).sqrt();
  const losses = distance(positive).sub(distance(negative)).add(margin).clamp({ min: 0 });
  return reduce('tripletMarginLoss', losses, reduction);
}
