/** Adagrad: the gradient over the root of the sum of all its squares so far. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { type BaseSettings, type FilledGroup, Optimizer, type ParameterGroup, zeroState } from './optimizer.js';

export interface AdagradSettings extends BaseSettings {
  lr: number;
  /** The rate falls as 1 / (1 + steps * lrDecay). */
  lrDecay: number;
  weightDecay: number;
  /** What the sums of squares start from. */
  initialAccumulatorValue: number;
  eps: number;
}

/** Adagrad (Duchi et al. 2011), as [torch.optim.Adagrad](https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html). */
export class Adagrad extends Optimizer<AdagradSettings> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<AdagradSettings>>,
    options: Partial<AdagradSettings> = {},
  ) {
    super(params, { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, ...options });
  }

  protected override check({ lrDecay, weightDecay, initialAccumulatorValue, eps }: AdagradSettings): void {
    for (const [name, value] of Object.entries({ lrDecay, weightDecay, initialAccumulatorValue, eps }))
      if (!(value >= 0)) throw new ArgumentError(`Adagrad: Invalid ${name} value: ${value}`);
  }

  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    { lr, lrDecay, weightDecay, initialAccumulatorValue, eps }: FilledGroup<AdagradSettings>,
  ): void {
    const own = this.state.get(parameter) ?? { step: 0, sum: zeroState(parameter).fill_(initialAccumulatorValue) };
    this.state.set(parameter, own);
    const steps = own.step as number;
    own.step = steps + 1;
    const direction = weightDecay === 0 ? gradient : gradient.add(parameter, { alpha: weightDecay });
    const sum = own.sum as Tensor;
    sum.copy_(sum.add(direction.square()));
    parameter.sub_(direction.div(sum.sqrt().add(eps)).mul(lr / (1 + steps * lrDecay)));
  }
}
