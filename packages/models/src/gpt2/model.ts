/**
 * GPT-2 without a head. No token sees a later one; keys and values of past tokens may be kept in caches, so that a further token costs only
 * its own work.
 */
import { Dropout, Embedding, init, type KeyValueCache, LayerNorm, type Module, ModuleList } from '@course/nn';
import { ArgumentError, ShapeError, type Tensor } from '@course/tensor';
import type { ExtraOutputs, OutputOptions } from '../pretrained/outputs.js';
import { checkIds, PreTrainedModel } from '../pretrained/pretrained-model.js';
import { type Gpt2Config, gpt2ConfigKind } from './config.js';
import { Conv1D, GPT2Attention, GPT2Block, GPT2MLP, type Seen } from './layers.js';

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

  /** The tables of embeddings and what belongs to them. */
  embeddingModules(): readonly Module[] {
    return this.baseModel.embeddingModules();
  }

  /** The layers, from the input on. */
  layers(): Iterable<Module> {
    return this.baseModel.layers();
  }

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

  /** The tables of embeddings and what belongs to them. */
  override embeddingModules(): readonly Module[] {
    return [this.wte, this.wpe];
  }

  /** The layers, from the input on. */
  override layers(): Iterable<Module> {
    return this.h;
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
