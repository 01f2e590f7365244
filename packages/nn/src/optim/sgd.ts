/** Stochastic gradient descent with momentum. */
import { ArgumentError, keep, type Tensor } from '@course/tensor';
import { type BaseSettings, type FilledGroup, Optimizer, type ParameterGroup } from './optimizer.js';

export interface SgdSettings extends BaseSettings {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
}

/** SGD with momentum, as `torch.optim.SGD`. */
export class SGD extends Optimizer<SgdSettings> {
  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<SgdSettings>>, options: Partial<SgdSettings> = {}) {
    super(params, { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options });
  }

  protected override check({ nesterov, momentum, dampening, weightDecay }: SgdSettings): void {
    if (!(momentum >= 0)) throw new ArgumentError(`SGD: Invalid momentum value: ${momentum}`);
    if (!(weightDecay >= 0)) throw new ArgumentError(`SGD: Invalid weight_decay value: ${weightDecay}`);
    if (nesterov && (momentum <= 0 || dampening !== 0))
      throw new ArgumentError('SGD: Nesterov momentum requires a momentum and zero dampening');
  }

  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    { lr, momentum, dampening, weightDecay, nesterov }: FilledGroup<SgdSettings>,
  ): void {
    let direction = weightDecay === 0 ? gradient : gradient.add(parameter, { alpha: weightDecay });
    if (momentum !== 0) {
      const own = this.state.get(parameter);
      const before = own?.momentumBuffer as Tensor | undefined;
      if (before) before.copy_(before.mul(momentum).add(direction, { alpha: 1 - dampening }));
      const buffer = before ?? keep(direction.detach().clone());
      if (!own) this.state.set(parameter, { momentumBuffer: buffer });
      direction = nesterov ? direction.add(buffer, { alpha: momentum }) : buffer;
    }
    parameter.sub_(direction.mul(lr));
  }
}
