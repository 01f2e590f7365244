// Exercise 4.0 of the class, filled in: positions, the decoder block, and encoder and decoder as one transformer.
import * as nn from '@course/nn';
import { arange, cat, type Tensor } from '@course/tensor';

import type { DecoderBlock, Positions } from './parts.js';

/** Adds sines and cosines of the place to each word (Vaswani et al. 2017, 3.5): [batch, time, dim] to the same shape. */
export class PositionalEncoding extends nn.Module {
  readonly table: nn.Buffer;

  constructor(dim: number, maxLength = 64) {
    super();
    const places = arange(maxLength, { dtype: 'float32' }).unsqueeze(1);
    const frequencies = arange(0, dim, 2, { dtype: 'float32' })
      .mul(-Math.log(10_000) / dim)
      .exp();
    const angles = places.mul(frequencies); // [maxLength, dim / 2]
    // Sine and cosine of each frequency side by side.
    const both = cat([angles.sin().unsqueeze(-1), angles.cos().unsqueeze(-1)], -1);
    this.table = new nn.Buffer(both.view([maxLength, dim]), { persistent: false });
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
    const [own] = this.selfAttention.forward(this.ln1.forward(x), null, { isCausal: true });
    const first = x.add(own);
    const [fromSource, cross] = this.crossAttention.forward(this.ln2.forward(first), null, { context: memory });
    const second = first.add(fromSource);
    return [second.add(this.mlp.forward(this.ln3.forward(second))), cross];
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
    let memory = this.positions.forward(this.embedding.forward(source));
    for (const block of this.encoder) memory = block.forward(memory);
    let x = this.positions.forward(this.embedding.forward(target));
    let cross = x;
    for (const block of this.decoder) [x, cross] = block.forward(x, memory);
    return [this.head.forward(this.norm.forward(x)), cross];
  }
}
