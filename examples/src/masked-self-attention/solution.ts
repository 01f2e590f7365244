// Masked self-attention: a word sees itself and what came before it. Each weight matrix is one linear map of the words.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import { ones, type Tensor } from '@course/tensor';

/** One head with keys, queries and values to be learned: x [batch, time, dim] to [batch, time, dimHead]. */
export class MaskedSelfAttention extends nn.Module {
  readonly key;
  readonly query;
  readonly value;

  constructor(
    dim: number,
    readonly dimHead: number,
  ) {
    super();
    this.key = new nn.Linear(dim, dimHead);
    this.query = new nn.Linear(dim, dimHead);
    this.value = new nn.Linear(dim, dimHead);
  }

  forward(x: Tensor): [output: Tensor, weights: Tensor] {
    const [k, q, v] = [this.key.forward(x), this.query.forward(x), this.value.forward(x)];
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(this.dimHead));
    const time = x.size(1);
    const future = ones([time, time]).triu(1).to('bool');
    // exp(-∞) is 0: the future gets no weight at all, and the rest of each row still sums to 1.
    const weights = F.softmax(scores.maskedFill(future, -Infinity), -1);
    return [weights.matmul(v), weights];
  }
}
