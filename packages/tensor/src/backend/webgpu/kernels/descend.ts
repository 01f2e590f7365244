/** One step of SGD, RMSprop or Adagrad in place, four elements an invocation where everything is aligned. */
import type { DescendRequest, DescentOperands } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { type Element, f32, type KernelSource, read, u32, write } from './source.js';

const STATES = ['buffer', 'square', 'mean'] as const;
type State = (typeof STATES)[number];

/** What decides the text of the kernel. */
interface Form {
  readonly rule: DescendRequest['rule'];
  readonly states: readonly State[];
  readonly decays: boolean;
  readonly nesterov: boolean;
  readonly first: boolean;
}

export function descend(context: KernelContext, request: DescendRequest): void {
  // A dispatch each, as for Adam: every parameter brings up to five buffers, and the bindings of a kernel are few.
  for (const operands of [request, ...(request.more ?? [])]) dispatch(context, request, operands);
}

function dispatch(context: KernelContext, request: DescendRequest, given: DescentOperands): void {
  const { count, param, grad } = given;
  if (count === 0) return;
  const states = STATES.flatMap((name) => (given[name] ? [{ name, operand: given[name] }] : []));
  const operands = [param, grad, ...states.map(({ operand }) => operand)];
  // A tail of fewer than four is only written where nothing follows it.
  const endsBuffer = operands.every(({ buffer, offset }) => (offset + count) * 4 === buffer.byteLength);
  const unit = operands.every(({ offset }) => offset % 4 === 0) && (count % 4 === 0 || endsBuffer) ? 4 : 1;
  const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
  const { workgroupSize } = context.tuning.pointwise;
  const { rule, lr, weightDecay, momentum = 0, dampening = 0, nesterov = false, first = false } = request;
  const { alpha = 0, eps = 0 } = request;
  const form: Form = { rule, states: states.map(({ name }) => name), decays: weightDecay !== 0, nesterov, first };
  const kernel = context.kernel(`descend|${element}|${Object.values(form).join('|')}`, () =>
    descendSource(element, form, workgroupSize),
  );
  const units = Math.ceil(count / unit);
  context.dispatch(
    kernel,
    {
      param: param.buffer,
      grad: grad.buffer,
      ...Object.fromEntries(states.map(({ name, operand }) => [name, operand.buffer])),
    },
    {
      count: units,
      paramOffset: param.offset / unit,
      gradOffset: grad.offset / unit,
      ...Object.fromEntries(STATES.map((name) => [`${name}Offset`, (given[name]?.offset ?? 0) / unit])),
      lr,
      weightDecay,
      momentum,
      share: 1 - dampening,
      alpha,
      // Taken in double precision: 1 - alpha would lose half its digits in float32.
      rest: 1 - alpha,
      eps,
    },
    groupsOf(units, workgroupSize),
  );
}

function descendSource(element: Element, form: Form, workgroupSize: number): KernelSource {
  const { rule, states, decays } = form;
  return {
    label: rule,
    about: `Each invocation updates one ${element}.`,
    bindings: [write('param', element), read('grad', element), ...states.map((name) => write(name, element))],
    params: {
      ...u32('count', 'paramOffset', 'gradOffset', 'bufferOffset', 'squareOffset', 'meanOffset'),
      ...f32('lr', 'weightDecay', 'momentum', 'share', 'alpha', 'rest', 'eps'),
    },
    workgroupSize,
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i >= p.count) {
        return;
      }
      let weight = param[p.paramOffset + i];
      let g = grad[p.gradOffset + i]${decays ? ' + weight * p.weightDecay' : ''};
      ${rule === 'sgd' ? sgd(form) : adaptive(form)}
      param[p.paramOffset + i] = weight - step * p.lr;`,
  };
}

function sgd({ states, nesterov, first }: Form): string {
  if (!states.includes('buffer')) return 'let step = g;';
  return `
      let b = ${first ? 'g' : 'buffer[p.bufferOffset + i] * p.momentum + g * p.share'};
      buffer[p.bufferOffset + i] = b;
      let step = ${nesterov ? 'g + b * p.momentum' : 'b'};`;
}

function adaptive({ rule, states }: Form): string {
  const isCentered = states.includes('mean');
  const before = 'square[p.squareOffset + i]';
  const moved = rule === 'adagrad' ? `${before} + g * g` : `${before} * p.alpha + g * g * p.rest`;
  const centre = `
      let m = mean[p.meanOffset + i] * p.alpha + g * p.rest;
      mean[p.meanOffset + i] = m;`;
  const direction = `g / (sqrt(s${isCentered ? ' - m * m' : ''}) + p.eps)`;
  const throughBuffer = `
      let step = buffer[p.bufferOffset + i] * p.momentum + ${direction};
      buffer[p.bufferOffset + i] = step;`;
  return `
      let s = ${moved};
      ${before} = s;${isCentered ? centre : ''}${states.includes('buffer') ? throughBuffer : `\n      let step = ${direction};`}`;
}
