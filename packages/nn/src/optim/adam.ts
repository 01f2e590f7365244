/** Adam and AdamW: one step for all parameters of a group together. */
import { type AdamSettings as AdamStep, type AdamTensors, ArgumentError, adamSteps, type Tensor } from '@course/tensor';
import {
  type BaseSettings,
  type FilledGroup,
  type GradientPair,
  Optimizer,
  type ParameterGroup,
  type ParameterState,
} from './optimizer.js';

export interface AdamSettings extends BaseSettings {
  lr: number;
  /** Decay of the running means of the gradient and its square. */
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  /** Divide by the largest second moment so far (Reddi et al. 2018). Default false. */
  amsgrad?: boolean;
}

abstract class AdamBase extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;

  protected override check({ betas, eps, weightDecay }: AdamSettings): void {
    for (const [i, beta] of betas.entries())
      if (!(beta >= 0 && beta < 1)) throw new ArgumentError(`Adam: Invalid beta parameter at index ${i}: ${beta}`);
    if (!(eps >= 0)) throw new ArgumentError(`Adam: Invalid epsilon value: ${eps}`);
    if (!(weightDecay >= 0)) throw new ArgumentError(`Adam: Invalid weight_decay value: ${weightDecay}`);
  }

  /** One request for all parameters that have taken the same number of steps: as a rule, all of them. */
  protected override updateAll(pairs: readonly GradientPair[], group: FilledGroup<AdamSettings>): void {
    this.begin(pairs, ['expAvg', 'expAvgSq', ...(group.amsgrad ? ['maxExpAvgSq'] : [])], { numbers: { step: 0 } });
    const bySteps = new Map<number, AdamTensors[]>();
    for (const { parameter: param, gradient: grad } of pairs) {
      const own = this.state.get(param) as ParameterState;
      const steps = (own.step as number) + 1;
      own.step = steps;
      const [expAvg, expAvgSq] = [own.expAvg as Tensor, own.expAvgSq as Tensor];
      const list = bySteps.get(steps) ?? [];
      bySteps.set(steps, list);
      list.push({ param, grad, expAvg, expAvgSq, maxExpAvgSq: own.maxExpAvgSq as Tensor | undefined });
    }
    for (const [steps, parameters] of bySteps) adamSteps(parameters, this.#numbers(steps, group));
  }

  /** What the step number `step` computes with. */
  #numbers(step: number, { lr, eps, weightDecay, betas: [beta1, beta2] }: FilledGroup<AdamSettings>): AdamStep {
    return {
      decoupled: this.decoupled,
      lr,
      beta1,
      beta2,
      eps,
      weightDecay,
      biasCorrection1: 1 - beta1 ** step,
      biasCorrection2: 1 - beta2 ** step,
    };
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019), as `torch.optim.AdamW`.
 *
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 5e-5, weightDecay: 0.01 });
 */
export class AdamW extends AdamBase {
  protected override readonly decoupled = true;

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<AdamSettings>>, options: Partial<AdamSettings> = {}) {
    super(params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, ...options });
  }
}

/** Adam (Kingma & Ba 2015) with weight decay added to the gradient, as `torch.optim.Adam`. */
export class Adam extends AdamBase {
  protected override readonly decoupled = false;

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<AdamSettings>>, options: Partial<AdamSettings> = {}) {
    super(params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, ...options });
  }
}
