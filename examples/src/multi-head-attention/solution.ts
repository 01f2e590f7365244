// Exercise 2.0 of the class, filled in: several heads side by side.
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';

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
    // Back to `dim`, so that a block can add the result to its input; the notebook's `innerDim` could not be added.
    this.toOut = new nn.Linear(innerDim, dim);
  }

  /**
   * The output [batch, time, dim] and the attention scores [batch, heads, query, key].
   *
   * @param x [batch, time, dim].
   * @param mask [batch, time], 1 = keep.
   */
  forward(x: Tensor, mask?: Tensor | null): [out: Tensor, scores: Tensor] {
    const [b, t] = [x.size(0), x.size(1)];
    // [batch, time, heads * dimHead] as [batch, heads, time, dimHead]: a view, nothing is copied.
    const split = (y: Tensor): Tensor => y.view([b, t, this.heads, this.dimHead]).transpose(1, 2);
    const Q = split(this.query.forward(x));
    const K = split(this.key.forward(x));
    const V = split(this.value.forward(x));

    let dots = Q.matmul(K.transpose(-2, -1)).mul(this.scale);
    if (mask) dots = dots.maskedFill(mask.eq(0).view([b, 1, 1, t]), -Infinity);
    const attentionScores = dots.softmax(-1);

    const merged = attentionScores.matmul(V).transpose(1, 2).reshape([b, t, -1]);
    return [this.toOut.forward(merged), attentionScores];
  }
}
