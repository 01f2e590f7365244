/** Steps of Adam in place, many parameters a dispatch. */
import type { AdamRequest } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { prelude } from '../wgsl/prelude.js';
import { dispatchSteps, type Role } from './steps.js';

export function adam(context: KernelContext, request: AdamRequest): void {
  const { decoupled, lr, beta1, beta2, eps, weightDecay } = request;
  const isAmsgrad = request.maxExpAvgSq !== undefined;
  const roles: Role[] = [
    { name: 'param', isWritten: true },
    { name: 'grad', isWritten: false },
    { name: 'expAvg', isWritten: true },
    { name: 'expAvgSq', isWritten: true },
    ...(isAmsgrad ? [{ name: 'maxExpAvgSq', isWritten: true }] : []),
  ];
  const body = `
let weight = param${decoupled ? ' * p.decay' : ''};
let g = grad${decoupled ? '' : ' + p.weightDecay * weight'};
let m = p.beta1 * expAvg + p.rest1 * g;
let v = p.beta2 * expAvgSq + p.rest2 * g * g;`;
  dispatchSteps(
    context,
    {
      label: decoupled ? 'adamW' : 'adam',
      key: `adam|${decoupled}|${isAmsgrad}`,
      roles,
      numbers: {
        beta1,
        beta2,
        // Taken in double precision: 1 - beta would lose half its digits in float32.
        rest1: 1 - beta1,
        rest2: 1 - beta2,
        eps,
        weightDecay,
        decay: 1 - lr * weightDecay,
        stepSize: lr / request.biasCorrection1,
        rootCorrection2: Math.sqrt(request.biasCorrection2),
      },
      text: (element) => ({
        body: isAmsgrad
          ? `${body}\nlet highest = ${element === 'f32' ? 'maximum' : 'maximum4'}(maxExpAvgSq, v);`
          : body,
        results: {
          param: `weight - p.stepSize * m / (sqrt(${isAmsgrad ? 'highest' : 'v'}) / p.rootCorrection2 + p.eps)`,
          expAvg: 'm',
          expAvgSq: 'v',
          maxExpAvgSq: 'highest',
        },
      }),
      ...(isAmsgrad && { helpers: (element) => prelude(['maximum'], element === 'f32' ? 1 : 4) }),
    },
    [request, ...(request.more ?? [])].map(({ count, param, grad, expAvg, expAvgSq, maxExpAvgSq }) => ({
      count,
      operands: maxExpAvgSq ? [param, grad, expAvg, expAvgSq, maxExpAvgSq] : [param, grad, expAvg, expAvgSq],
    })),
  );
}
