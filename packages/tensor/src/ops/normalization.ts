/**
 * Layer normalisation (Ba, Kiros, Hinton 2016) and its form that subtracts nothing (Zhang & Sennrich 2019): the same hand-fused kernels,
 * forward and backward, with or without a mean.
 */
import { autocasted } from '../autocast.js';
import { isGradEnabled } from '../autograd/mode.js';
import { record } from '../autograd/record.js';
import { ShapeError } from '../errors.js';
import { formatShape, numel, type Shape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFloats, commonBackend, dense, emptyOn, statisticsDType } from './operands.js';

/** Options of {@link layerNorm}. */
export interface LayerNormOptions {
  /** Multiplies the normalised values, of the normalised shape. */
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  readonly eps?: number;
}

/** Normalises over the last dims, those of `normalizedShape`. */
export function layerNorm(
  x: Tensor,
  normalizedShape: Shape,
  { weight, bias, eps = 1e-5 }: LayerNormOptions = {},
): Tensor {
  return normalizeRows('layerNorm', x, normalizedShape, { weight: weight ?? null, bias: bias ?? null, eps });
}

function normalizeRows(
  op: 'layerNorm' | 'rmsNorm',
  input: Tensor,
  normalizedShape: Shape,
  { weight: scale, bias: shift, eps }: Required<LayerNormOptions>,
): Tensor {
  const [x, weight, bias] = autocasted(op, input, scale, shift);
  const tail = x.shape.slice(x.shape.length - normalizedShape.length);
  if (normalizedShape.length === 0 || !sameShape(tail, normalizedShape))
    throw new ShapeError(
      `${op}: Given normalizedShape=${formatShape(normalizedShape)}, expected input with shape [*, ${normalizedShape.join(', ')}], but got input of size ${formatShape(x.shape)}`,
    );
  for (const [name, each] of [
    ['weight', weight],
    ['bias', bias],
  ] as const) {
    if (each && !sameShape(each.shape, normalizedShape))
      throw new ShapeError(
        `${op}: Expected ${name} to be of same shape as normalizedShape, but got ${formatShape(each.shape)} and normalizedShape = ${formatShape(normalizedShape)}`,
      );
  }
  checkFloats(op, { input: x, weight, bias });
  const inputs = [x, ...(weight ? [weight] : []), ...(bias ? [bias] : [])];
  const backend = commonBackend(op, x, ...inputs);
  const width = numel(normalizedShape);
  const rows = width === 0 ? 0 : numel(x.shape) / width;
  const { tensor: output, operand: out } = emptyOn(backend, x.dtype, { name: op, shape: x.shape });
  const { tensor: means, operand: mean } = emptyOn(backend, statisticsDType(x.dtype), { name: op, shape: [rows] });
  const { tensor: rstds, operand: rstd } = emptyOn(backend, statisticsDType(x.dtype), { name: op, shape: [rows] });
  backend.run({
    kind: 'layerNorm',
    centered: op === 'layerNorm',
    rows,
    width,
    eps,
    input: dense(x),
    ...(weight && { weight: dense(weight) }),
    ...(bias && { bias: dense(bias) }),
    out,
    mean,
    rstd,
  });
  const wanted = { input: x.vertex !== null, affine: weight?.vertex != null || bias?.vertex != null };
  const saved: readonly Tensor[] = [x, means, rstds, ...(weight ? [weight] : [])];
  const result = record(op, output, inputs, saved, (grad, kept) => {
    const [input, savedMean, savedRstd, scale = null] = kept as readonly Tensor[] as readonly [
      Tensor,
      Tensor,
      Tensor,
      Tensor?,
    ];
    const gradients = (isGradEnabled() ? composedGradients : fusedGradients)(
      grad,
      { input, mean: savedMean, rstd: savedRstd, weight: scale },
      { rows, width, eps, centered: op === 'layerNorm', wanted },
    );
    return [gradients.input, ...(weight ? [gradients.weight] : []), ...(bias ? [gradients.bias] : [])];
  });
  means.dispose();
  rstds.dispose();
  return result;
}

interface Saved {
  readonly input: Tensor;
  readonly mean: Tensor;
  readonly rstd: Tensor;
  readonly weight: Tensor | null;
}

interface Sizes {
  readonly rows: number;
  readonly width: number;
  readonly eps: number;
  /** Whether the mean is subtracted. */
  readonly centered: boolean;
  /** Whether the input, and whether weight or bias, take part in the graph. */
  readonly wanted: { readonly input: boolean; readonly affine: boolean };
}

type Gradients = { readonly input: () => Tensor; readonly weight: () => Tensor; readonly bias: () => Tensor };

/** The gradients by the fused kernel, in one request: it reads what all of them are made of. */
function fusedGradients(grad: Tensor, { input, mean, rstd, weight }: Saved, sizes: Sizes): Gradients {
  const { rows, width, centered, wanted } = sizes;
  const backend = input.storage.backend;
  let made: { readonly input: Tensor | null; readonly weight: Tensor | null; readonly bias: Tensor | null } | null =
    null;
  const all = () => {
    if (made) return made;
    const name = centered ? 'layerNorm' : 'rmsNorm';
    const empty = (isWanted: boolean, shape: Shape) =>
      isWanted ? emptyOn(backend, input.dtype, { name, shape }) : null;
    const ofInput = empty(wanted.input, input.shape);
    const ofWeight = empty(wanted.affine, weight?.shape ?? [width]);
    const ofBias = empty(wanted.affine && centered, weight?.shape ?? [width]);
    backend.run({
      kind: 'layerNormBackward',
      centered,
      rows,
      width,
      grad: dense(grad),
      input: dense(input),
      mean: dense(mean),
      rstd: dense(rstd),
      ...(weight && { weight: dense(weight) }),
      ...(ofInput && { gradInput: ofInput.operand }),
      ...(ofWeight && { gradWeight: ofWeight.operand }),
      ...(ofBias && { gradBias: ofBias.operand }),
    });
    made = { input: ofInput?.tensor ?? null, weight: ofWeight?.tensor ?? null, bias: ofBias?.tensor ?? null };
    return made;
  };
  // Only who takes part in the graph is asked for a gradient.
  return {
    input: () => all().input as Tensor,
    weight: () => all().weight as Tensor,
    bias: () => all().bias as Tensor,
  };
}

/** The same gradients in tensor ops, for passes that are recorded to be differentiated again. */
function composedGradients(grad: Tensor, { input, weight }: Saved, sizes: Sizes): Gradients {
  const { rows, width, eps, centered } = sizes;
  const flatGrad = grad.reshape([rows, width]);
  const flat = input.reshape([rows, width]);
  const around = centered ? flat.sub(flat.mean(-1, { keepDim: true })) : flat;
  const rstd = around.mul(around).mean(-1, { keepDim: true }).add(eps).rsqrt();
  const normalised = around.mul(rstd);
  const shape = weight?.shape ?? [width];
  return {
    input: () => {
      const g = weight ? flatGrad.mul(weight.reshape([width])) : flatGrad;
      const alongNormalised = normalised.mul(g.mul(normalised).mean(-1, { keepDim: true }));
      const level = centered ? g.sub(g.mean(-1, { keepDim: true })) : g;
      return level.sub(alongNormalised).mul(rstd).reshape(input.shape);
    },
    weight: () => flatGrad.mul(normalised).sum(0).reshape(shape),
    bias: () => flatGrad.sum(0).reshape(shape),
  };
}

/** Options of {@link rmsNorm}. */
export interface RmsNormOptions {
  /** Multiplies the normalised values, of the normalised shape. */
  readonly weight?: Tensor | null;
  /** Default: the distance of 1 to the next number of the dtype, as in PyTorch. */
  readonly eps?: number;
}

/**
 * Divides by the root of the mean square over the last dims, those of `normalizedShape` (Zhang & Sennrich 2019). As
 * [torch.nn.functional.rms_norm](https://pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html).
 *
 * @throws ShapeError unless the input ends in `normalizedShape`, and the weight has it.
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: Shape,
  { weight, eps = x.dtype === 'float64' ? 2 ** -52 : 2 ** -23 }: RmsNormOptions = {},
): Tensor {
  return normalizeRows('rmsNorm', x, normalizedShape, { weight: weight ?? null, bias: null, eps });
}
