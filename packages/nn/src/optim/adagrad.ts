/** Adagrad: the gradient over the root of the sum of all its squares so far. */
import { ArgumentError, type DescentTensors, descentSteps, type Tensor } from '@course/tensor';
import {
  type BaseSettings,
  type FilledGroup,
  type GradientPair,
  Optimizer,
  type ParameterGroup,
  type ParameterState,
} from './optimizer.js';

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

  /** One request for all parameters of one rate: those that have taken the same number of steps, or all if it does not fall. */
  protected override updateAll(pairs: readonly GradientPair[], group: FilledGroup<AdagradSettings>): void {
    const { lr, lrDecay, weightDecay, initialAccumulatorValue, eps } = group;
    this.begin(pairs, ['sum'], { value: initialAccumulatorValue, numbers: { step: 0 } });
    const byRate = new Map<number, DescentTensors[]>();
    for (const { parameter: param, gradient: grad } of pairs) {
      const own = this.state.get(param) as ParameterState;
      const steps = own.step as number;
      own.step = steps + 1;
      const rate = lr / (1 + steps * lrDecay);
      const list = byRate.get(rate) ?? [];
      byRate.set(rate, list);
      list.push({ param, grad, square: own.sum as Tensor });
    }
    for (const [rate, parameters] of byRate) descentSteps(parameters, { rule: 'adagrad', lr: rate, weightDecay, eps });
  }
}
