/** RMSprop: the gradient over a running root mean square of itself. */
import { ArgumentError, type DescentTensors, descentSteps, type Tensor } from '@course/tensor';
import {
  type BaseSettings,
  type FilledGroup,
  type GradientPair,
  Optimizer,
  type ParameterGroup,
  type ParameterState,
} from './optimizer.js';

export interface RmspropSettings extends BaseSettings {
  lr: number;
  /** Decay of the running mean of the squared gradient. */
  alpha: number;
  eps: number;
  weightDecay: number;
  momentum: number;
  /** Divide by the standard deviation instead of the root mean square. */
  centered: boolean;
}

/**
 * RMSprop (Hinton 2012), as [torch.optim.RMSprop](https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html).
 *
 * @example
 * const optimizer = new RMSprop(model.parameters());
 */
export class RMSprop extends Optimizer<RmspropSettings> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<RmspropSettings>>,
    options: Partial<RmspropSettings> = {},
  ) {
    super(params, { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false, ...options });
  }

  protected override check({ alpha, eps, weightDecay, momentum }: RmspropSettings): void {
    for (const [name, value] of Object.entries({ alpha, eps, weightDecay, momentum }))
      if (!(value >= 0)) throw new ArgumentError(`RMSprop: Invalid ${name} value: ${value}`);
  }

  /** One request for all parameters. */
  protected override updateAll(pairs: readonly GradientPair[], group: FilledGroup<RmspropSettings>): void {
    const { lr, alpha, eps, weightDecay, momentum, centered } = group;
    const names = ['squareAvg', ...(momentum > 0 ? ['momentumBuffer'] : []), ...(centered ? ['gradAvg'] : [])];
    this.begin(pairs, names);
    const parameters = pairs.map(({ parameter: param, gradient: grad }): DescentTensors => {
      const own = this.state.get(param) as ParameterState;
      const [square, mean, buffer] = [own.squareAvg, own.gradAvg, own.momentumBuffer] as (Tensor | undefined)[];
      return { param, grad, square, mean, buffer };
    });
    descentSteps(parameters, { rule: 'rmsprop', lr, alpha, eps, weightDecay, momentum });
  }
}
