/** One Adam step in place, four elements an invocation where everything is aligned. */
import type { AdamOperands, AdamRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { type Element, f32, type KernelSource, read, u32, write } from './source.js';

export function adam(context: KernelContext, request: AdamRequest): void {
  // A dispatch each: every parameter brings four buffers, and the bindings of a kernel are few.
  for (const operands of [request, ...(request.more ?? [])]) dispatch(context, request, operands);
}

function dispatch(
  context: KernelContext,
  request: AdamRequest,
  { count, param, grad, expAvg, expAvgSq }: AdamOperands,
): void {
  const { decoupled } = request;
  if (count === 0) return;
  const operands = [param, grad, expAvg, expAvgSq];
  // A tail of fewer than four is only written where nothing follows it.
  const endsBuffer = operands.every(({ buffer, offset }) => (offset + count) * 4 === buffer.byteLength);
  const unit = operands.every(({ offset }) => offset % 4 === 0) && (count % 4 === 0 || endsBuffer) ? 4 : 1;
  const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel(`adam|${element}|${decoupled}`, () => adamSource(element, decoupled, workgroupSize));
  const units = Math.ceil(count / unit);
  context.dispatch(
    kernel,
    { param: param.buffer, grad: grad.buffer, expAvg: expAvg.buffer, expAvgSq: expAvgSq.buffer },
    {
      count: units,
      paramOffset: param.offset / unit,
      gradOffset: grad.offset / unit,
      avgOffset: expAvg.offset / unit,
      sqOffset: expAvgSq.offset / unit,
      beta1: request.beta1,
      beta2: request.beta2,
      // Taken in double precision: 1 - beta would lose half its digits in float32.
      rest1: 1 - request.beta1,
      rest2: 1 - request.beta2,
      eps: request.eps,
      weightDecay: request.weightDecay,
      decay: 1 - request.lr * request.weightDecay,
      stepSize: request.lr / request.biasCorrection1,
      rootCorrection2: Math.sqrt(request.biasCorrection2),
    },
    groupsOf(units, workgroupSize),
  );
}

function adamSource(element: Element, decoupled: boolean, workgroupSize: number): KernelSource {
  return {
    label: decoupled ? 'adamW' : 'adam',
    about: `Each invocation updates one ${element}.`,
    bindings: [write('param', element), read('grad', element), write('expAvg', element), write('expAvgSq', element)],
    params: {
      ...u32('count', 'paramOffset', 'gradOffset', 'avgOffset', 'sqOffset'),
      ...f32('beta1', 'beta2', 'rest1', 'rest2', 'eps', 'weightDecay', 'decay', 'stepSize', 'rootCorrection2'),
    },
    workgroupSize,
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i >= p.count) {
        return;
      }
      let weight = param[p.paramOffset + i]${decoupled ? ' * p.decay' : ''};
      let g = grad[p.gradOffset + i]${decoupled ? '' : ' + p.weightDecay * weight'};
      let m = p.beta1 * expAvg[p.avgOffset + i] + p.rest1 * g;
      let v = p.beta2 * expAvgSq[p.sqOffset + i] + p.rest2 * g * g;
      expAvg[p.avgOffset + i] = m;
      expAvgSq[p.sqOffset + i] = v;
      param[p.paramOffset + i] = weight - p.stepSize * m / (sqrt(v) / p.rootCorrection2 + p.eps);`,
  };
}
