/** Stochastic gradient descent with momentum. */
import { ArgumentError, type DescentTensors, descentSteps, type Tensor } from '@course/tensor';
import { type BaseSettings, type FilledGroup, type GradientPair, Optimizer, type ParameterGroup } from './optimizer.js';

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

  /** One request for all parameters whose momentum has begun, one for those where it begins. */
  protected override updateAll(pairs: readonly GradientPair[], group: FilledGroup<SgdSettings>): void {
    const { lr, momentum, dampening, weightDecay, nesterov } = group;
    const before = new Set(this.state.keys());
    if (momentum !== 0) this.begin(pairs, ['momentumBuffer']);
    const [begun, beginning]: [DescentTensors[], DescentTensors[]] = [[], []];
    for (const { parameter: param, gradient: grad } of pairs) {
      const buffer = momentum === 0 ? undefined : (this.state.get(param)?.momentumBuffer as Tensor);
      (momentum === 0 || before.has(param) ? begun : beginning).push({ param, grad, buffer });
    }
    const settings = { rule: 'sgd' as const, lr, momentum, dampening, weightDecay, nesterov };
    descentSteps(begun, settings);
    descentSteps(beginning, { ...settings, first: true });
  }
}
