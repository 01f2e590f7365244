/** Memory for time: a part of a model whose inner values are computed again in the backward pass (Chen et al. 2016). */
import { captureAutocast } from '../autocast.js';
import { defaultGenerator } from '../random/default.js';
import type { Tensor } from '../tensor.js';
import { backward } from './backward.js';
import { enableGrad, isGradEnabled, noGrad } from './mode.js';
import { recordAlways } from './record.js';

/**
 * Calls `fn(...inputs)` without keeping what happens inside; the backward pass calls it again, with the same random numbers. Gradients of
 * parameters used inside accumulate into their `.grad`, so it works under `backward()`; `grad()` refuses to pass through it. As `torch.utils.checkpoint`.
 *
 * @example
 * const hidden = checkpoint((value) => model.forward(value), x);
 */
export function checkpoint<I extends readonly Tensor[]>(fn: (...inputs: I) => Tensor, ...inputs: I): Tensor {
  if (!isGradEnabled()) return fn(...inputs);
  const generator = defaultGenerator();
  const state = generator.getState();
  const asHere = captureAutocast();
  const output = noGrad(() => fn(...inputs));
  return recordAlways('checkpoint', output, inputs, inputs, (grad, saved) => {
    const leaves = saved.map((value, i) => {
      const leaf = value.detach();
      return inputs[i]?.requiresGrad ? leaf.requiresGrad_() : leaf;
    });
    const now = generator.getState();
    generator.setState(state);
    try {
      const again = enableGrad(() => asHere(() => fn(...(leaves as readonly Tensor[] as I))));
      if (again.requiresGrad) backward(again, { gradient: grad });
    } finally {
      generator.setState(now);
    }
    return leaves.map((leaf) => {
      const { grad: gradient } = leaf;
      return gradient && (() => gradient);
    });
  });
}
