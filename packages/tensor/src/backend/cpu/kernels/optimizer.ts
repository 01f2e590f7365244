/** Adam steps on the CPU, of many parameters in one launch. What depends on the step count alone is computed here, in double precision. */
import type { AdamOperands, AdamRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { AdamField, AdamParameter, ItemSize } from '../layout.generated.js';

/** Parameters of one launch: their table has to fit beside the record. */
const MOST = 1024;

export function adam(launcher: Launcher, request: AdamRequest): void {
  const parameters = [request, ...(request.more ?? [])].filter(({ count }) => count > 0);
  for (let at = 0; at < parameters.length; at += MOST) launch(launcher, request, parameters.slice(at, at + MOST));
}

function launch(launcher: Launcher, request: AdamRequest, parameters: readonly AdamOperands[]): void {
  const { decoupled, lr, beta1, beta2, weightDecay } = request;
  const record = launcher.record(AdamField.length);
  const table = launcher.more(AdamParameter.length * parameters.length);
  const { i32, f32 } = launcher;
  i32[record + AdamField.parameters] = table * 4;
  i32[record + AdamField.parameterCount] = parameters.length;
  i32[record + AdamField.decoupled] = Number(decoupled);
  f32[record + AdamField.decay] = decoupled ? 1 - lr * weightDecay : weightDecay;
  f32[record + AdamField.beta1] = beta1;
  f32[record + AdamField.beta2] = beta2;
  f32[record + AdamField.rest1] = 1 - beta1;
  f32[record + AdamField.rest2] = 1 - beta2;
  f32[record + AdamField.eps] = request.eps;
  f32[record + AdamField.stepSize] = lr / request.biasCorrection1;
  f32[record + AdamField.correction2] = Math.sqrt(request.biasCorrection2);
  let items = 0;
  for (const [i, { count, param, grad, expAvg, expAvgSq }] of parameters.entries()) {
    const entry = table + i * AdamParameter.length;
    i32[entry + AdamParameter.firstItem] = items;
    i32[entry + AdamParameter.count] = count;
    i32[entry + AdamParameter.param] = launcher.pointer(param);
    i32[entry + AdamParameter.grad] = launcher.pointer(grad);
    i32[entry + AdamParameter.expAvg] = launcher.pointer(expAvg);
    i32[entry + AdamParameter.expAvgSq] = launcher.pointer(expAvgSq);
    items += Math.ceil(count / ItemSize.adamBlock);
  }
  launcher.launch('adam', record, items, 4);
}
