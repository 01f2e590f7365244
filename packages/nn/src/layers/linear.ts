/** Fully connected layers. */
import { linear, Tensor, zeros } from '@course/tensor';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { checkSizes } from '../sizes.js';

/**
 * `y = x Wᵀ + b` over the last dim, as `torch.nn.Linear`: weight [outFeatures, inFeatures], both drawn uniformly within 1/sqrt(inFeatures).
 *
 * @example
 * new Linear(64, 16).forward(randn([2, 64])).shape; // [2, 16]
 */
export class Linear extends Module {
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true }: { readonly bias?: boolean } = {},
  ) {
    super();
    checkSizes('Linear', { inFeatures, outFeatures });
    this.weight = new Parameter(zeros([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(zeros([outFeatures])) : null;
    this.resetParameters();
  }

  /** Draws weight and bias anew, in PyTorch's order. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (!this.bias) return;
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight.shape).fanIn);
    uniform_(this.bias, -bound, bound);
  }

  /** x [..., inFeatures] to [..., outFeatures]. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return output instanceof Tensor ? output.numel() * (2 * this.inFeatures + (this.bias ? 1 : 0)) : 0;
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${this.bias ? 'True' : 'False'}`;
  }
}

/** Gives its input back; a placeholder for a layer that is switched off. */
export class Identity extends Module {
  /** x as it is. */
  forward(x: Tensor): Tensor {
    return x;
  }

  override flops(): number {
    return 0;
  }
}
