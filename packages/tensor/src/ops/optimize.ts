/** Optimizer steps in single kernels; `@course/nn/optim` decides when and with which numbers. */
import type { Backend } from '../backend/backend.js';
import { deviceMismatch } from '../backend/mismatch.js';
import type {
  AdamOperands,
  AdamRequest,
  Dense,
  DescendRequest,
  DescentNumbers,
  DescentOperands,
  DeviceBuffer,
  Run,
} from '../backend/requests.js';
import { makeTensor } from '../construct.js';
import { zeros } from '../creation/fill.js';
import { DTypeError, ShapeError } from '../errors.js';
import { formatShape, numel, sameShape } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';
import { checkFloats, dense } from './operands.js';

/** The numbers of one step of Adam. */
export type AdamSettings = Pick<
  AdamRequest,
  'decoupled' | 'lr' | 'beta1' | 'beta2' | 'eps' | 'weightDecay' | 'biasCorrection1' | 'biasCorrection2'
>;

/** A parameter with its gradient and moments, all of one shape. */
export interface AdamTensors {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly expAvg: Tensor;
  readonly expAvgSq: Tensor;
  /** The largest second moment so far, which amsgrad divides by (Reddi et al. 2018). */
  readonly maxExpAvgSq?: Tensor | undefined;
}

/** Updates a parameter and its two moments in place (Kingma & Ba 2015; Loshchilov & Hutter 2019 when decoupled). All of one shape. */
export function adamStep(param: Tensor, grad: Tensor, expAvg: Tensor, expAvgSq: Tensor, settings: AdamSettings): void {
  adamSteps([{ param, grad, expAvg, expAvgSq }], settings);
}

/** {@link adamStep} for many parameters that share their settings: one launch on the CPU, few on a GPU. The bits are those of a step for each. */
export function adamSteps(parameters: readonly AdamTensors[], settings: AdamSettings): void {
  inGroups<AdamOperands>('adam', parameters, ['expAvg', 'expAvgSq', 'maxExpAvgSq'], (backend, first, more) =>
    backend.run({ kind: 'adam', ...settings, ...first, more }),
  );
}

/** What a parameter brings to a step beside its states. */
interface Stepped {
  readonly param: Tensor;
  readonly grad: Tensor;
}

/**
 * Makes operands of parameters, their gradients and their states, and runs a step for those that can share a request: of one backend, dtype and
 * choice of states. There is hardly ever a second one.
 */
function inGroups<Operands extends { readonly count: number }>(
  rule: string,
  parameters: readonly (Stepped & { readonly [K in keyof Operands]?: unknown })[],
  states: readonly (keyof Operands & string)[],
  run: (backend: Backend, first: Operands, more: readonly Operands[]) => void,
): void {
  const groups = new Map<string, { readonly backend: Backend; readonly operands: Operands[] }>();
  const after: (() => void)[] = [];
  for (const parameter of parameters) {
    const { param, grad } = parameter;
    const { backend } = param.storage;
    let key = `${backend.kind} ${param.dtype}`;
    // One by one: lists of entries took longer than all else in a step of a small model.
    const tensors: Record<string, Tensor> = { param, grad };
    for (const name of states) {
      const state = parameter[name] as Tensor | undefined;
      if (!state) continue;
      tensors[name] = state;
      key += ` ${name}`;
    }
    checkAlike(rule, param, tensors);
    const rows: Record<string, Dense> = { grad: dense(grad), param: writtenRows(rule, param, after) };
    for (const name of states) {
      const state = tensors[name];
      if (state) rows[name] = writtenRows(rule, state, after);
    }
    let group = groups.get(key);
    if (!group) {
      group = { backend, operands: [] };
      groups.set(key, group);
    }
    // The states by their names: those that the parameters have, which the caller has typed.
    group.operands.push({ count: numel(param.shape), ...rows } as unknown as Operands);
  }
  for (const { backend, operands } of groups.values()) {
    const [first, ...more] = operands;
    if (first) run(backend, first, more);
  }
  for (const writeBack of after) writeBack();
}

/** The rows of a tensor that a step writes. The kernels walk rows: what lies otherwise is stepped in a copy, which `after` writes back. */
function writtenRows(op: string, x: Tensor, after: (() => void)[]): Dense {
  x.checkAlive(op);
  if (x.isContiguous()) {
    x.storage.beforeWrite();
    return dense(x);
  }
  // No part of a graph, in which a leaf may not be written.
  const own = x.detach();
  const rows = own.contiguous();
  after.push(() => void own.copy_(rows));
  return dense(rows);
}

/** How an optimizer without Adam's corrections steps, and its numbers. */
export interface DescentSettings extends DescentNumbers {
  readonly rule: DescendRequest['rule'];
}

/** A parameter with its gradient and the states that its rule keeps, all of one shape. */
export interface DescentTensors {
  readonly param: Tensor;
  readonly grad: Tensor;
  /** Momentum. */
  readonly buffer?: Tensor | undefined;
  /** The sum or running mean of squared gradients. */
  readonly square?: Tensor | undefined;
  /** The running mean of gradients. */
  readonly mean?: Tensor | undefined;
}

/** Updates parameters and their states in place by a step of SGD, RMSprop or Adagrad: one launch for all of them on the CPU, few on a GPU. */
export function descentSteps(parameters: readonly DescentTensors[], settings: DescentSettings): void {
  inGroups<DescentOperands>(settings.rule, parameters, ['buffer', 'square', 'mean'], (backend, first, more) =>
    backend.run({ kind: 'descend', ...settings, ...first, more }),
  );
}

/** A parameter's gradient and state have its shape, and all hold floats. */
function checkAlike(rule: string, param: Tensor, tensors: Readonly<Record<string, Tensor>>): void {
  for (const name in tensors) {
    const { shape } = tensors[name] ?? param;
    if (!sameShape(param.shape, shape))
      throw new ShapeError(
        `${rule}: parameter of shape ${formatShape(param.shape)} and its gradient or state of shape ${formatShape(shape)} differ`,
      );
  }
  checkFloats(rule, tensors);
}

/**
 * The Euclidean norm of all elements of all tensors together, a scalar: one launch on the CPU, few on a GPU. Tensors of one device, all of
 * float32 or all of float64.
 */
export function totalNorm(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (!first) return zeros([]);
  checkTogether('totalNorm', tensors);
  const inputs = tensors.map((x): Run => ({ count: numel(x.shape), data: dense(x) }));
  const { backend } = first.storage;
  const result = new Storage(backend, first.dtype, 1, { name: 'totalNorm', shape: [] });
  backend.run({ kind: 'norm', inputs, out: { buffer: result.buffer, dtype: first.dtype, offset: 0 } });
  return makeTensor(result, contiguousView([]));
}

/** Scales tensors in place by `maxNorm / (norm + 1e-6)` where that is below 1, as {@link totalNorm} gives the norm: nothing is read back. */
export function clipToNorm_(tensors: readonly Tensor[], norm: Tensor, maxNorm: number): void {
  const [first] = tensors;
  if (!first) return;
  checkTogether('clipToNorm_', [...tensors, norm]);
  const after: (() => void)[] = [];
  // A tensor that is given twice is scaled twice, and not by two invocations at the same time.
  const rounds: { readonly targets: Run[]; readonly offsets: Map<DeviceBuffer, Set<number>> }[] = [];
  for (const x of tensors) {
    const data = writtenRows('clipToNorm_', x, after);
    const { buffer, offset } = data;
    let round = rounds.find(({ offsets }) => !offsets.get(buffer)?.has(offset));
    if (!round) {
      round = { targets: [], offsets: new Map() };
      rounds.push(round);
    }
    round.targets.push({ count: numel(x.shape), data });
    const taken = round.offsets.get(buffer);
    if (taken) taken.add(offset);
    else round.offsets.set(buffer, new Set([offset]));
  }
  for (const { targets } of rounds) first.storage.backend.run({ kind: 'clip', norm: dense(norm), maxNorm, targets });
  for (const writeBack of after) writeBack();
}

function checkTogether(op: string, tensors: readonly Tensor[]): void {
  const [first] = tensors;
  for (const [i, x] of tensors.entries()) {
    x.checkAlive(op);
    if (x.dtype !== first?.dtype || (x.dtype !== 'float32' && x.dtype !== 'float64'))
      throw new DTypeError(`${op}: expected tensors that are all float32 or all float64, tensor ${i} is ${x.dtype}`);
    if (x.storage.backend !== first.storage.backend) throw deviceMismatch(op, first.storage.backend, x.storage.backend);
  }
}
