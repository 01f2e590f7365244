/**
 * GPT-2's blocks, with the parameter names of the published checkpoints (`h.0.attn.c_attn.weight`). They are pre-norm: each half
 * normalises its input and is added to it.
 */
import { Dropout, type KeyValueCache, LayerNorm, Module, Parameter } from '@course/nn';
import { attention, linear, scaledDotProductAttention, type Tensor, zeros } from '@course/tensor';
import { activation } from '../pretrained/activations.js';
import type { Gpt2Config } from './config.js';

/** A linear layer whose weight is stored [in, out], as GPT-2's files have it. */
export class Conv1D extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    readonly nf: number,
    readonly nx: number,
  ) {
    super();
    this.weight = new Parameter(zeros([nx, nf]));
    this.bias = new Parameter(zeros([nf]));
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight.transpose(0, 1), this.bias);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return (output as Tensor).numel() * (2 * this.nx + 1);
  }

  override extraRepr(): string {
    return `nf=${this.nf}, nx=${this.nx}`;
  }
}

/** What the attention of every block is told. */
export interface Seen {
  /** bool, broadcasts to [batch, heads, query, key]; null: only the order of tokens counts. */
  readonly mask: Tensor | null;
  /** Whether the order is told by `isCausal` instead of the mask. */
  readonly isCausal: boolean;
}

export class GPT2Attention extends Module {
  readonly cAttn: Conv1D;
  readonly cProj: Conv1D;
  readonly attnDropout: Dropout;
  readonly residDropout: Dropout;
  readonly heads: number;
  readonly scale: number;

  constructor(config: Gpt2Config, layer: number) {
    super();
    const { nEmbd, nHead } = config;
    this.cAttn = new Conv1D(3 * nEmbd, nEmbd);
    this.cProj = new Conv1D(nEmbd, nEmbd);
    this.attnDropout = new Dropout(config.attnPdrop);
    this.residDropout = new Dropout(config.residPdrop);
    this.heads = nHead;
    this.scale =
      (config.scaleAttnWeights ? (nEmbd / nHead) ** -0.5 : 1) / (config.scaleAttnByInverseLayerIdx ? layer + 1 : 1);
  }

  forward(x: Tensor, seen: Seen, cache: KeyValueCache | null): Tensor {
    const [q, k, v] = this.#project(x, cache);
    return this.#merge(scaledDotProductAttention(q, k, v, this.#options(seen)));
  }

  forwardWithWeights(x: Tensor, seen: Seen, cache: KeyValueCache | null): [output: Tensor, weights: Tensor] {
    const [q, k, v] = this.#project(x, cache);
    const { output, weights } = attention(q, k, v, this.#options(seen));
    return [this.#merge(output), weights];
  }

  #options({ mask, isCausal }: Seen) {
    return { mask, isCausal, scale: this.scale, dropoutP: this.training ? this.attnDropout.p : 0 };
  }

  #project(x: Tensor, cache: KeyValueCache | null): [Tensor, Tensor, Tensor] {
    const [batch, time, width] = [x.size(0), x.size(1), x.size(2)];
    const all = this.cAttn.forward(x).view([batch, time, 3, this.heads, width / this.heads]);
    const part = (i: number): Tensor => all.select(2, i).transpose(1, 2);
    const [keys, values] = cache ? cache.append(part(1), part(2)) : [part(1), part(2)];
    return [part(0), keys, values];
  }

  #merge(output: Tensor): Tensor {
    const merged = output.transpose(1, 2).flatten(2);
    return this.residDropout.forward(this.cProj.forward(merged));
  }
}

export class GPT2MLP extends Module {
  readonly cFc: Conv1D;
  readonly cProj: Conv1D;
  readonly dropout: Dropout;
  readonly activate: (x: Tensor) => Tensor;

  constructor(config: Gpt2Config) {
    super();
    const inner = config.nInner ?? 4 * config.nEmbd;
    this.cFc = new Conv1D(inner, config.nEmbd);
    this.cProj = new Conv1D(config.nEmbd, inner);
    this.dropout = new Dropout(config.residPdrop);
    this.activate = activation(config.activationFunction);
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.cProj.forward(this.activate(this.cFc.forward(x))));
  }
}

export class GPT2Block extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: GPT2Attention;
  readonly ln_2: LayerNorm;
  readonly mlp: GPT2MLP;

  constructor(config: Gpt2Config, layer: number) {
    super();
    const norm = () => new LayerNorm(config.nEmbd, { eps: config.layerNormEpsilon });
    this.ln_1 = norm();
    this.attn = new GPT2Attention(config, layer);
    this.ln_2 = norm();
    this.mlp = new GPT2MLP(config);
  }

  forward(hidden: Tensor, mask: Tensor | null, isCausal: boolean, cache: KeyValueCache | null = null): Tensor {
    return this.#mlp(hidden.add(this.attn.forward(this.ln_1.forward(hidden), { mask, isCausal }, cache)));
  }

  forwardWithWeights(hidden: Tensor, seen: Seen, cache: KeyValueCache | null): [hidden: Tensor, weights: Tensor] {
    const [output, weights] = this.attn.forwardWithWeights(this.ln_1.forward(hidden), seen, cache);
    return [this.#mlp(hidden.add(output)), weights];
  }

  #mlp(hidden: Tensor): Tensor {
    return hidden.add(this.mlp.forward(this.ln_2.forward(hidden)));
  }

  override isCheckpointable(): boolean {
    return true;
  }
}
