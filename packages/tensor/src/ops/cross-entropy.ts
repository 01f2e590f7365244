/**
 * Cross-entropy from logits. Against class numbers: one kernel for the losses of all rows, one for their gradient; the softmax is never
 * kept. Against probabilities, and with class weights or smoothing, it is made of tensor ops.
 */
import { autocasted } from '../autocast.js';
import { isGradEnabled } from '../autograd/mode.js';
import { record } from '../autograd/record.js';
import { isFloating } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { placeOfCall } from '../place.js';
import { formatShape, numel, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { gatherAs, selectAs } from './indexing.js';
import { checkReduction, type Reduction, reduced } from './loss-reduction.js';
import { checkDTypes, checkFloats, commonBackend, dense, emptyOn, statisticsDType } from './operands.js';

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  readonly reduction?: Reduction;
  /** Rows with this target count neither in the loss nor in the mean. Default -100. */
  readonly ignoreIndex?: number;
  /** A weight for each class [classes]; a mean is then weighted. */
  readonly weight?: Tensor | null;
  /** The share of the target that is spread evenly over all classes, in [0, 1]. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * The cross-entropy of logits [rows, classes] (or [batch, classes, …], classes at dim 1) against class numbers, or against probabilities
 * of the shape of the logits (float32), as [torch.nn.functional.cross_entropy](https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html).
 * A mean over no rows is NaN, as there.
 */
export function crossEntropy(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', ignoreIndex = -100, weight: weights = null, labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  const [logits, targets, weight] = autocasted('crossEntropy', input, target, weights);
  checkReduction('crossEntropy', reduction);
  const [rank, classDim] = [logits.shape.length, logits.shape.length === 1 ? 0 : 1];
  const expected = logits.shape.toSpliced(classDim, 1);
  const isSoft = isFloating(targets.dtype) && sameShape(targets.shape, logits.shape);
  if (!isSoft && (rank === 0 || formatShape(targets.shape) !== formatShape(expected)))
    throw new ShapeError(
      `crossEntropy: logits of shape ${formatShape(logits.shape)} need targets of shape ${formatShape(expected)}, or probabilities of the shape of the logits, got ${targets.dtype} ${formatShape(targets.shape)}`,
    );
  checkFloats('crossEntropy', { logits, weight, ...(isSoft && { targets }) });
  if (!isSoft) checkDTypes('crossEntropy', 'targets', targets, ['int32', 'uint8']);
  commonBackend('crossEntropy', logits, targets);
  const classes = logits.shape[classDim] ?? 0;
  const rowsFirst = rank <= 2 ? logits : logits.permute([0, ...logits.shape.slice(2).map((_, d) => d + 2), 1]);
  if (weight && formatShape(weight.shape) !== formatShape([classes]))
    throw new ShapeError(
      `crossEntropy: weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${formatShape(weight.shape)}`,
    );
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ArgumentError(`crossEntropy: labelSmoothing must be between 0.0 and 1.0. Got: ${labelSmoothing}`);
  if (isSoft) return softCrossEntropy(logits, targets, classDim, { reduction, weight, labelSmoothing });
  const rows = rowsFirst.reshape([targets.numel(), classes]);
  const flatTargets = targets.reshape([-1]);
  const { losses, counts } =
    weight || labelSmoothing > 0
      ? weightedLosses(rows, flatTargets, ignoreIndex, weight, labelSmoothing)
      : { losses: rowLosses(rows, flatTargets, ignoreIndex), counts: flatTargets.ne(ignoreIndex) };
  if (reduction === 'none') return losses.view(expected);
  if (reduction === 'sum') return losses.sum();
  return losses.sum().div(counts.sum());
}

/** Soft targets: `Σ -target log softmax(logits)` over classes, smoothed and weighted; a mean is over the rows. */
function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  classDim: number,
  { reduction, weight, labelSmoothing }: { reduction: Reduction; weight: Tensor | null; labelSmoothing: number },
): Tensor {
  const classes = logits.shape[classDim] ?? 1;
  const smooth = labelSmoothing > 0 ? target.mul(1 - labelSmoothing).add(labelSmoothing / classes) : target;
  const columns = weight?.view(logits.shape.map((_, d) => (d === classDim ? classes : 1)));
  const shares = columns ? smooth.mul(columns) : smooth;
  const losses = logits.logSoftmax(classDim).mul(shares).sum(classDim).neg();
  return reduction === 'mean' ? losses.sum().div(numel(losses.shape)) : reduced(losses, reduction);
}

/** Losses with class weights and smoothing, in tensor ops; `counts` is what each row weighs in a mean. */
function weightedLosses(
  logits: Tensor,
  targets: Tensor,
  ignoreIndex: number,
  weight: Tensor | null,
  labelSmoothing: number,
): { losses: Tensor; counts: Tensor } {
  const classes = logits.shape[1] ?? 0;
  const ignored = targets.eq(ignoreIndex);
  const safe = targets.maskedFill(ignored, 0);
  const penalties = weight ? logits.logSoftmax(-1).neg().mul(weight) : logits.logSoftmax(-1).neg();
  const plain = gatherAs('crossEntropy', penalties, 1, safe.unsqueeze(-1)).squeeze(-1);
  const smooth = penalties.sum(-1).mul(labelSmoothing / classes);
  const losses = (labelSmoothing > 0 ? plain.mul(1 - labelSmoothing).add(smooth) : plain).maskedFill(ignored, 0);
  const counts = weight ? selectAs('crossEntropy', weight, 0, safe).maskedFill(ignored, 0) : ignored.logicalNot();
  return { losses, counts };
}

function rowLosses(logits: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
  const [rows = 0, classes = 0] = logits.shape;
  const backend = logits.storage.backend;
  const { tensor: losses, operand: out } = emptyOn(backend, logits.dtype, { name: 'crossEntropy', shape: [rows] });
  const { tensor: logSumExp, operand: lse } = emptyOn(backend, statisticsDType(logits.dtype), {
    name: 'crossEntropy',
    shape: [rows],
  });
  backend.run({
    kind: 'crossEntropy',
    rows,
    classes,
    ignoreIndex,
    logits: dense(logits),
    targets: dense(targets),
    losses: out,
    logSumExp: lse,
    ...placeOfCall(),
  });
  const result = record('crossEntropy', losses, [logits], [logits, targets, logSumExp], (grad, [x, t, l]) => [
    () => rowLossesBackward(grad, x, t, l, ignoreIndex),
  ]);
  logSumExp.dispose();
  return result;
}

function rowLossesBackward(
  grad: Tensor,
  logits: Tensor,
  targets: Tensor,
  logSumExp: Tensor,
  ignoreIndex: number,
): Tensor {
  const [rows = 0, classes = 0] = logits.shape;
  if (isGradEnabled()) {
    const onTarget = targets.unsqueeze(-1).eq(targets.newArange(classes));
    return logits
      .softmax(-1)
      .sub(onTarget)
      .mul(grad.unsqueeze(-1))
      .maskedFill(targets.eq(ignoreIndex).unsqueeze(-1), 0);
  }
  const backend = logits.storage.backend;
  const { tensor, operand } = emptyOn(backend, logits.dtype, { name: 'crossEntropy', shape: [rows, classes] });
  backend.run({
    kind: 'crossEntropyBackward',
    rows,
    classes,
    ignoreIndex,
    logits: dense(logits),
    targets: dense(targets),
    logSumExp: dense(logSumExp),
    gradRows: dense(grad),
    out: operand,
  });
  return tensor;
}
