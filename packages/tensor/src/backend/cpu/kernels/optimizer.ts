/** Adam steps on the CPU. What depends on the step count alone is computed here, in double precision. */
import type { AdamRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { AdamField, ItemSize } from '../layout.generated.js';

export function adam(launcher: Launcher, request: AdamRequest): void {
  const { count, decoupled, lr, beta1, beta2, weightDecay } = request;
  if (count === 0) return;
  const record = launcher.record(AdamField.length);
  const { i32, f32 } = launcher;
  i32[record + AdamField.count] = count;
  i32[record + AdamField.decoupled] = Number(decoupled);
  f32[record + AdamField.decay] = decoupled ? 1 - lr * weightDecay : weightDecay;
  f32[record + AdamField.beta1] = beta1;
  f32[record + AdamField.beta2] = beta2;
  f32[record + AdamField.rest1] = 1 - beta1;
  f32[record + AdamField.rest2] = 1 - beta2;
  f32[record + AdamField.eps] = request.eps;
  f32[record + AdamField.stepSize] = lr / request.biasCorrection1;
  f32[record + AdamField.correction2] = Math.sqrt(request.biasCorrection2);
  i32[record + AdamField.param] = launcher.pointer(request.param);
  i32[record + AdamField.grad] = launcher.pointer(request.grad);
  i32[record + AdamField.expAvg] = launcher.pointer(request.expAvg);
  i32[record + AdamField.expAvgSq] = launcher.pointer(request.expAvgSq);
  launcher.launch('adam', record, Math.ceil(count / ItemSize.adamBlock), 4);
}
