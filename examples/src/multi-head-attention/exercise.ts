// Exercise 2.0 of the class: implement the multi-head attention mechanism, then run
//     npm run example multi-head-attention -- --exercise
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';

/** `heads` heads of width `dimHead`; their inner width is heads * dimHead, whatever `dim` is. */
export class MultiHeadAttention extends nn.Module {
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;
  readonly toOut: nn.Linear;
  readonly scale: number;

  constructor(
    dim: number,
    readonly heads = 8,
    readonly dimHead = 64,
  ) {
    super();
    const innerDim = dimHead * heads;
    this.scale = dimHead ** -0.5; // 1/sqrt(dimHead)
    this.query = new nn.Linear(dim, innerDim);
    this.key = new nn.Linear(dim, innerDim);
    this.value = new nn.Linear(dim, innerDim);
    this.toOut = new nn.Linear(innerDim, dim);
  }

  /**
   * The output [batch, time, dim] and the attention scores [batch, heads, query, key].
   *
   * @param x [batch, time, dim].
   * @param mask [batch, time], 1 = keep.
   */
  forward(x: Tensor, mask?: Tensor | null): [out: Tensor, scores: Tensor] {
    const Q = gap<Tensor>(
      'Q',
      `the queries of ${x}, split into [batch, heads, time, dimHead]: look at view and transpose`,
    );
    const K = gap<Tensor>('K', 'the keys, split likewise');
    const V = gap<Tensor>('V', 'the values, split likewise');
    let dots = gap<Tensor>('dots', `Q x K^T of every head, scaled: ${Q} ${K}`);
    if (mask) dots = gap<Tensor>('mask', `minus infinity for every key whose mask is 0, in every head: ${dots}`);
    const attentionScores = gap<Tensor>('attentionScores', 'a softmax over the keys');
    return [
      gap<Tensor>('out', `the scores times ${V}, the heads put side by side again, through toOut`),
      attentionScores,
    ];
  }
}
