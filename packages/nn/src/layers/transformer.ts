/** Transformer blocks. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { Module } from '../module.js';
import { makeChild } from '../places.js';
import { checkSizes } from '../sizes.js';
import { ReLU } from './activation/rectifiers.js';
import { GELU } from './activation/smooth.js';
import { MultiHeadAttention } from './attention.js';
import type { KeyValueCache } from './cache.js';
import { Sequential } from './containers.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { LayerNorm } from './normalization.js';
import type { RotaryEmbedding } from './rotary.js';

/** Options of {@link TransformerEncoderBlock} and {@link TransformerDecoderBlock}. */
export interface TransformerEncoderBlockOptions {
  /** Normalise before each part (GPT) or after its residual (the original, BERT). Default `pre`. */
  readonly norm?: 'pre' | 'post';
  readonly activation?: 'gelu' | 'relu';
  /** Inner width of the MLP. Default 4 * dim. */
  readonly mlpDim?: number;
  /** Dropout of attention weights and of the parts' outputs in training. Default 0. */
  readonly dropout?: number;
  /** Rotary positions for self-attention. */
  readonly rotary?: RotaryEmbedding | null;
}

/** What one call of a {@link TransformerEncoderBlock} takes beside its input. */
export interface TransformerEncoderBlockCall {
  /** [batch, time], 1 = keep. */
  readonly mask?: Tensor | null;
  /** No token looks at a later one: the block of GPT. */
  readonly isCausal?: boolean;
  /** Keys and values of the tokens before, for decoding. */
  readonly cache?: KeyValueCache | null;
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
    options: TransformerEncoderBlockOptions = {},
  ) {
    super();
    const { norm = 'pre', activation = 'gelu', mlpDim = 4 * dim, dropout = 0, rotary = null } = options;
    checkSizes('TransformerEncoderBlock', { dim, mlpDim });
    checkOptions('TransformerEncoderBlock', norm, activation);
    this.normPlace = norm;
    this.norm1 = new LayerNorm(dim);
    this.attention = makeChild('attention', () => new MultiHeadAttention(dim, heads, dimHead, { dropout, rotary }));
    this.norm2 = new LayerNorm(dim);
    this.mlp = makeMlp(dim, mlpDim, activation);
    this.dropout = new Dropout(dropout);
  }

  override isCheckpointable(): boolean {
    return true;
  }

  /** The 2 residuals. */
  override flops([x]: readonly unknown[]): number {
    return 2 * (x as Tensor).numel();
  }

  /** x [batch, time, dim] to the same shape. */
  forward(x: Tensor, options: TransformerEncoderBlockCall = {}): Tensor {
    return this.#run(x, options, false)[0];
  }

  /** As {@link TransformerEncoderBlock.forward}, with the attention weights [batch, heads, query, key]. */
  forwardWithWeights(x: Tensor, options: TransformerEncoderBlockCall = {}): [output: Tensor, weights: Tensor] {
    return this.#run(x, options, true) as [Tensor, Tensor];
  }

  #run(
    x: Tensor,
    { mask, ...rest }: TransformerEncoderBlockCall,
    needWeights: boolean,
  ): [output: Tensor, weights: Tensor | null] {
    const call = { ...rest, needWeights };
    if (this.normPlace === 'pre') {
      const [attended, weights] = this.attention.forward(this.norm1.forward(x), mask, call);
      const middle = x.add(this.dropout.forward(attended));
      return [middle.add(this.dropout.forward(this.mlp.forward(this.norm2.forward(middle)))), weights];
    }
    const [attended, weights] = this.attention.forward(x, mask, call);
    const middle = this.norm1.forward(x.add(this.dropout.forward(attended)));
    return [this.norm2.forward(middle.add(this.dropout.forward(this.mlp.forward(middle)))), weights];
  }
}

/** What one call of a {@link TransformerDecoderBlock} takes beside its inputs. */
export interface TransformerDecoderBlockCall {
  /** [batch, time] of the targets, 1 = keep. */
  readonly mask?: Tensor | null;
  /** [batch, time] of the context, 1 = keep. */
  readonly contextMask?: Tensor | null;
  /** Keys and values of the targets before, for decoding. */
  readonly cache?: KeyValueCache | null;
  /** Keys and values of the context, made once. */
  readonly contextCache?: KeyValueCache | null;
}

/**
 * One decoder block: causal self-attention, attention to a context (the encoder's output) and an MLP, each with a residual. x
 * [batch, time, dim] keeps its shape.
 *
 * @example
 * new TransformerDecoderBlock(64, 8, 64).forward(randn([2, 5, 64]), randn([2, 7, 64])).shape; // [2, 5, 64]
 */
export class TransformerDecoderBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly norm2: LayerNorm;
  readonly crossAttention: MultiHeadAttention;
  readonly norm3: LayerNorm;
  readonly mlp: Sequential;
  readonly dropout: Dropout;
  readonly normPlace: 'pre' | 'post';

  constructor(
    readonly dim: number,
    heads = 8,
    dimHead = 64,
    options: TransformerEncoderBlockOptions = {},
  ) {
    super();
    const { norm = 'pre', activation = 'gelu', mlpDim = 4 * dim, dropout = 0, rotary = null } = options;
    checkSizes('TransformerDecoderBlock', { dim, mlpDim });
    checkOptions('TransformerDecoderBlock', norm, activation);
    this.normPlace = norm;
    this.norm1 = new LayerNorm(dim);
    this.attention = makeChild('attention', () => new MultiHeadAttention(dim, heads, dimHead, { dropout, rotary }));
    this.norm2 = new LayerNorm(dim);
    this.crossAttention = makeChild('cross_attention', () => new MultiHeadAttention(dim, heads, dimHead, { dropout }));
    this.norm3 = new LayerNorm(dim);
    this.mlp = makeMlp(dim, mlpDim, activation);
    this.dropout = new Dropout(dropout);
  }

  override isCheckpointable(): boolean {
    return true;
  }

  /** The 3 residuals. */
  override flops([x]: readonly unknown[]): number {
    return 3 * (x as Tensor).numel();
  }

  /**
   * x [batch, time, dim] to the same shape.
   *
   * @param context [batch, context time, dim].
   */
  forward(x: Tensor, context: Tensor, options: TransformerDecoderBlockCall = {}): Tensor {
    return this.#run(x, context, options, false)[0];
  }

  /** As {@link TransformerDecoderBlock.forward}, with the weights of both attentions [batch, heads, query, key]. */
  forwardWithWeights(
    x: Tensor,
    context: Tensor,
    options: TransformerDecoderBlockCall = {},
  ): [output: Tensor, weights: Tensor, crossWeights: Tensor] {
    return this.#run(x, context, options, true) as [Tensor, Tensor, Tensor];
  }

  #run(
    x: Tensor,
    context: Tensor,
    { mask, contextMask, cache = null, contextCache = null }: TransformerDecoderBlockCall,
    needWeights: boolean,
  ): [output: Tensor, weights: Tensor | null, crossWeights: Tensor | null] {
    let [weights, crossWeights]: [Tensor | null, Tensor | null] = [null, null];
    const parts: readonly (readonly [LayerNorm, (y: Tensor) => Tensor])[] = [
      [
        this.norm1,
        (y) => {
          const [attended, found] = this.attention.forward(y, mask, { isCausal: true, cache, needWeights });
          weights = found;
          return attended;
        },
      ],
      [
        this.norm2,
        (y) => {
          const [attended, found] = this.crossAttention.forward(y, contextMask, {
            context,
            cache: contextCache,
            needWeights,
          });
          crossWeights = found;
          return attended;
        },
      ],
      [this.norm3, (y) => this.mlp.forward(y)],
    ];
    let out = x;
    for (const [norm, part] of parts) {
      if (this.normPlace === 'pre') out = out.add(this.dropout.forward(part(norm.forward(out))));
      else out = norm.forward(out.add(this.dropout.forward(part(out))));
    }
    return [out, weights, crossWeights];
  }
}

function checkOptions(name: string, norm: string, activation: string): void {
  if (norm !== 'pre' && norm !== 'post') throw new ArgumentError(`${name}: norm may be pre or post, got '${norm}'`);
  if (activation !== 'gelu' && activation !== 'relu')
    throw new ArgumentError(`${name}: activation may be gelu or relu, got '${activation}'`);
}

function makeMlp(dim: number, inner: number, activation: 'gelu' | 'relu'): Sequential {
  return new Sequential(
    new Linear(dim, inner),
    activation === 'relu' ? new ReLU() : new GELU(),
    new Linear(inner, dim),
  );
}
