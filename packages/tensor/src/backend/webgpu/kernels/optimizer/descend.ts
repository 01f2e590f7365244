/** Steps of SGD, RMSprop or Adagrad in place, many parameters a dispatch. */
import type { Dense, DescendRequest } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { dispatchSteps } from './steps.js';

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
  const { rule, lr, weightDecay, momentum = 0, dampening = 0, nesterov = false, first = false } = request;
  const { alpha = 0, eps = 0 } = request;
  const states = STATES.filter((name) => request[name]);
  const form: Form = { rule, states, decays: weightDecay !== 0, nesterov, first };
  dispatchSteps(
    context,
    {
      label: rule,
      key: `descend|${Object.values(form).join('|')}`,
      roles: [
        { name: 'param', isWritten: true },
        { name: 'grad', isWritten: false },
        ...states.map((name) => ({ name, isWritten: true })),
      ],
      numbers: {
        lr,
        weightDecay,
        momentum,
        share: 1 - dampening,
        alpha,
        // Taken in double precision: 1 - alpha would lose half its digits in float32.
        rest: 1 - alpha,
        eps,
      },
      text: () => ({
        body: `let g = grad${form.decays ? ' + param * p.weightDecay' : ''};\n${rule === 'sgd' ? sgd(form) : adaptive(form)}`,
        results: { param: 'param - change * p.lr', buffer: 'b', square: 's', mean: 'm' },
      }),
    },
    [request, ...(request.more ?? [])].map((each) => ({
      count: each.count,
      operands: [each.param, each.grad, ...states.map((name) => each[name] as Dense)],
    })),
  );
}

function sgd({ states, nesterov, first }: Form): string {
  if (!states.includes('buffer')) return 'let change = g;';
  return [
    `let b = ${first ? 'g' : 'buffer * p.momentum + g * p.share'};`,
    `let change = ${nesterov ? 'g + b * p.momentum' : 'b'};`,
  ].join('\n');
}

function adaptive({ rule, states }: Form): string {
  const isCentered = states.includes('mean');
  const direction = `g / (sqrt(s${isCentered ? ' - m * m' : ''}) + p.eps)`;
  return [
    `let s = ${rule === 'adagrad' ? 'square + g * g' : 'square * p.alpha + g * g * p.rest'};`,
    ...(isCentered ? ['let m = mean * p.alpha + g * p.rest;'] : []),
    ...(states.includes('buffer')
      ? [`let b = buffer * p.momentum + ${direction};`, 'let change = b;']
      : [`let change = ${direction};`]),
  ].join('\n');
}
