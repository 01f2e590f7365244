/**
 * GPT-2, with the parameter names of the published checkpoints (`transformer.h.0.attn.c_attn.weight`). Blocks are pre-norm; no token
 * sees a later one; keys and values of past tokens may be kept in caches, so that a further token costs only its own work.
 */
import { Dropout, Embedding, init, type KeyValueCache, LayerNorm, Module, ModuleList, Parameter } from '@course/nn';
import {
  ArgumentError,
  attention,
  linear,
  ShapeError,
  scaledDotProductAttention,
  type Tensor,
  zeros,
} from '@course/tensor';
import { activation } from '../pretrained/activations.js';
import { type ExtraOutputs, extras, type OutputOptions, tokenLoss } from '../pretrained/outputs.js';
import { checkIds, PreTrainedModel } from '../pretrained/pretrained-model.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import { type Gpt2Config, gpt2ConfigKind } from './config.js';

/** A linear layer whose weight is stored [in, out], as GPT-2's files have it. */
class Conv1D extends Module {
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
interface Seen {
  /** bool, broadcasts to [batch, heads, query, key]; null: only the order of tokens counts. */
  readonly mask: Tensor | null;
  /** Whether the order is told by `isCausal` instead of the mask. */
  readonly isCausal: boolean;
}

class GPT2Attention extends Module {
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
    const merged = output.transpose(1, 2).reshape([output.size(0), output.size(2), -1]);
    return this.residDropout.forward(this.cProj.forward(merged));
  }
}

class GPT2MLP extends Module {
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

class GPT2Block extends Module {
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

/** What a GPT-2 takes beside the ids. */
export interface Gpt2Inputs extends OutputOptions {
  /** [batch, past + time], 1 = keep: padding, on either side, is 0. All tokens count if absent. */
  readonly attentionMask?: Tensor | null;
  /** Places [batch, time] or [time], int32; they go on behind the cache if absent. */
  readonly positionIds?: Tensor | null;
  /** One cache a layer: holds the keys and values of past tokens, and takes those of these. For inference only. */
  readonly caches?: readonly KeyValueCache[] | null;
}

/** What {@link GPT2Model} gives. */
export interface Gpt2ModelOutput extends ExtraOutputs {
  /** [batch, time, nEmbd]. */
  readonly lastHiddenState: Tensor;
}

/** What the classes of GPT-2 share. */
export abstract class GPT2PreTrainedModel extends PreTrainedModel<Gpt2Config> {
  static readonly configKind = gpt2ConfigKind;
  static readonly baseModelPrefix = 'transformer';
  /** The causal mask that old files hold as a buffer. */
  static readonly ignoredKeys = /(^|\.)attn\.(masked_)?bias$/;

  protected override initWeights(module: Module): void {
    super.initWeights(module);
    const { initializerRange: std, nLayer } = this.config;
    if (module instanceof Conv1D) {
      init.normal_(module.weight, 0, std);
      init.zeros_(module.bias);
    }
    // Two sums into the residual stream a layer: their weights start smaller (section 2.3 of the paper).
    if (module instanceof GPT2Attention || module instanceof GPT2MLP)
      init.normal_(module.cProj.weight, 0, std / Math.sqrt(2 * nLayer));
  }
}

/**
 * GPT-2's decoder, as [transformers.GPT2Model](https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2Model).
 *
 * @example
 * const model = new GPT2Model(gpt2Config({ vocabSize: 100, nPositions: 16, nEmbd: 16, nLayer: 2, nHead: 2 }));
 * const { lastHiddenState } = model.eval().forward(tensor([[2, 7, 3]], { dtype: 'int32' })); // [1, 3, 16]
 */
export class GPT2Model extends GPT2PreTrainedModel {
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly drop: Dropout;
  readonly h: ModuleList<GPT2Block>;
  readonly lnF: LayerNorm;

  constructor(config: Gpt2Config) {
    super(config);
    this.wte = init.skipInit(() => new Embedding(config.vocabSize, config.nEmbd));
    this.wpe = init.skipInit(() => new Embedding(config.nPositions, config.nEmbd));
    this.drop = new Dropout(config.embdPdrop);
    this.h = new ModuleList(Array.from({ length: config.nLayer }, (_, layer) => new GPT2Block(config, layer)));
    this.lnF = new LayerNorm(config.nEmbd, { eps: config.layerNormEpsilon });
    this.resetParameters();
  }

  override getInputEmbeddings(): Embedding {
    return this.wte;
  }

  /**
   * The states of a batch of tokens, behind those in the caches.
   *
   * @param inputIds [batch, time], int32.
   * @throws ArgumentError or ShapeError when inputs do not fit the model.
   */
  forward(
    inputIds: Tensor,
    { attentionMask, positionIds, caches, outputAttentions, outputHiddenStates }: Gpt2Inputs = {},
  ): Gpt2ModelOutput {
    const { nPositions, nLayer } = this.config;
    if (caches && caches.length !== nLayer)
      throw new ArgumentError(`GPT2Model: caches must be one a layer, ${nLayer}, got ${caches.length}`);
    const past = caches?.[0]?.length ?? 0;
    const [batch, time] = checkIds('GPT2Model', inputIds, nPositions - past);
    const positions = positionIds ? this.wpe.forward(positionIds) : this.wpe.weight.narrow(0, past, time);
    const seen = seenKeys(inputIds, attentionMask ?? null, batch, time, past);
    let hidden = this.drop.forward(this.wte.forward(inputIds).add(positions));
    const hiddenStates: Tensor[] = [hidden];
    const attentions: Tensor[] = [];
    for (const [layer, block] of [...this.h].entries()) {
      const cache = caches?.[layer] ?? null;
      if (outputAttentions) {
        const [next, weights] = block.forwardWithWeights(hidden, seen, cache);
        hidden = next;
        attentions.push(weights);
      } else hidden = block.forward(hidden, seen.mask, seen.isCausal, cache);
      if (layer < nLayer - 1) hiddenStates.push(hidden);
    }
    const lastHiddenState = this.lnF.forward(hidden);
    hiddenStates.push(lastHiddenState);
    return {
      lastHiddenState,
      ...(outputHiddenStates && { hiddenStates }),
      ...(outputAttentions && { attentions }),
    };
  }
}

/** Which of `past + time` keys each of `time` queries may see. */
function seenKeys(ids: Tensor, attentionMask: Tensor | null, batch: number, time: number, past: number): Seen {
  const keys = past + time;
  if (attentionMask && attentionMask.shape.join() !== [batch, keys].join())
    throw new ShapeError(
      `GPT2Model: attentionMask must be [batch, past + time] = [${batch}, ${keys}] (1 = keep), got [${attentionMask.shape.join(', ')}]`,
    );
  const kept =
    attentionMask && (attentionMask.dtype === 'bool' ? attentionMask : attentionMask.ne(0)).view([batch, 1, 1, keys]);
  // One query behind all keys sees them all; without a past the order is what `isCausal` means.
  if (time === 1) return { mask: kept, isCausal: false };
  if (past === 0) return { mask: kept, isCausal: true };
  const causal = ids.newArange(time).add(past).view([-1, 1]).ge(ids.newArange(keys));
  return { mask: kept ? kept.logicalAnd(causal) : causal, isCausal: false };
}

/** Inputs with labels: the ids themselves, -100 where nothing is to be predicted; the model shifts them. */
export interface Gpt2LabelledInputs extends Gpt2Inputs {
  readonly labels?: Tensor | null;
}

/** What a causal language model gives. */
export interface CausalLMOutput extends ExtraOutputs {
  /** Scores of the next word at every place, [batch, time, vocabSize]. */
  readonly logits: Tensor;
  /** The mean cross-entropy of each token from those before it, if labels were given. */
  readonly loss?: Tensor;
}

/**
 * GPT-2 that predicts the next word, as [transformers.GPT2LMHeadModel](https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2LMHeadModel).
 *
 * @example
 * const model = new GPT2LMHeadModel(gpt2Config({ vocabSize: 100, nPositions: 16, nEmbd: 16, nLayer: 2, nHead: 2 }));
 * const ids = tensor([[2, 7, 3]], { dtype: 'int32' });
 * const { logits, loss } = model.forward(ids, { labels: ids }); // logits [1, 3, 100]
 */
export class GPT2LMHeadModel extends GPT2PreTrainedModel {
  readonly transformer: GPT2Model;
  readonly lmHead: TiedLinear;

  constructor(config: Gpt2Config) {
    super(config);
    this.transformer = init.skipInit(() => new GPT2Model(config));
    const { nEmbd, vocabSize } = config;
    this.lmHead = new TiedLinear(
      config.tieWordEmbeddings ? this.transformer.wte.weight : new Parameter(zeros([vocabSize, nEmbd])),
    );
    this.resetParameters();
  }

  override getInputEmbeddings(): Embedding {
    return this.transformer.wte;
  }

  protected override initWeights(module: Module): void {
    super.initWeights(module);
    if (module instanceof TiedLinear && !this.config.tieWordEmbeddings)
      init.normal_(module.weight, 0, this.config.initializerRange);
  }

  /** @param inputIds [batch, time], int32. */
  forward(inputIds: Tensor, { labels, ...inputs }: Gpt2LabelledInputs = {}): CausalLMOutput {
    const output = this.transformer.forward(inputIds, inputs);
    const logits = this.lmHead.forward(output.lastHiddenState);
    const time = inputIds.size(1);
    if (labels && time < 2)
      throw new ShapeError('GPT2LMHeadModel: a loss needs at least two tokens: each is predicted from those before it');
    const loss = labels ? tokenLoss(logits.narrow(1, 0, time - 1), labels.narrow(1, 1, time - 1)) : null;
    return { logits, ...(loss && { loss }), ...extras(output) };
  }
}
