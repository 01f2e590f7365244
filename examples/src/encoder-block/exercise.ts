// Exercise 3.0 of the class: implement the transformer's encoder block, then run
//     npm run example encoder-block -- --exercise
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';

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
    const middle = gap<Tensor>(
      'attention',
      `x plus the attention (with ${mask}) of the normalised x; mha gives a pair`,
    );
    return gap<Tensor>('mlp', `what came of that, plus the MLP of its norm: ${x} ${middle}`);
  }
}
