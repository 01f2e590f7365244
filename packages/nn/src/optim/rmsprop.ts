/** RMSprop: the gradient over a running root mean square of itself. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { type BaseSettings, type FilledGroup, Optimizer, type ParameterGroup, zeroState } from './optimizer.js';

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

  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    { lr, alpha, eps, weightDecay, momentum, centered }: FilledGroup<RmspropSettings>,
  ): void {
    let own = this.state.get(parameter);
    if (!own) {
      own = { squareAvg: zeroState(parameter) };
      if (momentum > 0) own.momentumBuffer = zeroState(parameter);
      if (centered) own.gradAvg = zeroState(parameter);
      this.state.set(parameter, own);
    }
    const direction = weightDecay === 0 ? gradient : gradient.add(parameter, { alpha: weightDecay });
    const squares = own.squareAvg as Tensor;
    squares.copy_(squares.mul(alpha).add(direction.square(), { alpha: 1 - alpha }));
    const mean = own.gradAvg as Tensor | undefined;
    if (mean) mean.copy_(mean.mul(alpha).add(direction, { alpha: 1 - alpha }));
    const scaled = direction.div((mean ? squares.sub(mean.square()) : squares).sqrt().add(eps));
    const buffer = own.momentumBuffer as Tensor | undefined;
    if (buffer) buffer.copy_(buffer.mul(momentum).add(scaled));
    parameter.sub_((buffer ?? scaled).mul(lr));
  }
}
