/** Softmax, layer norm and cross-entropy of rows in float64, forward and backward, as requests.ts defines them. */
import { numel } from '../../../shape.js';
import { targetOutOfBounds } from '../../index-errors.js';
import type {
  CrossEntropyBackwardRequest,
  CrossEntropyRequest,
  LayerNormBackwardRequest,
  LayerNormRequest,
  SoftmaxBackwardRequest,
  SoftmaxRequest,
  Strided,
} from '../../requests.js';
import type { Launcher } from '../launch.js';
import { elements, optional, pairwise, wholeBuffer } from './elements.js';

export function softmax(launcher: Launcher, { log, shape, scale, ...operands }: SoftmaxRequest): void {
  const input = elements(launcher, operands.input);
  const out = elements(launcher, operands.out);
  const mask = operands.mask && wholeBuffer(launcher, operands.mask);
  const width = shape.at(-1) ?? 1;
  const leading = shape.slice(0, -1);
  const row = new Float64Array(width);
  const rows = width === 0 ? 0 : numel(leading);
  for (let r = 0; r < rows; r++) {
    const masked = mask && rowStart(leading, operands.mask, r);
    let open = 0;
    for (let c = 0; c < width; c++) {
      const isOpen = masked === undefined || mask?.[masked + c * (operands.mask?.strides.at(-1) ?? 0)] !== 0;
      row[c] = isOpen ? scale * (input[r * width + c] as number) : Number.NEGATIVE_INFINITY;
      open += Number(isOpen);
    }
    if (open === 0) {
      out.fill(log ? Number.NEGATIVE_INFINITY : 0, r * width, (r + 1) * width);
      continue;
    }
    const highest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const total = pairwise(0, width, (c) => Math.exp((row[c] as number) - highest));
    const logTotal = Math.log(total);
    for (let c = 0; c < width; c++) {
      const x = (row[c] as number) - highest;
      out[r * width + c] = log ? x - logTotal : Math.exp(x) / total;
    }
  }
}

/** Where a row of the mask begins. */
function rowStart(shape: readonly number[], mask: Strided | undefined, row: number): number {
  let start = mask?.offset ?? 0;
  let rest = row;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d] ?? 1;
    start += (rest % size) * (mask?.strides[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  return start;
}

export function softmaxBackward(
  launcher: Launcher,
  { log, rows, width, scale, ...operands }: SoftmaxBackwardRequest,
): void {
  const [grad, y, out] = [operands.grad, operands.output, operands.out].map((each) => elements(launcher, each));
  if (!grad || !y || !out) return;
  for (let r = 0; r < rows; r++) {
    const at = (c: number): number => r * width + c;
    const total = pairwise(0, width, (c) => (grad[at(c)] as number) * (log ? 1 : (y[at(c)] as number)));
    for (let c = 0; c < width; c++) {
      const [g, value] = [grad[at(c)] as number, y[at(c)] as number];
      out[at(c)] = scale * (log ? g - Math.exp(value) * total : value * (g - total));
    }
  }
}

export function layerNorm(launcher: Launcher, request: LayerNormRequest): void {
  const { rows, width, eps, centered = true, ...operands } = request;
  const [input, out] = [elements(launcher, operands.input), elements(launcher, operands.out)];
  const [means, rstds] = [elements(launcher, operands.mean), elements(launcher, operands.rstd)];
  const [weight, bias] = [optional(launcher, operands.weight), optional(launcher, operands.bias)];
  for (let r = 0; r < rows; r++) {
    const x = (c: number): number => input[r * width + c] as number;
    const mean = centered ? pairwise(0, width, x) / width : 0;
    const rstd = 1 / Math.sqrt(pairwise(0, width, (c) => (x(c) - mean) ** 2) / width + eps);
    means[r] = mean;
    rstds[r] = rstd;
    for (let c = 0; c < width; c++) out[r * width + c] = (x(c) - mean) * rstd * (weight?.[c] ?? 1) + (bias?.[c] ?? 0);
  }
}

export function layerNormBackward(launcher: Launcher, request: LayerNormBackwardRequest): void {
  const { rows, width, centered = true, ...operands } = request;
  const [grad, input] = [elements(launcher, operands.grad), elements(launcher, operands.input)];
  const [means, rstds] = [elements(launcher, operands.mean), elements(launcher, operands.rstd)];
  const weight = optional(launcher, operands.weight);
  const gradInput = optional(launcher, operands.gradInput);
  const gradWeight = optional(launcher, operands.gradWeight);
  const gradBias = optional(launcher, operands.gradBias);
  const upstream = (r: number, c: number): number => grad[r * width + c] as number;
  const normalised = (r: number, c: number): number =>
    ((input[r * width + c] as number) - (means[r] as number)) * (rstds[r] as number);
  for (let c = 0; c < width; c++) {
    if (gradWeight) gradWeight[c] = pairwise(0, rows, (r) => upstream(r, c) * normalised(r, c));
    if (gradBias) gradBias[c] = pairwise(0, rows, (r) => upstream(r, c));
  }
  if (!gradInput) return;
  for (let r = 0; r < rows; r++) {
    const g = (c: number): number => upstream(r, c) * (weight?.[c] ?? 1);
    const mean = centered ? pairwise(0, width, g) / width : 0;
    const along = pairwise(0, width, (c) => g(c) * normalised(r, c)) / width;
    for (let c = 0; c < width; c++)
      gradInput[r * width + c] = (g(c) - mean - normalised(r, c) * along) * (rstds[r] as number);
  }
}

export function crossEntropy(
  launcher: Launcher,
  { rows, classes, ignoreIndex, ...operands }: CrossEntropyRequest,
): void {
  const [logits, targets] = [elements(launcher, operands.logits), elements(launcher, operands.targets)];
  const [losses, logSumExp] = [elements(launcher, operands.losses), elements(launcher, operands.logSumExp)];
  for (let r = 0; r < rows; r++) {
    const x = (c: number): number => logits[r * classes + c] as number;
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) highest = Math.max(highest, x(c));
    const logSum = Math.log(pairwise(0, classes, (c) => Math.exp(x(c) - highest)));
    logSumExp[r] = highest + logSum;
    const target = targets[r] as number;
    if (target !== ignoreIndex && !(target >= 0 && target < classes)) throw targetOutOfBounds(target, classes, r);
    losses[r] = target === ignoreIndex ? 0 : highest - x(target) + logSum;
  }
}

export function crossEntropyBackward(
  launcher: Launcher,
  { rows, classes, ignoreIndex, ...operands }: CrossEntropyBackwardRequest,
): void {
  const [logits, targets] = [elements(launcher, operands.logits), elements(launcher, operands.targets)];
  const [logSumExp, gradRows] = [elements(launcher, operands.logSumExp), elements(launcher, operands.gradRows)];
  const out = elements(launcher, operands.out);
  for (let r = 0; r < rows; r++) {
    const target = targets[r] as number;
    if (target !== ignoreIndex && !(target >= 0 && target < classes)) throw targetOutOfBounds(target, classes, r);
    for (let c = 0; c < classes; c++) {
      const p = Math.exp((logits[r * classes + c] as number) - (logSumExp[r] as number));
      out[r * classes + c] = target === ignoreIndex ? 0 : (gradRows[r] as number) * (p - Number(c === target));
    }
  }
}
