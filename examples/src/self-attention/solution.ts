// Exercise 1.0 of the class, filled in: one head of self-attention.
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';

/** One head: queries, keys and values of `inputDim`-wide tokens, `dimHead` wide each. */
export class SelfAttention extends nn.Module {
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;

  constructor(
    inputDim: number,
    readonly dimHead: number,
  ) {
    super();
    this.query = new nn.Linear(inputDim, dimHead);
    this.key = new nn.Linear(inputDim, dimHead);
    this.value = new nn.Linear(inputDim, dimHead);
  }

  /**
   * The head [batch, time, dimHead] and the attention scores [batch, query, key].
   *
   * @param sequence [batch, time, inputDim].
   * @param attentionMask [batch, time], 1 = keep.
   */
  forward(sequence: Tensor, attentionMask?: Tensor | null): [head: Tensor, scores: Tensor] {
    // Q, K, V
    const Q = this.query.forward(sequence);
    const K = this.key.forward(sequence);
    const V = this.value.forward(sequence);

    // Q x K^T, scaled by sqrt(dimHead): before the softmax, where the notebook has it behind.
    let dot = Q.matmul(K.transpose(-2, -1)).div(Math.sqrt(this.dimHead));

    // A key that is masked gets minus infinity, and so a weight of 0 from every query.
    if (attentionMask) dot = dot.maskedFill(attentionMask.unsqueeze(1).eq(0), -Infinity);

    const attentionScore = dot.softmax(-1);
    return [attentionScore.matmul(V), attentionScore];
  }
}
