/**
 * Attention in torch's shape: one packed projection, masks where true means "ignore", keys and values of other widths. The course's
 * own {@link MultiHeadAttention} is in `attention.ts`; its masks say 1 = keep.
 */
import { ArgumentError, cat, linear, ShapeError, type Tensor, zeros } from '@course/tensor';
import { constant_, xavierNormal_, xavierUniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { checkSizes } from '../sizes.js';
import { attentionFlops } from './attention.js';
import { type AttentionMasks, attend, maskOf } from './attention-masks.js';
import { Linear } from './linear.js';

/** Options of {@link MultiheadAttention}, torch's. */
export interface MultiheadAttentionOptions {
  /** Dropout of the weights in training. Default 0. */
  readonly dropout?: number;
  readonly bias?: boolean;
  /** Width of keys; `embedDim` by default. */
  readonly kdim?: number;
  /** Width of values; `embedDim` by default. */
  readonly vdim?: number;
  /** One more key and value, both learned, behind those given. Default false. */
  readonly addBiasKv?: boolean;
  /** One more key and value of zeros behind those given: something to look at when nothing fits. Default false. */
  readonly addZeroAttn?: boolean;
  /** Inputs are [batch, time, width] instead of [time, batch, width]. Default false, as in torch. */
  readonly batchFirst?: boolean;
}

/** What one call of {@link MultiheadAttention} takes beside query, key and value. */
export interface MultiheadAttentionCall extends AttentionMasks {
  /** Also give the weights (default true); without them less memory is used. */
  readonly needWeights?: boolean;
  /** Give the mean of the heads' weights [batch, query, key] (default), or those of each head [batch, heads, query, key]. */
  readonly averageAttnWeights?: boolean;
}

/**
 * Attention of `numHeads` heads that share the width `embedDim`, as
 * [torch.nn.MultiheadAttention](https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html), with its state dict. A
 * query that has no key left gets zeros (torch gives NaN there).
 *
 * @throws ArgumentError if `numHeads` does not divide `embedDim`; ShapeError and DTypeError for inputs and masks that do not fit.
 * @example
 * const attention = new MultiheadAttention(64, 8, { batchFirst: true });
 * const tokens = randn([2, 5, 64]);
 * const [output, weights] = attention.forward(tokens, tokens, tokens, { isCausal: true }); // [2, 5, 64] and [2, 5, 5]
 */
export class MultiheadAttention extends Module {
  readonly inProjWeight: Parameter | null;
  readonly qProjWeight: Parameter | null;
  readonly kProjWeight: Parameter | null;
  readonly vProjWeight: Parameter | null;
  readonly inProjBias: Parameter | null;
  /** [1, 1, embedDim], as torch has it. */
  readonly biasK: Parameter | null;
  readonly biasV: Parameter | null;
  readonly outProj: Linear;
  readonly addZeroAttn: boolean;
  readonly headDim: number;
  readonly dropout: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;

  constructor(
    readonly embedDim: number,
    readonly numHeads: number,
    options: MultiheadAttentionOptions = {},
  ) {
    super();
    const { dropout = 0, bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false } = options;
    const { addBiasKv = false, addZeroAttn = false } = options;
    checkSizes('MultiheadAttention', { embedDim, numHeads, kdim, vdim });
    if (embedDim % numHeads !== 0)
      throw new ArgumentError(
        `MultiheadAttention: embedDim must be divisible by numHeads, got ${embedDim} and ${numHeads}`,
      );
    if (!(dropout >= 0 && dropout <= 1))
      throw new ArgumentError(`MultiheadAttention: dropout probability has to be between 0 and 1, but got ${dropout}`);
    [this.headDim, this.dropout, this.kdim, this.vdim] = [embedDim / numHeads, dropout, kdim, vdim];
    this.batchFirst = batchFirst;
    const packed = kdim === embedDim && vdim === embedDim;
    const weight = (...shape: readonly number[]): Parameter => new Parameter(zeros(shape));
    this.qProjWeight = packed ? null : weight(embedDim, embedDim);
    this.kProjWeight = packed ? null : weight(embedDim, kdim);
    this.vProjWeight = packed ? null : weight(embedDim, vdim);
    this.inProjWeight = packed ? weight(3 * embedDim, embedDim) : null;
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim])) : null;
    this.biasK = addBiasKv ? weight(1, 1, embedDim) : null;
    this.biasV = addBiasKv ? weight(1, 1, embedDim) : null;
    this.addZeroAttn = addZeroAttn;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    this.resetParameters();
  }

  /** Draws the projections anew (Glorot, uniform) and sets the biases to 0, in torch's order. */
  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight])
      if (weight) xavierUniform_(weight);
    for (const bias of [this.inProjBias, this.outProj.bias]) if (bias) constant_(bias, 0);
    for (const row of [this.biasK, this.biasV]) if (row) xavierNormal_(row);
  }

  /**
   * The output, of the shape of the query, and the weights if wanted.
   *
   * @param query [time, batch, embedDim], or [batch, time, embedDim] with `batchFirst`, or [time, embedDim] without a batch.
   * @param key [keys, batch, kdim] likewise.
   * @param value [keys, batch, vdim] likewise.
   */
  forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: MultiheadAttentionCall = {},
  ): [output: Tensor, weights: Tensor | null] {
    const { needWeights = true, averageAttnWeights = true } = options;
    this.#check(query, key, value);
    if (query.numel() === 0 || key.numel() === 0)
      throw new ShapeError(
        `MultiheadAttention: there is nothing to attend to in an empty input, got [${query.shape.join(', ')}] and [${key.shape.join(', ')}]`,
      );
    const batched = query.ndim === 3;
    const timeFirst = batched && !this.batchFirst;
    const [q, given, values] = this.#project(query, key, value, (x) =>
      batched ? (timeFirst ? x.transpose(0, 1) : x) : x.unsqueeze(0),
    );
    const [k, v] = [this.#extend(given, this.biasK), this.#extend(values, this.biasV)];
    const allowed = maskOf(options, q, given.size(2), k.size(2) - given.size(2), batched);
    const dropoutP = this.training ? this.dropout : 0;
    const { output, weights } = attend(q, k, v, allowed, dropoutP, needWeights);
    const merged = this.outProj.forward(output.transpose(1, 2).reshape([q.size(0), -1, this.embedDim]));
    const result = batched ? (timeFirst ? merged.transpose(0, 1) : merged) : merged.squeeze(0);
    if (!weights) return [result, null];
    const shown = averageAttnWeights ? weights.mean(1) : weights;
    return [result, batched ? shown : shown.squeeze(0)];
  }

  /** Keys or values [batch, heads, time, headDim] with the learned one and the zeros behind them, where wanted. */
  #extend(x: Tensor, learned: Parameter | null): Tensor {
    const rows = [x];
    const shape = [x.size(0), this.numHeads, 1, this.headDim];
    if (learned) rows.push(learned.view([1, this.numHeads, 1, this.headDim]).expand(shape));
    if (this.addZeroAttn) rows.push(x.newFull(shape, 0));
    return rows.length === 1 ? x : cat(rows, 2);
  }

  #check(query: Tensor, key: Tensor, value: Tensor): void {
    const shapes = [query, key, value].map((x) => `[${x.shape.join(', ')}]`).join(', ');
    const widths = [this.embedDim, this.kdim, this.vdim];
    const batchDim = this.batchFirst ? 0 : 1;
    const fits =
      (query.ndim === 2 || query.ndim === 3) &&
      [query, key, value].every((x, i) => x.ndim === query.ndim && x.size(-1) === widths[i]) &&
      key.shape.every((size, d) => d === key.ndim - 1 || size === value.size(d)) &&
      (query.ndim === 2 || key.size(batchDim) === query.size(batchDim));
    if (!fits)
      throw new ShapeError(
        `MultiheadAttention: query, key and value must be ${this.batchFirst ? '[batch, time, width]' : '[time, batch, width]'} or [time, width] of widths ${widths.join(', ')}, keys and values of one length, got ${shapes}`,
      );
  }

  /** Queries, keys and values as [batch, heads, time, headDim]; one product where all come from the same tensor. */
  #project(query: Tensor, key: Tensor, value: Tensor, batchFirst: (x: Tensor) => Tensor): [Tensor, Tensor, Tensor] {
    const { inProjWeight: packed, inProjBias: bias, embedDim: width } = this;
    const split = (x: Tensor): Tensor => x.reshape([x.size(0), x.size(1), this.numHeads, this.headDim]).transpose(1, 2);
    if (packed && query === key && key === value) {
      const all = linear(batchFirst(query), packed, bias);
      const parts = all.view([all.size(0), all.size(1), 3, width]);
      return [split(parts.select(2, 0)), split(parts.select(2, 1)), split(parts.select(2, 2))];
    }
    const own = [this.qProjWeight, this.kProjWeight, this.vProjWeight];
    const [q, k, v] = [query, key, value].map((x, i) => {
      const weight = own[i] ?? packed?.narrow(0, i * width, width);
      if (!weight) throw new ArgumentError('MultiheadAttention: a projection is missing');
      return split(linear(batchFirst(x), weight, bias?.narrow(0, i * width, width)));
    });
    return [q, k, v] as [Tensor, Tensor, Tensor];
  }

  override flops(args: readonly unknown[], output: unknown): number {
    const [query, key = query, value = key] = args as [Tensor, Tensor?, Tensor?];
    const [result] = output as [Tensor, Tensor | null];
    const [queries, keys] = [result.numel() / this.embedDim, (key ?? query).numel() / this.kdim];
    const batch = result.ndim === 3 ? result.size(this.batchFirst ? 0 : 1) : 1;
    const projections =
      2 *
      this.embedDim *
      (queries * this.embedDim + keys * this.kdim + ((value ?? query).numel() / this.vdim) * this.vdim);
    return projections + attentionFlops((this.numHeads * queries * keys) / batch, this.headDim, this.headDim);
  }

  override extraRepr(): string {
    return '';
  }
}
