// A judge of sentences over frozen word vectors: heads of self-attention, the mean over the words, a line. Without heads it is the bag of
// words again.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import type { Tensor } from '@course/tensor';

/** Numbers of words [batch, time], 0 for padding, to the log-odds [batch] of praise. */
export class SentenceJudge extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly attention: nn.MultiHeadAttention | null;
  readonly out: nn.Linear;

  constructor(vectors: Tensor, heads: number) {
    super();
    const width = vectors.size(1);
    // Frozen: whoever made the vectors did not know what for.
    this.embedding = nn.Embedding.fromPretrained(vectors, { freeze: true });
    this.attention = heads === 0 ? null : new nn.MultiHeadAttention(width, heads, 16);
    this.out = new nn.Linear(width, 1);
  }

  forward(ids: Tensor): Tensor {
    return this.judge(ids)[0];
  }

  /** The log-odds, and the attention weights [batch, heads, query, key] where there are heads. */
  judge(ids: Tensor): [logits: Tensor, weights: Tensor | null] {
    const words = ids.ne(0); // 1 = a word, 0 = padding
    let x = this.embedding.forward(ids);
    let weights: Tensor | null = null;
    if (this.attention) {
      const [attended, found] = this.attention.forward(x, words);
      x = x.add(attended);
      weights = found;
    }
    const kept = words.to('float32').unsqueeze(-1);
    const mean = x.mul(kept).sum(1).div(kept.sum(1));
    return [this.out.forward(mean).squeeze(-1), weights];
  }
}

/** Binary cross-entropy of log-odds. */
export function lossOf(logits: Tensor, labels: Tensor): Tensor {
  return F.binaryCrossEntropyWithLogits(logits, labels);
}
