// Exercise 1.0 of the class: implement the self-attention mechanism, then run
//     npm run example self-attention -- --exercise
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';

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
    const Q = gap<Tensor>('Q', `the queries of ${sequence}`);
    const K = gap<Tensor>('K', 'the keys');
    const V = gap<Tensor>('V', 'the values');
    let dot = gap<Tensor>('dot', `Q x K^T, scaled by sqrt(dimHead) before the softmax: ${Q} ${K}`);
    if (attentionMask)
      dot = gap<Tensor>('mask', `minus infinity for every key whose mask is 0: look at maskedFill, and ${dot}`);
    const attentionScore = gap<Tensor>('attentionScore', 'a softmax over the keys');
    return [gap<Tensor>('head', `the scores times ${V}`), attentionScore];
  }
}
