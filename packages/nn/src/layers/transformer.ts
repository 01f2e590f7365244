/** Transformer blocks. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { Module } from '../module.js';
import { GELU, ReLU } from './activation.js';
import { MultiHeadAttention } from './attention.js';
import { Sequential } from './containers.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { LayerNorm } from './normalization.js';

export interface TransformerEncoderBlockOptions {
  /** Normalise before each part (GPT) or after its residual (the original, BERT). Default `pre`. */
  readonly norm?: 'pre' | 'post';
  readonly activation?: 'gelu' | 'relu';
  /** Inner width of the MLP. Default 4 * dim. */
  readonly mlpDim?: number;
  /** Dropout of attention weights and of both parts' outputs in training. Default 0. */
  readonly dropout?: number;
}

/**
 * One encoder block: attention and an MLP, each with a residual. x [batch, time, dim] keeps its shape.
 *
 * @example
 * new TransformerEncoderBlock(64, 8, 64).forward(randn([16, 32, 64])).shape; // [16, 32, 64]
 */
export class TransformerEncoderBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Sequential;
  readonly dropout: Dropout;
  readonly normPlace: 'pre' | 'post';

  constructor(
    readonly dim: number,
    heads = 8,
    dimHead = 64,
    { norm = 'pre', activation = 'gelu', mlpDim = 4 * dim, dropout = 0 }: TransformerEncoderBlockOptions = {},
  ) {
    super();
    if (norm !== 'pre' && norm !== 'post')
      throw new ArgumentError(`TransformerEncoderBlock: norm may be pre or post, got '${String(norm)}'`);
    this.normPlace = norm;
    this.norm1 = new LayerNorm(dim);
    this.attention = new MultiHeadAttention(dim, heads, dimHead, { dropout });
    this.norm2 = new LayerNorm(dim);
    this.mlp = new Sequential(
      new Linear(dim, mlpDim),
      activation === 'relu' ? new ReLU() : new GELU(),
      new Linear(mlpDim, dim),
    );
    this.dropout = new Dropout(dropout);
  }

  override isCheckpointable(): boolean {
    return true;
  }

  /** @param options.mask [batch, time], 1 = keep. */
  forward(x: Tensor, options: { readonly mask?: Tensor | null } = {}): Tensor {
    return this.forwardWithWeights(x, options)[0];
  }

  /** As {@link TransformerEncoderBlock.forward}, with the attention weights [batch, heads, query, key]. */
  forwardWithWeights(x: Tensor, { mask }: { readonly mask?: Tensor | null } = {}): [output: Tensor, weights: Tensor] {
    if (this.normPlace === 'pre') {
      const [attended, weights] = this.attention.forward(this.norm1.forward(x), mask);
      const middle = x.add(this.dropout.forward(attended));
      return [middle.add(this.dropout.forward(this.mlp.forward(this.norm2.forward(middle)))), weights];
    }
    const [attended, weights] = this.attention.forward(x, mask);
    const middle = this.norm1.forward(x.add(this.dropout.forward(attended)));
    return [this.norm2.forward(middle.add(this.dropout.forward(this.mlp.forward(middle)))), weights];
  }
}
