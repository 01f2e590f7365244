/** `DistilBertModel`: half of BERT's layers, no segments, no pooler; with the parameter names of the published checkpoints. */
import { Dropout, Embedding, init, LayerNorm, Linear, Module, ModuleList, sinusoidalTable } from '@course/nn';
import { attention, noGrad, scaledDotProductAttention, type Tensor } from '@course/tensor';
import { activation } from '../pretrained/activations.js';
import {
  broadcastMask,
  type ExtraOutputs,
  type OutputOptions,
  type ReadingOptions,
  runLayers,
} from '../pretrained/outputs.js';
import { checkIds, PreTrainedModel } from '../pretrained/pretrained-model.js';
import { type DistilBertConfig, distilBertConfigKind } from './config.js';

const NORM_EPS = 1e-12;

class Embeddings extends Module {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig) {
    super();
    const { padTokenId, vocabSize } = config;
    this.wordEmbeddings = new Embedding(vocabSize, config.dim, {
      paddingIdx: padTokenId >= 0 && padTokenId < vocabSize ? padTokenId : null,
    });
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, config.dim);
    this.LayerNorm = new LayerNorm(config.dim, { eps: NORM_EPS });
    this.dropout = new Dropout(config.dropout);
  }

  forward(inputIds: Tensor): Tensor {
    const positions = this.positionEmbeddings.weight.narrow(0, 0, inputIds.size(1));
    return this.dropout.forward(this.LayerNorm.forward(this.wordEmbeddings.forward(inputIds).add(positions)));
  }
}

class MultiHeadSelfAttention extends Module {
  readonly qLin: Linear;
  readonly kLin: Linear;
  readonly vLin: Linear;
  readonly outLin: Linear;
  readonly dropout: Dropout;

  constructor(
    config: DistilBertConfig,
    readonly heads = config.nHeads,
    readonly dim = config.dim,
  ) {
    super();
    this.qLin = new Linear(dim, dim);
    this.kLin = new Linear(dim, dim);
    this.vLin = new Linear(dim, dim);
    this.outLin = new Linear(dim, dim);
    this.dropout = new Dropout(config.attentionDropout);
  }

  forward(hidden: Tensor, mask: Tensor | null, wanted = hidden): Tensor {
    const [q, k, v] = this.#project(hidden, wanted);
    return this.#merge(scaledDotProductAttention(q, k, v, { mask, dropoutP: this.training ? this.dropout.p : 0 }));
  }

  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [output: Tensor, weights: Tensor] {
    const [q, k, v] = this.#project(hidden, hidden);
    const { output, weights } = attention(q, k, v, { mask, dropoutP: this.training ? this.dropout.p : 0 });
    return [this.#merge(output), weights];
  }

  #project(hidden: Tensor, wanted: Tensor): [Tensor, Tensor, Tensor] {
    const split = (x: Tensor): Tensor =>
      x.view([x.size(0), x.size(1), this.heads, this.dim / this.heads]).transpose(1, 2);
    return [split(this.qLin.forward(wanted)), split(this.kLin.forward(hidden)), split(this.vLin.forward(hidden))];
  }

  #merge(context: Tensor): Tensor {
    return this.outLin.forward(context.transpose(1, 2).reshape([context.size(0), context.size(2), this.dim]));
  }
}

class FFN extends Module {
  readonly lin1: Linear;
  readonly lin2: Linear;
  readonly dropout: Dropout;
  readonly activate: (x: Tensor) => Tensor;

  constructor(config: DistilBertConfig) {
    super();
    this.lin1 = new Linear(config.dim, config.hiddenDim);
    this.lin2 = new Linear(config.hiddenDim, config.dim);
    this.dropout = new Dropout(config.dropout);
    this.activate = activation(config.activation);
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.lin2.forward(this.activate(this.lin1.forward(x))));
  }
}

class TransformerBlock extends Module {
  readonly attention: MultiHeadSelfAttention;
  readonly saLayerNorm: LayerNorm;
  readonly ffn: FFN;
  readonly outputLayerNorm: LayerNorm;

  constructor(config: DistilBertConfig) {
    super();
    this.attention = new MultiHeadSelfAttention(config);
    this.saLayerNorm = new LayerNorm(config.dim, { eps: NORM_EPS });
    this.ffn = new FFN(config);
    this.outputLayerNorm = new LayerNorm(config.dim, { eps: NORM_EPS });
  }

  forward(hidden: Tensor, mask: Tensor | null, wanted = hidden): Tensor {
    return this.#rest(this.attention.forward(hidden, mask, wanted), wanted);
  }

  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [hidden: Tensor, weights: Tensor] {
    const [output, weights] = this.attention.forwardWithWeights(hidden, mask);
    return [this.#rest(output, hidden), weights];
  }

  #rest(attended: Tensor, hidden: Tensor): Tensor {
    const middle = this.saLayerNorm.forward(attended.add(hidden));
    return this.outputLayerNorm.forward(this.ffn.forward(middle).add(middle));
  }

  override isCheckpointable(): boolean {
    return true;
  }
}

class Transformer extends Module {
  readonly layer: ModuleList<TransformerBlock>;

  constructor(config: DistilBertConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.nLayers }, () => new TransformerBlock(config)));
  }
}

/** What a DistilBERT takes beside the ids. */
export interface DistilBertInputs extends OutputOptions, ReadingOptions {
  /** [batch, time], 1 = keep, or [batch, query, key]. All tokens count if absent. */
  readonly attentionMask?: Tensor | null;
}

/** What {@link DistilBertModel} gives. */
export interface BaseModelOutput extends ExtraOutputs {
  /** [batch, time, dim]. */
  readonly lastHiddenState: Tensor;
}

/** What the classes of DistilBERT share. */
export abstract class DistilBertPreTrainedModel extends PreTrainedModel<DistilBertConfig> {
  static readonly configKind = distilBertConfigKind;
  static readonly baseModelPrefix = 'distilbert';
  /** A table of places that old files hold. */
  static readonly ignoredKeys = /(^|\.)position_ids$/;

  /** The tables of embeddings and what belongs to them. */
  embeddingModules(): readonly Module[] {
    return this.baseModel.embeddingModules();
  }

  /** The layers, from the input on. */
  layers(): Iterable<Module> {
    return this.baseModel.layers();
  }
}

/**
 * DistilBERT's encoder, as [transformers.DistilBertModel](https://huggingface.co/docs/transformers/model_doc/distilbert#transformers.DistilBertModel).
 *
 * @example
 * const model = new DistilBertModel(distilBertConfig({ vocabSize: 100, dim: 16, nLayers: 2, nHeads: 2, hiddenDim: 32 }));
 * const { lastHiddenState } = model.eval().forward(tensor([[2, 7, 3]], { dtype: 'int32' })); // [1, 3, 16]
 */
export class DistilBertModel extends DistilBertPreTrainedModel {
  readonly embeddings: Embeddings;
  readonly transformer: Transformer;

  constructor(config: DistilBertConfig) {
    super(config);
    this.embeddings = init.skipInit(() => new Embeddings(config));
    this.transformer = init.skipInit(() => new Transformer(config));
    this.resetParameters();
    if (config.sinusoidalPosEmbds) {
      const { weight } = this.embeddings.positionEmbeddings;
      noGrad(() => weight.copy_(sinusoidalTable(config.maxPositionEmbeddings, config.dim)));
      weight.requiresGrad_(false);
    }
  }

  /** The tables of embeddings and what belongs to them. */
  override embeddingModules(): readonly Module[] {
    return [this.embeddings];
  }

  /** The layers, from the input on. */
  override layers(): Iterable<Module> {
    return this.transformer.layer;
  }

  override getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }

  /**
   * The states of a batch of tokens.
   *
   * @param inputIds [batch, time], int32.
   * @throws ArgumentError or ShapeError when inputs do not fit the model.
   */
  forward(inputIds: Tensor, { attentionMask, ...wanted }: DistilBertInputs = {}): BaseModelOutput {
    const [batch, time] = checkIds('DistilBertModel', inputIds, this.config.maxPositionEmbeddings);
    const mask = broadcastMask('DistilBertModel', attentionMask, batch, time);
    return runLayers(this.transformer.layer, this.embeddings.forward(inputIds), mask, wanted);
  }
}
