/** The activations that configurations name (`hidden_act`), as transformers' `ACT2FN`. */
import { ArgumentError, type Tensor } from '@course/tensor';

const ACTIVATIONS = {
  gelu: (x: Tensor) => x.gelu(),
  gelu_new: (x: Tensor) => x.gelu({ approximate: 'tanh' }),
  gelu_pytorch_tanh: (x: Tensor) => x.gelu({ approximate: 'tanh' }),
  relu: (x: Tensor) => x.relu(),
  silu: (x: Tensor) => x.silu(),
  swish: (x: Tensor) => x.silu(),
  mish: (x: Tensor) => x.mish(),
  tanh: (x: Tensor) => x.tanh(),
  sigmoid: (x: Tensor) => x.sigmoid(),
} as const;

/** The function of a name. */
export function activation(name: string): (x: Tensor) => Tensor {
  return ACTIVATIONS[name as keyof typeof ACTIVATIONS];
}

/** Throws unless the configuration names an activation that is here. */
export function checkActivation(model: string, field: string, name: string): void {
  if (!(name in ACTIVATIONS))
    throw new ArgumentError(`${model}: ${field} must be one of ${Object.keys(ACTIVATIONS).join(', ')}, got '${name}'`);
}
