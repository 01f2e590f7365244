/** Compares derivatives with central differences, as `torch.autograd.gradcheck`: exactly in float64, else in what float32 allows. */

import type { DType } from '../dtype.js';
import { AutogradError } from '../errors.js';
import { hostTensor } from '../ops/operands.js';
import { cat } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { grad } from './backward.js';
import { enableGrad, noGrad } from './mode.js';

/** Step and tolerances of {@link gradcheck}. */
export interface GradcheckOptions {
  /**
   * Step of the differences. Default 1e-6 where all inputs that require grad are float64, as in PyTorch; else 1e-2: in float32 rounding
   * beats truncation below it.
   */
  readonly eps?: number;
  /**
   * Absolute and relative tolerance. Defaults: 1e-5 and 1e-3 in float64, as in PyTorch; else 2e-3 both: values of size 1 carry errors of
   * about 2^-24 / eps in a difference, plus eps² of truncation.
   */
  readonly atol?: number;
  readonly rtol?: number;
}

const DOUBLE = { eps: 1e-6, atol: 1e-5, rtol: 1e-3 };
const SINGLE = { eps: 1e-2, atol: 2e-3, rtol: 2e-3 };

/** A tensor of host numbers where another one is. */
function beside(like: Tensor, values: ArrayLike<number>, dtype: DType = like.dtype): Tensor {
  return hostTensor(like.storage.backend, values, like.shape, dtype);
}

/**
 * Throws an `AutogradError` unless the gradients of `fn` at `inputs` agree with central differences of it; returns true. Outputs are weighted by
 * fixed, uneven numbers, so that errors do not cancel. Inputs that require no grad are constants. Keep inputs and outputs of size about 1.
 *
 * @example
 * await gradcheck((x) => x.tanh(), [randn([3], { requiresGrad: true })]);
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<true> {
  const weigh = (output: Tensor): Tensor => {
    const weights = Float32Array.from({ length: output.numel() }, (_, i) => Math.sin(i + 1) + 1.5);
    return output.mul(beside(output, weights)).sum();
  };
  const active = inputs.filter((input) => input.requiresGrad);
  const isDouble = active.every(({ dtype }) => dtype === 'float64');
  const { eps, atol, rtol } = { ...(isDouble ? DOUBLE : SINGLE), ...options };
  const analytic = grad(weigh(fn(...inputs)), active);
  const host = await Promise.all(inputs.map((input) => input.data()));
  for (const [which, input] of active.entries()) {
    const at = inputs.indexOf(input);
    const values = Array.from(host[at] ?? []);
    const round = input.dtype === 'float64' ? (x: number) => x : Math.fround;
    const found = await (analytic[which] as Tensor).data();
    for (let i = 0; i < values.length; i++) {
      const valueAt = async (x: number): Promise<number> => {
        const moved = beside(input, values.with(i, x));
        const total = noGrad(() => fn(...inputs.map((other, j) => (j === at ? moved : other)))).detach();
        return weighOnHost(await total.data());
      };
      const center = values[i] as number;
      const [up, down] = [round(center + eps), round(center - eps)];
      const expected = ((await valueAt(up)) - (await valueAt(down))) / (up - down);
      const actual = found[i] as number;
      if (!(Math.abs(actual - expected) <= atol + rtol * Math.abs(expected)))
        throw new AutogradError(
          `gradcheck: gradient of input ${at} at element ${i} is ${actual}, central differences give ${expected}`,
        );
    }
  }
  return true;
}

/** The weighted sum in float64, so that the difference carries only the rounding of `fn` itself. */
function weighOnHost(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += (values[i] as number) * Math.fround(Math.sin(i + 1) + 1.5);
  return total;
}

/**
 * {@link gradcheck} of the gradient itself: throws unless second derivatives agree with central differences of the first.
 *
 * @example
 * await gradgradcheck((x) => x.tanh(), [randn([3], { requiresGrad: true })]);
 */
export async function gradgradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<true> {
  const first = (...values: Tensor[]): Tensor => {
    // Constants stay constants; the moved copies of the differences must require grad as the originals do.
    const active = values.map((value, i) =>
      inputs[i]?.requiresGrad && !value.requiresGrad ? value.requiresGrad_() : value,
    );
    return enableGrad(() => {
      const output = fn(...active);
      const weights = Float32Array.from({ length: output.numel() }, (_, i) => Math.cos(i + 1) + 1.5);
      // Squared, so that the gradients of linear functions depend on their inputs too.
      const total = output.mul(output).mul(beside(output, weights)).sum();
      const wanted = active.filter((value) => value.requiresGrad);
      const gradients = grad(total, wanted, { createGraph: true });
      return cat(gradients.map((gradient) => gradient.reshape([-1])));
    });
  };
  return gradcheck(first, inputs, options);
}
