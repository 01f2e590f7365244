/**
 * Losses between a prediction and a target, by the names and meanings of `torch.nn.functional`; each is a few tensor ops that fuse.
 * Cross-entropy, which has kernels of its own, is in `cross-entropy.ts`.
 */
import { autocasted } from '../autocast.js';
import { record } from '../autograd/record.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { formatShape, normalizeDim, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { softplus } from './activations.js';
import { gatherAs, indexSelect } from './indexing.js';
import { checkReduction, type Reduction, reduced } from './loss-reduction.js';
import { checkDTypes, checkFloats, commonBackend } from './operands.js';
import { norm } from './reduce.js';

/** What losses share. */
export interface LossOptions {
  /** `mean` (default), `sum`, or `none` for a loss an element. */
  readonly reduction?: Reduction;
}

/** PyTorch only warns where shapes differ and broadcasts; what comes out is hardly ever meant. */
function checkTarget(name: string, input: Tensor, target: Tensor, reduction: string): void {
  commonBackend(name, input, target);
  checkReduction(name, reduction);
  if (!sameShape(input.shape, target.shape))
    throw new ShapeError(
      `${name}: Using a target size (${formatShape(target.shape)}) that is different to the input size (${formatShape(input.shape)}) is not allowed. Please ensure they have the same size.`,
    );
}

/**
 * The mean of squared differences. As [torch.nn.functional.mse_loss](https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html), but shapes must agree.
 *
 * @throws ShapeError unless both have one shape.
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export function mseLoss(x: Tensor, y: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  const [input, target] = autocasted('mseLoss', x, y);
  checkTarget('mseLoss', input, target, reduction);
  return reduced(input.sub(target).square(), reduction);
}

/** The mean of absolute differences, as `torch.nn.functional.l1_loss`. */
export function l1Loss(x: Tensor, y: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  const [input, target] = autocasted('l1Loss', x, y);
  checkTarget('l1Loss', input, target, reduction);
  return reduced(input.sub(target).abs(), reduction);
}

/** Squares below a difference of `delta`, `delta` times the rest above it; as `torch.nn.functional.huber_loss`. */
export function huberLoss(
  x: Tensor,
  y: Tensor,
  { reduction = 'mean', delta = 1 }: LossOptions & { readonly delta?: number } = {},
): Tensor {
  const [input, target] = autocasted('huberLoss', x, y);
  checkTarget('huberLoss', input, target, reduction);
  if (!(delta > 0)) throw new ArgumentError(`huberLoss: delta must be positive, got ${delta}`);
  const distance = input.sub(target).abs();
  const square = distance.mul(distance).mul(0.5);
  return reduced(square.where(distance.le(delta), distance.sub(delta / 2).mul(delta)), reduction);
}

/** Squares over `beta` below a difference of `beta`, the absolute difference above it (Girshick 2015); as `torch.nn.functional.smooth_l1_loss`. */
export function smoothL1Loss(
  x: Tensor,
  y: Tensor,
  { reduction = 'mean', beta = 1 }: LossOptions & { readonly beta?: number } = {},
): Tensor {
  const [input, target] = autocasted('smoothL1Loss', x, y);
  if (!(beta >= 0)) throw new ArgumentError(`smoothL1Loss: beta must not be negative, got ${beta}`);
  if (beta === 0) return l1Loss(input, target, { reduction });
  checkTarget('smoothL1Loss', input, target, reduction);
  const distance = input.sub(target).abs();
  const square = distance.mul(distance).mul(0.5 / beta);
  return reduced(square.where(distance.lt(beta), distance.sub(beta / 2)), reduction);
}

/** Options of {@link bceLoss}. */
export interface BinaryLossOptions extends LossOptions {
  /** Multiplies the loss of each element; broadcast. */
  readonly weight?: Tensor | null;
}

/** The logarithms in binary cross-entropy are cut off here, as in PyTorch. */
const LEAST_LOGARITHM = -100;

/**
 * Binary cross-entropy of probabilities in [0, 1]; logarithms are at least -100. As [torch.nn.functional.binary_cross_entropy](https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html).
 *
 * @throws ShapeError unless both have one shape.
 */
export function bceLoss(x: Tensor, y: Tensor, { reduction = 'mean', weight = null }: BinaryLossOptions = {}): Tensor {
  const [input, target] = autocasted('bceLoss', x, y);
  checkTarget('bceLoss', input, target, reduction);
  checkFloats('bceLoss', { input });
  const losses = binaryLosses(input, target);
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

function binaryLosses(input: Tensor, target: Tensor): Tensor {
  const [p, t] = [input.detach(), target.detach()];
  const yes = p.log().clamp({ min: LEAST_LOGARITHM });
  const no = p.neg().log1p().clamp({ min: LEAST_LOGARITHM });
  // (t - 1) no - t yes
  const output = t.sub(1).mul(no).sub(t.mul(yes));
  return record('bceLoss', output, [input, target], [input, target], (grad, [x, y]) => [
    // The product is kept from 0, so that a certain and wrong prediction has a finite slope.
    () => grad.mul(x.sub(y)).div(x.neg().add(1).mul(x).clamp({ min: 1e-12 })),
    () => grad.mul(x.neg().log1p().sub(x.log())),
  ]);
}

/**
 * Binary cross-entropy of logits, without overflow. `posWeight` multiplies the loss of positive targets. As
 * [torch.nn.functional.binary_cross_entropy_with_logits](https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html).
 *
 * @throws ShapeError unless both have one shape.
 */
export function bceWithLogits(
  x: Tensor,
  y: Tensor,
  {
    reduction = 'mean',
    weight = null,
    posWeight = null,
  }: BinaryLossOptions & { readonly posWeight?: Tensor | null } = {},
): Tensor {
  const [input, target] = autocasted('bceWithLogits', x, y);
  checkTarget('bceWithLogits', input, target, reduction);
  const rest = target.neg().add(1).mul(input);
  const positive = softplus(input.neg());
  const losses = posWeight ? rest.add(positive.mul(posWeight.sub(1).mul(target).add(1))) : rest.add(positive);
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** `batchmean` divides the sum by the first dim: the divergence itself. */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target is given as logarithms. */
  readonly logTarget?: boolean;
}

/**
 * The Kullback–Leibler divergence `target (log target - input)` of log-probabilities `input`. As [torch.nn.functional.kl_div](https://pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html).
 *
 * @throws ShapeError unless both have one shape.
 */
export function klDiv(x: Tensor, y: Tensor, { reduction = 'mean', logTarget = false }: KlDivOptions = {}): Tensor {
  const [input, target] = autocasted('klDiv', x, y);
  checkTarget('klDiv', input, target, reduction === 'batchmean' ? 'mean' : reduction);
  // 0 log 0 is 0: where the target is 0 its logarithm is taken of 1.
  const logs = logTarget ? target : target.maskedFill(target.le(0), 1).log();
  const losses = (logTarget ? target.exp() : target).mul(logs.sub(input));
  if (reduction !== 'batchmean') return reduced(losses, reduction);
  return losses.sum().div(input.shape[0] ?? 1);
}

/** Options of {@link nllLoss}. */
export interface NllLossOptions extends LossOptions {
  /** A weight for each class [classes]; a mean is then weighted. */
  readonly weight?: Tensor | null;
  /** Rows with this target count neither in the loss nor in the mean. Default -100. */
  readonly ignoreIndex?: number;
}

/**
 * The negative log-probability of the target class: input [rows, classes] (or [batch, classes, …]), targets int32. As
 * [torch.nn.functional.nll_loss](https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html).
 *
 * @throws ShapeError unless the targets have the shape of the input without its classes.
 */
export function nllLoss(
  logits: Tensor,
  target: Tensor,
  { reduction = 'mean', weight = null, ignoreIndex = -100 }: NllLossOptions = {},
): Tensor {
  const [input] = autocasted('nllLoss', logits);
  commonBackend('nllLoss', input, target);
  checkReduction('nllLoss', reduction);
  checkDTypes('nllLoss', 'target', target, ['int32', 'uint8']);
  const classDim = input.shape.length === 1 ? 0 : 1;
  const classes = input.shape[classDim] ?? 0;
  if (input.shape.length === 0 || !sameShape(target.shape, input.shape.toSpliced(classDim, 1)))
    throw new ShapeError(
      `nllLoss: input of shape ${formatShape(input.shape)} needs targets of shape ${formatShape(input.shape.toSpliced(classDim, 1))}, got ${formatShape(target.shape)}`,
    );
  if (weight && !sameShape(weight.shape, [classes]))
    throw new ShapeError(
      `nllLoss: weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${formatShape(weight.shape)}`,
    );
  const ignored = target.eq(ignoreIndex);
  const safe = target.maskedFill(ignored, 0);
  const picked = gatherAs('nllLoss', input, classDim, safe.unsqueeze(classDim)).squeeze(classDim).neg();
  const weights = weight ? indexSelect(weight, 0, safe.reshape([-1])).reshape(target.shape) : null;
  const losses = (weights ? picked.mul(weights) : picked).maskedFill(ignored, 0);
  if (reduction !== 'mean') return reduced(losses, reduction);
  const counts = weights ? weights.maskedFill(ignored, 0) : ignored.logicalNot();
  return losses.sum().div(counts.sum());
}

/** Options of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  /** Default 1. */
  readonly dim?: number;
  /** The least length taken for a vector; default 1e-8. */
  readonly eps?: number;
}

/**
 * The cosine of the angle between vectors along a dim, both broadcast. As [torch.nn.functional.cosine_similarity](https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html).
 *
 * @example
 * cosineSimilarity(tensor([[1, 0]]), tensor([[1, 1]])); // [0.7071]
 */
export function cosineSimilarity(
  left: Tensor,
  right: Tensor,
  { dim = 1, eps = 1e-8 }: CosineSimilarityOptions = {},
): Tensor {
  const [a, b] = autocasted('cosineSimilarity', left, right);
  commonBackend('cosineSimilarity', a, b);
  const at = normalizeDim('cosineSimilarity', dim, Math.max(a.shape.length, b.shape.length));
  const from = (x: Tensor): number => at - Math.max(a.shape.length, b.shape.length) + x.shape.length;
  const unit = (x: Tensor): Tensor => x.div(norm(x, from(x), { keepDim: true }).clamp({ min: eps }));
  return unit(a).mul(unit(b)).sum(at);
}

/** Vectors scaled to length 1 (of norm `p`) along a dim, as `torch.nn.functional.normalize`. */
export function normalize(
  given: Tensor,
  { p = 2, dim = 1, eps = 1e-12 }: { readonly p?: number; readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  const [x] = autocasted('normalize', given);
  return x.div(norm(x, dim, { p, keepDim: true }).clamp({ min: eps }));
}
