/** One optimizer step over a parameter in a single kernel; `@course/nn/optim` decides when and with which numbers. */
import type { AdamRequest } from '../backend/requests.js';
import { ShapeError } from '../errors.js';
import { formatShape, numel, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFloats, dense } from './operands.js';

/** The numbers of one step of Adam. */
export type AdamSettings = Pick<
  AdamRequest,
  'decoupled' | 'lr' | 'beta1' | 'beta2' | 'eps' | 'weightDecay' | 'biasCorrection1' | 'biasCorrection2'
>;

/** Updates a parameter and its two moments in place (Kingma & Ba 2015; Loshchilov & Hutter 2019 when decoupled). All dense and of one shape. */
export function adamStep(param: Tensor, grad: Tensor, expAvg: Tensor, expAvgSq: Tensor, settings: AdamSettings): void {
  for (const other of [grad, expAvg, expAvgSq]) {
    if (!sameShape(param.shape, other.shape))
      throw new ShapeError(
        `adam: parameter of shape ${formatShape(param.shape)} and its gradient or state of shape ${formatShape(other.shape)} differ`,
      );
  }
  checkFloats('adam', { param, grad, expAvg, expAvgSq });
  const gradient = dense(grad);
  for (const each of [param, expAvg, expAvgSq]) each.storage.beforeWrite();
  param.storage.backend.run({
    kind: 'adam',
    count: numel(param.shape),
    ...settings,
    param: dense(param),
    grad: gradient,
    expAvg: dense(expAvg),
    expAvgSq: dense(expAvgSq),
  });
}
