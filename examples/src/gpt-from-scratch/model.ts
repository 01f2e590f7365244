// GPT, written out of linear layers, norms and an embedding: heads that see only what came before, a small network behind them, both added
// to what they read. Nothing of it is taken from the library but such parts.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import { cat, noGrad, ones, scope, type Tensor } from '@course/tensor';
import { sample } from '../texts/sampling.js';

/** What a GPT is made of. */
export interface GptConfig {
  readonly vocabSize: number;
  /** Characters that it sees at once. */
  readonly blockSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;
}

/** Several heads of masked self-attention side by side, computed as one: x [batch, time, width] to the same shape. */
export class CausalSelfAttention extends nn.Module {
  readonly keysQueriesValues: nn.Linear;
  readonly projection: nn.Linear;
  readonly dropout: nn.Dropout;
  readonly past: nn.Buffer;
  readonly heads: number;

  constructor({ width, heads, blockSize, dropout }: GptConfig) {
    super();
    this.heads = heads;
    this.keysQueriesValues = new nn.Linear(width, 3 * width, { bias: false });
    this.projection = new nn.Linear(width, width);
    this.dropout = new nn.Dropout(dropout);
    // True where a character may look: at itself and to the left.
    this.past = new nn.Buffer(ones([blockSize, blockSize]).tril().to('bool'), { persistent: false });
  }

  forward(x: Tensor): Tensor {
    const [batch, time, width] = [x.size(0), x.size(1), x.size(2)];
    const all = this.keysQueriesValues.forward(x).view([batch, time, 3, this.heads, width / this.heads]);
    const [k, q, v] = [0, 1, 2].map((i) => all.select(2, i).transpose(1, 2)) as [Tensor, Tensor, Tensor]; // [batch, heads, time, width / heads]
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(width / this.heads));
    const future = this.past.narrow(0, 0, time).narrow(1, 0, time).logicalNot();
    const weights = this.dropout.forward(F.softmax(scores.maskedFill(future, -Infinity), -1));
    const mixed = weights.matmul(v).transpose(1, 2).reshape([batch, time, width]);
    return this.dropout.forward(this.projection.forward(mixed));
  }
}

/** Communication, then computation: attention and a network of its own for each character, each behind a norm and added to its input. */
export class Block extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly attention: CausalSelfAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: nn.Sequential;

  constructor(config: GptConfig) {
    super();
    const { width, dropout } = config;
    this.norm1 = new nn.LayerNorm(width);
    this.attention = new CausalSelfAttention(config);
    this.norm2 = new nn.LayerNorm(width);
    this.mlp = new nn.Sequential(
      new nn.Linear(width, 4 * width),
      new nn.GELU(),
      new nn.Linear(4 * width, width),
      new nn.Dropout(dropout),
    );
  }

  forward(x: Tensor): Tensor {
    const middle = x.add(this.attention.forward(this.norm1.forward(x)));
    return middle.add(this.mlp.forward(this.norm2.forward(middle)));
  }
}

/** Numbers of characters [batch, time] to logits of the next ones [batch, time, vocabSize]. */
export class GPT extends nn.Module {
  readonly tokens: nn.Embedding;
  readonly positions: nn.Embedding;
  readonly blocks: nn.ModuleList<Block>;
  readonly norm: nn.LayerNorm;
  readonly head: nn.Linear;

  constructor(readonly config: GptConfig) {
    super();
    const { vocabSize, blockSize, layers, width } = config;
    this.tokens = new nn.Embedding(vocabSize, width);
    this.positions = new nn.Embedding(blockSize, width);
    this.blocks = new nn.ModuleList(Array.from({ length: layers }, () => new Block(config)));
    this.norm = new nn.LayerNorm(width);
    this.head = new nn.Linear(width, vocabSize);
    // Small at the beginning, as GPT-2 starts, so that the first guesses are fair ones.
    for (const table of [this.tokens, this.positions, this.head]) nn.init.normal_(table.weight, 0, 0.02);
  }

  forward(ids: Tensor): Tensor {
    let x = this.tokens.forward(ids).add(this.positions.weight.narrow(0, 0, ids.size(1)));
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }

  /** Writes `count` more characters behind ids [batch, time]: draws one, and reads it with all the others. */
  generate(ids: Tensor, count: number, temperature: number): Tensor {
    let written = ids;
    for (let i = 0; i < count; i++) {
      const time = Math.min(written.size(1), this.config.blockSize);
      const longer = scope(() =>
        noGrad(() => {
          const seen = written.narrow(1, written.size(1) - time, time);
          const next = sample(this.forward(seen).select(1, -1), temperature);
          return cat([written, next], 1);
        }),
      );
      if (written !== ids) written.dispose();
      written = longer;
    }
    return written;
  }
}
