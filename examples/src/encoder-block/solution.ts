// Exercise 3.0 of the class, filled in: the encoder block.
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';

/** Attention and an MLP, each behind a norm and added to its input (pre-norm). */
export class TransformerEncoderBlock extends nn.Module {
  readonly ln1: nn.LayerNorm;
  readonly ln2: nn.LayerNorm;
  readonly mha: nn.MultiHeadAttention;
  readonly mlp: nn.Sequential;

  constructor(dim: number, heads = 8, dimHead = 64) {
    super();
    this.ln1 = new nn.LayerNorm(dim);
    this.ln2 = new nn.LayerNorm(dim);
    this.mha = new nn.MultiHeadAttention(dim, heads, dimHead);
    this.mlp = new nn.Sequential(new nn.Linear(dim, dim * 4), new nn.GELU(), new nn.Linear(dim * 4, dim));
  }

  /** x [batch, time, dim] to the same shape; `mask` [batch, time], 1 = keep. */
  forward(x: Tensor, mask?: Tensor | null): Tensor {
    // Attention gives its output and its scores: only the output can be added (the notebook adds the pair).
    const [attended] = this.mha.forward(this.ln1.forward(x), mask);
    const middle = x.add(attended);
    return middle.add(this.mlp.forward(this.ln2.forward(middle)));
  }
}
