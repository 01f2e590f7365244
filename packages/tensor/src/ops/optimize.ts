/** Optimizer steps in single kernels; `@course/nn/optim` decides when and with which numbers. */
import type { Backend } from '../backend/backend.js';
import type { AdamOperands, AdamRequest } from '../backend/requests.js';
import type { DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { formatShape, numel, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFloats, dense } from './operands.js';

/** The numbers of one step of Adam. */
export type AdamSettings = Pick<
  AdamRequest,
  'decoupled' | 'lr' | 'beta1' | 'beta2' | 'eps' | 'weightDecay' | 'biasCorrection1' | 'biasCorrection2'
>;

/** A parameter with its gradient and moments, all dense and of one shape. */
export interface AdamTensors {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly expAvg: Tensor;
  readonly expAvgSq: Tensor;
}

/** Updates a parameter and its two moments in place (Kingma & Ba 2015; Loshchilov & Hutter 2019 when decoupled). All dense and of one shape. */
export function adamStep(param: Tensor, grad: Tensor, expAvg: Tensor, expAvgSq: Tensor, settings: AdamSettings): void {
  adamSteps([{ param, grad, expAvg, expAvgSq }], settings);
}

/** {@link adamStep} for many parameters that share their settings: one launch on the CPU. The bits are those of a step for each. */
export function adamSteps(parameters: readonly AdamTensors[], settings: AdamSettings): void {
  // One request for each backend and dtype: there is hardly ever a second.
  const groups: { readonly backend: Backend; readonly dtype: DType; readonly operands: AdamOperands[] }[] = [];
  for (const { param, grad, expAvg, expAvgSq } of parameters) {
    for (const other of [grad, expAvg, expAvgSq]) {
      if (!sameShape(param.shape, other.shape))
        throw new ShapeError(
          `adam: parameter of shape ${formatShape(param.shape)} and its gradient or state of shape ${formatShape(other.shape)} differ`,
        );
    }
    checkFloats('adam', { param, grad, expAvg, expAvgSq });
    const gradient = dense(grad);
    for (const each of [param, expAvg, expAvgSq]) each.storage.beforeWrite();
    const { backend } = param.storage;
    let group = groups.find((each) => each.backend === backend && each.dtype === param.dtype);
    if (!group) {
      group = { backend, dtype: param.dtype, operands: [] };
      groups.push(group);
    }
    group.operands.push({
      count: numel(param.shape),
      param: dense(param),
      grad: gradient,
      expAvg: dense(expAvg),
      expAvgSq: dense(expAvgSq),
    });
  }
  for (const { backend, operands } of groups) {
    const [first, ...more] = operands;
    if (first) backend.run({ kind: 'adam', ...settings, ...first, more });
  }
}
