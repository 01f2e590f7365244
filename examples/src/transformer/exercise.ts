// Exercise 4.0 of the class: implement the decoder block, the positional encoding, and combine encoder and decoder, then run
//     npm run example transformer -- --exercise
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';

import type { DecoderBlock, Positions } from './parts.js';

/** Adds sines and cosines of the place to each word (Vaswani et al. 2017, 3.5): [batch, time, dim] to the same shape. */
export class PositionalEncoding extends nn.Module {
  readonly table: nn.Buffer;

  constructor(dim: number, maxLength = 64) {
    super();
    const table = gap<Tensor>(
      'positions',
      `sines and cosines of the ${maxLength} places at ${dim / 2} frequencies, [maxLength, dim]`,
    );
    this.table = new nn.Buffer(table, { persistent: false });
  }

  forward(x: Tensor): Tensor {
    return x.add(this.table.narrow(0, 0, x.size(1)));
  }
}

/** Causal self-attention, attention to the encoder's states, and an MLP; each behind a norm and added to its input. */
export class TransformerDecoderBlock extends nn.Module {
  readonly ln1: nn.LayerNorm;
  readonly ln2: nn.LayerNorm;
  readonly ln3: nn.LayerNorm;
  readonly selfAttention: nn.MultiHeadAttention;
  readonly crossAttention: nn.MultiHeadAttention;
  readonly mlp: nn.Sequential;

  constructor(dim: number, heads: number, dimHead: number) {
    super();
    this.ln1 = new nn.LayerNorm(dim);
    this.ln2 = new nn.LayerNorm(dim);
    this.ln3 = new nn.LayerNorm(dim);
    this.selfAttention = new nn.MultiHeadAttention(dim, heads, dimHead);
    this.crossAttention = new nn.MultiHeadAttention(dim, heads, dimHead);
    this.mlp = new nn.Sequential(new nn.Linear(dim, dim * 4), new nn.GELU(), new nn.Linear(dim * 4, dim));
  }

  /** x [batch, target time, dim]; memory [batch, source time, dim] are the encoder's states. */
  forward(x: Tensor, memory: Tensor): [output: Tensor, cross: Tensor] {
    const first = gap<Tensor>('selfAttention', `x (${x.shape}) plus its own causal attention`);
    const [second, cross] = gap<[Tensor, Tensor]>(
      'crossAttention',
      `plus what it takes from the memory (${memory.shape}): ${first}`,
    );
    return [gap<Tensor>('mlp', `plus the MLP of its norm: ${second}`), cross];
  }
}

/** Encoder and decoder over one vocabulary. */
export class Transformer extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly norm: nn.LayerNorm;
  readonly head: nn.Linear;

  constructor(
    vocabSize: number,
    dim: number,
    readonly positions: Positions,
    readonly encoder: nn.ModuleList<nn.TransformerEncoderBlock>,
    readonly decoder: nn.ModuleList<DecoderBlock>,
  ) {
    super();
    this.embedding = new nn.Embedding(vocabSize, dim);
    this.norm = new nn.LayerNorm(dim);
    this.head = new nn.Linear(dim, vocabSize);
  }

  /** source [batch, source time] and target [batch, target time], ids, to logits of the next word and the last block's cross-attention. */
  forward(source: Tensor, target: Tensor): [logits: Tensor, cross: Tensor] {
    const memory = gap<Tensor>(
      'encoder',
      `the embedded source (${source.shape}) with its positions, through every block of the encoder`,
    );
    const [x, cross] = gap<[Tensor, Tensor]>(
      'decoder',
      `the embedded target (${target.shape}) through every block of the decoder, with ${memory}`,
    );
    return [gap<Tensor>('head', `the logits of every word: ${x}`), cross];
  }
}
