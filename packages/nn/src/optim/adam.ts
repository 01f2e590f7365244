/** Adam and AdamW: one kernel a parameter. */
import { ArgumentError, adamStep, keep, type Tensor, zerosLike } from '@course/tensor';
import { type BaseSettings, type FilledGroup, Optimizer, type ParameterGroup } from './optimizer.js';

export interface AdamSettings extends BaseSettings {
  lr: number;
  /** Decay of the running means of the gradient and its square. */
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}

abstract class AdamBase extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<AdamSettings>>, defaults: AdamSettings) {
    super(params, defaults);
    for (const { betas, eps, weightDecay } of this.paramGroups) {
      for (const [i, beta] of betas.entries())
        if (!(beta >= 0 && beta < 1)) throw new ArgumentError(`Adam: Invalid beta parameter at index ${i}: ${beta}`);
      if (!(eps >= 0)) throw new ArgumentError(`Adam: Invalid epsilon value: ${eps}`);
      if (!(weightDecay >= 0)) throw new ArgumentError(`Adam: Invalid weight_decay value: ${weightDecay}`);
    }
  }

  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    { lr, betas, eps, weightDecay }: FilledGroup<AdamSettings>,
  ): void {
    let own = this.state.get(parameter);
    if (!own) {
      own = { step: 0, expAvg: keep(zerosLike(parameter.detach())), expAvgSq: keep(zerosLike(parameter.detach())) };
      this.state.set(parameter, own);
    }
    const step = (own.step as number) + 1;
    own.step = step;
    const [beta1, beta2] = betas;
    adamStep(parameter, gradient, own.expAvg as Tensor, own.expAvgSq as Tensor, {
      decoupled: this.decoupled,
      lr,
      beta1,
      beta2,
      eps,
      weightDecay,
      biasCorrection1: 1 - beta1 ** step,
      biasCorrection2: 1 - beta2 ** step,
    });
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
