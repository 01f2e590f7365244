/** The decoder of a language model: a linear layer whose matrix is, in most models, the table of word embeddings. */
import { Module, type Parameter } from '@course/nn';
import { linear, type Tensor } from '@course/tensor';

/** `y = x Wᵀ + b` with tensors that belong to others. */
export class TiedLinear extends Module {
  constructor(
    /** [outFeatures, inFeatures] */
    readonly weight: Parameter,
    readonly bias: Parameter | null = null,
  ) {
    super();
  }

  /** x [..., inFeatures] to [..., outFeatures]. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return (output as Tensor).numel() * (2 * this.weight.size(1) + (this.bias ? 1 : 0));
  }

  override extraRepr(): string {
    const [outFeatures, inFeatures] = this.weight.shape;
    return `in_features=${inFeatures}, out_features=${outFeatures}, bias=${this.bias ? 'True' : 'False'}`;
  }
}
