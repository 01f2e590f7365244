/** Optimizer steps in place, in float64 and in the order of operations of torch.optim. */
import type {
  AdamOperands,
  AdamRequest,
  ClipRequest,
  DescendRequest,
  DescentOperands,
  NormRequest,
} from '../../requests.js';
import type { Launcher } from '../launch.js';
import { elements } from './elements.js';

export function adam(launcher: Launcher, request: AdamRequest): void {
  for (const operands of [request, ...(request.more ?? [])]) step(launcher, request, operands);
}

function step(launcher: Launcher, request: AdamRequest, operands: AdamOperands): void {
  const { decoupled, lr, beta1, beta2, eps, weightDecay } = request;
  const { count } = operands;
  const [param, grad] = [elements(launcher, operands.param), elements(launcher, operands.grad)];
  const [expAvg, expAvgSq] = [elements(launcher, operands.expAvg), elements(launcher, operands.expAvgSq)];
  const highest = operands.maxExpAvgSq && elements(launcher, operands.maxExpAvgSq);
  const stepSize = lr / request.biasCorrection1;
  const correction2 = Math.sqrt(request.biasCorrection2);
  for (let i = 0; i < count; i++) {
    let p = param[i] as number;
    let g = grad[i] as number;
    if (decoupled) p *= 1 - lr * weightDecay;
    else g += weightDecay * p;
    const m = beta1 * (expAvg[i] as number) + (1 - beta1) * g;
    const v = beta2 * (expAvgSq[i] as number) + (1 - beta2) * g * g;
    expAvg[i] = m;
    expAvgSq[i] = v;
    const second = highest ? Math.max(highest[i] as number, v) : v;
    if (highest) highest[i] = second;
    param[i] = p - stepSize * (m / (Math.sqrt(second) / correction2 + eps));
  }
}

export function descend(launcher: Launcher, request: DescendRequest): void {
  for (const operands of [request, ...(request.more ?? [])]) descendOne(launcher, request, operands);
}

function descendOne(launcher: Launcher, request: DescendRequest, operands: DescentOperands): void {
  const { rule, lr, weightDecay, momentum = 0, dampening = 0, nesterov = false, first = false } = request;
  const { alpha = 0, eps = 0 } = request;
  const [param, grad] = [elements(launcher, operands.param), elements(launcher, operands.grad)];
  const buffer = operands.buffer && elements(launcher, operands.buffer);
  const square = operands.square && elements(launcher, operands.square);
  const mean = operands.mean && elements(launcher, operands.mean);
  const throughBuffer = (i: number, g: number, share: number): number => {
    if (!buffer) return g;
    const b = first ? g : (buffer[i] as number) * momentum + g * share;
    buffer[i] = b;
    return b;
  };
  for (let i = 0; i < operands.count; i++) {
    const p = param[i] as number;
    const g = weightDecay === 0 ? (grad[i] as number) : (grad[i] as number) + p * weightDecay;
    let step: number;
    if (!square) {
      const b = throughBuffer(i, g, 1 - dampening);
      step = nesterov ? g + b * momentum : b;
    } else {
      const before = square[i] as number;
      let s = rule === 'adagrad' ? before + g * g : before * alpha + g * g * (1 - alpha);
      square[i] = s;
      if (mean) {
        const m = (mean[i] as number) * alpha + g * (1 - alpha);
        mean[i] = m;
        s -= m * m;
      }
      step = throughBuffer(i, g / (Math.sqrt(s) + eps), 1);
    }
    param[i] = p - step * lr;
  }
}

export function norm(launcher: Launcher, { inputs, out }: NormRequest): void {
  let total = 0;
  for (const { count, data } of inputs) {
    const values = elements(launcher, data);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (values[i] as number) ** 2;
    total += sum;
  }
  elements(launcher, out)[0] = Math.sqrt(total);
}

export function clip(launcher: Launcher, { norm: total, maxNorm, targets }: ClipRequest): void {
  const factor = Math.min(1, maxNorm / ((elements(launcher, total)[0] as number) + 1e-6));
  for (const { count, data } of targets) {
    const values = elements(launcher, data);
    for (let i = 0; i < count; i++) values[i] = (values[i] as number) * factor;
  }
}
