/** Optimizer steps on the CPU, of many parameters in one launch. What depends on the step count alone is computed here, in double precision. */
import type { AdamOperands, AdamRequest, DescendRequest, DescentOperands } from '../../requests.js';
import type { Launcher } from '../launch.js';
import {
  AdamField,
  AdamParameter,
  DescentField,
  DescentParameter,
  DescentRule,
  ItemSize,
} from '../layout.generated.js';

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
  for (const [i, { count, param, grad, expAvg, expAvgSq, maxExpAvgSq }] of parameters.entries()) {
    const entry = table + i * AdamParameter.length;
    i32[entry + AdamParameter.firstItem] = items;
    i32[entry + AdamParameter.count] = count;
    i32[entry + AdamParameter.param] = launcher.pointer(param);
    i32[entry + AdamParameter.grad] = launcher.pointer(grad);
    i32[entry + AdamParameter.expAvg] = launcher.pointer(expAvg);
    i32[entry + AdamParameter.expAvgSq] = launcher.pointer(expAvgSq);
    i32[entry + AdamParameter.maxExpAvgSq] = maxExpAvgSq ? launcher.pointer(maxExpAvgSq) : 0;
    items += Math.ceil(count / ItemSize.adamBlock);
  }
  launcher.launch('adam', record, items, 4);
}

export function descend(launcher: Launcher, request: DescendRequest): void {
  const parameters = [request, ...(request.more ?? [])].filter(({ count }) => count > 0);
  for (let at = 0; at < parameters.length; at += MOST)
    launchDescent(launcher, request, parameters.slice(at, at + MOST));
}

function launchDescent(launcher: Launcher, request: DescendRequest, parameters: readonly DescentOperands[]): void {
  const { rule, lr, weightDecay, momentum = 0, dampening = 0, nesterov = false, first = false } = request;
  const { alpha = 0, eps = 0 } = request;
  const record = launcher.record(DescentField.length);
  const table = launcher.more(DescentParameter.length * parameters.length);
  const { i32, f32 } = launcher;
  i32[record + DescentField.parameters] = table * 4;
  i32[record + DescentField.parameterCount] = parameters.length;
  i32[record + DescentField.rule] = DescentRule[rule];
  i32[record + DescentField.decays] = Number(weightDecay !== 0);
  i32[record + DescentField.nesterov] = Number(nesterov);
  i32[record + DescentField.first] = Number(first);
  f32[record + DescentField.lr] = lr;
  f32[record + DescentField.weightDecay] = weightDecay;
  f32[record + DescentField.momentum] = momentum;
  f32[record + DescentField.share] = 1 - dampening;
  f32[record + DescentField.alpha] = alpha;
  f32[record + DescentField.rest] = 1 - alpha;
  f32[record + DescentField.eps] = eps;
  let items = 0;
  for (const [i, { count, param, grad, buffer, square, mean }] of parameters.entries()) {
    const entry = table + i * DescentParameter.length;
    i32[entry + DescentParameter.firstItem] = items;
    i32[entry + DescentParameter.count] = count;
    i32[entry + DescentParameter.param] = launcher.pointer(param);
    i32[entry + DescentParameter.grad] = launcher.pointer(grad);
    i32[entry + DescentParameter.buffer] = buffer ? launcher.pointer(buffer) : 0;
    i32[entry + DescentParameter.square] = square ? launcher.pointer(square) : 0;
    i32[entry + DescentParameter.mean] = mean ? launcher.pointer(mean) : 0;
    items += Math.ceil(count / ItemSize.adamBlock);
  }
  launcher.launch('descend', record, items, 4);
}
