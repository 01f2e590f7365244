/** One Adam or AdamW step in place, in float64 and in the order of operations of torch.optim. */
import type { AdamOperands, AdamRequest } from '../../requests.js';
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
    param[i] = p - stepSize * (m / (Math.sqrt(v) / correction2 + eps));
  }
}
