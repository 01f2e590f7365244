/** Attention modules of the from-scratch course, by its names: one head, and many heads with an inner width. */
import {
  ArgumentError,
  type AttentionOptions,
  attention,
  ShapeError,
  scaledDotProductAttention,
  type Tensor,
} from '@course/tensor';
import { Module } from '../module.js';
import { checkSizes } from '../sizes.js';
import type { KeyValueCache } from './cache.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import type { RotaryEmbedding } from './rotary.js';

/** `mask [batch, time]`, 1 = keep, as a bool mask that broadcasts to scores of the given rank. A mask of higher rank broadcasts as it is. */
export function keyMask(name: string, mask: Tensor, batch: number, time: number, rank: number): Tensor {
  const kept = mask.dtype === 'bool' ? mask : mask.ne(0);
  if (mask.ndim !== 2) return kept;
  if (mask.size(0) !== batch || mask.size(1) !== time)
    throw new ShapeError(
      `${name}: mask must be [batch, time] = [${batch}, ${time}] (1 = keep), got [${mask.shape.join(', ')}]`,
    );
  return kept.view([batch, ...Array.from({ length: rank - 2 }, () => 1), time]);
}

/** Operations of scores, softmax and the weighted sum, for so many weights (all heads, queries and keys). */
export function attentionFlops(weights: number, width: number, valueWidth: number): number {
  return weights * (2 * width + 2 * valueWidth + 4);
}

/** The keys that queries from place `offset` on may see, together with a mask; one query at the end sees all. */
function causalFrom(queries: Tensor, keys: number, offset: number, mask: Tensor | null): Tensor | null {
  const count = queries.size(2);
  if (count === 1) return mask;
  const causal = queries.newArange(count).add(offset).view([-1, 1]).ge(queries.newArange(keys));
  return mask ? mask.logicalAnd(causal) : causal;
}

/** Whether an attention module also gives its weights. Without them it takes less time, and memory that grows with the length instead of its square. */
export interface WeightsWanted<Wanted extends boolean> {
  /** Default true. */
  readonly needWeights?: Wanted;
}

/** Output and weights, or null in their place. */
function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions,
  needWeights: boolean,
): [output: Tensor, weights: Tensor | null] {
  if (!needWeights) return [scaledDotProductAttention(query, key, value, options), null];
  const { output, weights } = attention(query, key, value, options);
  return [output, weights];
}

function checkInput(name: string, x: Tensor, dim: number): void {
  if (x.ndim !== 3 || x.size(2) !== dim)
    throw new ShapeError(`${name}: expected input [batch, time, ${dim}], got [${x.shape.join(', ')}]`);
  if (x.numel() === 0)
    throw new ShapeError(`${name}: there is nothing to attend to in an empty input, got [${x.shape.join(', ')}]`);
}

/**
 * One attention head (Vaswani et al. 2017): `[head, weights]` with head [batch, time, dimHead] and weights [batch, query, key].
 *
 * @example
 * const [head, weights] = new SelfAttention(64, 16).forward(randn([16, 32, 64]));
 */
export class SelfAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;

  constructor(
    readonly inputDim: number,
    readonly dimHead: number,
  ) {
    super();
    checkSizes('SelfAttention', { inputDim, dimHead });
    this.query = new Linear(inputDim, dimHead);
    this.key = new Linear(inputDim, dimHead);
    this.value = new Linear(inputDim, dimHead);
  }

  /**
   * The output [batch, time, dimHead] and the weights [batch, query, key], or null for them if they are not needed.
   *
   * @param mask [batch, time], 1 = keep.
   */
  forward(x: Tensor, mask?: Tensor | null, options?: WeightsWanted<true>): [head: Tensor, weights: Tensor];
  forward(x: Tensor, mask: Tensor | null | undefined, options: WeightsWanted<false>): [head: Tensor, weights: null];
  forward(
    x: Tensor,
    mask?: Tensor | null,
    { needWeights = true }: WeightsWanted<boolean> = {},
  ): [head: Tensor, weights: Tensor | null] {
    checkInput('SelfAttention', x, this.inputDim);
    const allowed = mask ? keyMask('SelfAttention', mask, x.size(0), x.size(1), 3) : null;
    const [query, key, value] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)];
    return attend(query, key, value, { mask: allowed }, needWeights);
  }

  override flops([x]: readonly unknown[]): number {
    const [batch = 0, time = 0] = (x as Tensor).shape;
    return attentionFlops(batch * time * time, this.dimHead, this.dimHead);
  }
}

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions {
  /** Dropout of the weights in training. Default 0. */
  readonly dropout?: number;
  /** Bias of the four projections. Default true. */
  readonly bias?: boolean;
  /** Turns queries and keys by their places before they meet. */
  readonly rotary?: RotaryEmbedding | null;
}

/** What one call of {@link MultiHeadAttention} takes beside its input and mask. */
export interface MultiHeadAttentionCall {
  /** What keys and values are made from, [batch, time, dim]; `x` itself if absent (self-attention). */
  readonly context?: Tensor;
  /** No query looks at a later key. */
  readonly isCausal?: boolean;
  /**
   * Holds keys and values between calls, for decoding: those of `x` are added to it, and queries see all that it holds. With a `context`,
   * keys and values are made once, and later calls take them from the cache.
   */
  readonly cache?: KeyValueCache | null;
}

/**
 * Attention of several heads of width `dimHead`, whose inner width `heads * dimHead` need not be `dim`. Returns
 * `[output, weights]`: [batch, time, dim] and [batch, heads, query, key].
 *
 * @example
 * const [output, weights] = new MultiHeadAttention(64, 8, 64).forward(randn([16, 32, 64]));
 */
export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly toOut: Linear;
  readonly dropout: Dropout;
  readonly rotary: RotaryEmbedding | null;

  constructor(
    readonly dim: number,
    readonly heads = 8,
    readonly dimHead = 64,
    { dropout = 0, bias = true, rotary = null }: MultiHeadAttentionOptions = {},
  ) {
    super();
    checkSizes('MultiHeadAttention', { dim, heads, dimHead });
    const inner = heads * dimHead;
    this.query = new Linear(dim, inner, { bias });
    this.key = new Linear(dim, inner, { bias });
    this.value = new Linear(dim, inner, { bias });
    this.toOut = new Linear(inner, dim, { bias });
    this.dropout = new Dropout(dropout);
    if (rotary && rotary.dim !== dimHead)
      throw new ArgumentError(
        `MultiHeadAttention: the rotary embedding turns vectors of ${rotary.dim}, heads have ${dimHead}`,
      );
    this.rotary = rotary;
  }

  /**
   * The output [batch, time, dim] and the weights [batch, heads, query, key], or null for them if they are not needed.
   *
   * @param mask [batch, key time], 1 = keep; or any bool mask that broadcasts to the weights.
   */
  forward(
    x: Tensor,
    mask?: Tensor | null,
    options?: MultiHeadAttentionCall & WeightsWanted<true>,
  ): [output: Tensor, weights: Tensor];
  forward(
    x: Tensor,
    mask: Tensor | null | undefined,
    options: MultiHeadAttentionCall & WeightsWanted<boolean>,
  ): [output: Tensor, weights: Tensor | null];
  forward(
    x: Tensor,
    mask?: Tensor | null,
    {
      context,
      isCausal = false,
      cache = null,
      needWeights = true,
    }: MultiHeadAttentionCall & WeightsWanted<boolean> = {},
  ): [output: Tensor, weights: Tensor | null] {
    checkInput('MultiHeadAttention', x, this.dim);
    if (context) checkInput('MultiHeadAttention', context, this.dim);
    const batch = x.size(0);
    if (context && context.size(0) !== batch)
      throw new ShapeError(
        `MultiHeadAttention: input and context must have one batch size, got [${x.shape.join(', ')}] and [${context.shape.join(', ')}]`,
      );
    const split = (y: Tensor): Tensor => y.view([batch, -1, this.heads, this.dimHead]).transpose(1, 2);
    const offset = cache && !context ? cache.length : 0;
    const turn = (y: Tensor): Tensor => this.rotary?.forward(y, { offset }) ?? y;
    const queries = turn(split(this.query.forward(x)));
    const made = (): [Tensor, Tensor] => {
      const source = context ?? x;
      return [turn(split(this.key.forward(source))), split(this.value.forward(source))];
    };
    const [keys, values] = !cache ? made() : context && cache.length > 0 ? cache.all() : cache.append(...made());
    const allowed = mask ? keyMask('MultiHeadAttention', mask, batch, keys.size(2), 4) : null;
    const options = {
      mask: isCausal && offset > 0 ? causalFrom(queries, keys.size(2), offset, allowed) : allowed,
      isCausal: isCausal && offset === 0,
      dropoutP: this.training ? this.dropout.p : 0,
    };
    const [output, weights] = attend(queries, keys, values, options, needWeights);
    const merged = output.transpose(1, 2).reshape([batch, -1, this.heads * this.dimHead]);
    return [this.toOut.forward(merged), weights];
  }

  override flops([x, , options]: readonly unknown[]): number {
    const [batch = 0, time = 0] = (x as Tensor).shape;
    const { context, cache } = (options ?? {}) as MultiHeadAttentionCall;
    // A cache holds the keys of this call too by now.
    const keys = cache?.length ?? (context ?? (x as Tensor)).size(1);
    return attentionFlops(batch * this.heads * time * keys, this.dimHead, this.dimHead);
  }
}
