/**
 * BERT's embeddings, layers and pooler, with the parameter names of the published checkpoints
 * (`encoder.layer.0.attention.self.query.weight`). Layers are post-norm: each half adds its input back and then normalises.
 */
import { Dropout, Embedding, LayerNorm, Linear, Module, ModuleList } from '@course/nn';
import { ArgumentError, attention, ShapeError, scaledDotProductAttention, type Tensor } from '@course/tensor';
import { activation } from '../pretrained/activations.js';
import type { BertConfig } from './config.js';

/** What BERT's embeddings are made from. */
export interface BertEmbeddingInputs {
  /** Segments [batch, time], int32; all 0 if absent. */
  readonly tokenTypeIds?: Tensor | null;
  /** Places [batch, time] or [time], int32; 0, 1, 2, … if absent. */
  readonly positionIds?: Tensor | null;
}

/** The sum of word, place and segment embeddings, normalised. */
export class BertEmbeddings extends Module {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: BertConfig) {
    super();
    const { hiddenSize, padTokenId, vocabSize } = config;
    this.wordEmbeddings = new Embedding(vocabSize, hiddenSize, {
      paddingIdx: padTokenId >= 0 && padTokenId < vocabSize ? padTokenId : null,
    });
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, hiddenSize);
    this.tokenTypeEmbeddings = new Embedding(config.typeVocabSize, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps: config.layerNormEps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  /** ids [batch, time] to [batch, time, hiddenSize]. */
  forward(inputIds: Tensor, { tokenTypeIds, positionIds }: BertEmbeddingInputs = {}): Tensor {
    if (tokenTypeIds && tokenTypeIds.shape.join() !== inputIds.shape.join())
      throw new ShapeError(
        `BertEmbeddings: tokenTypeIds must have the shape of inputIds, [${inputIds.shape.join(', ')}], got [${tokenTypeIds.shape.join(', ')}]`,
      );
    const positions = positionIds
      ? this.positionEmbeddings.forward(positionIds)
      : this.positionEmbeddings.weight.narrow(0, 0, inputIds.size(1));
    // One row for all tokens where there is one segment only.
    const segments = tokenTypeIds
      ? this.tokenTypeEmbeddings.forward(tokenTypeIds)
      : this.tokenTypeEmbeddings.weight.select(0, 0);
    const sum = this.wordEmbeddings.forward(inputIds).add(segments).add(positions);
    return this.dropout.forward(this.LayerNorm.forward(sum));
  }
}

class BertSelfAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dropout: Dropout;

  constructor(
    config: BertConfig,
    readonly heads = config.numAttentionHeads,
    readonly headDim = config.hiddenSize / config.numAttentionHeads,
  ) {
    super();
    this.query = new Linear(config.hiddenSize, config.hiddenSize);
    this.key = new Linear(config.hiddenSize, config.hiddenSize);
    this.value = new Linear(config.hiddenSize, config.hiddenSize);
    this.dropout = new Dropout(config.attentionProbsDropoutProb);
  }

  forward(hidden: Tensor, mask: Tensor | null, wanted = hidden): Tensor {
    const [q, k, v] = this.#project(hidden, wanted);
    return this.#merge(scaledDotProductAttention(q, k, v, { mask, dropoutP: this.#dropoutP() }));
  }

  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [context: Tensor, weights: Tensor] {
    const [q, k, v] = this.#project(hidden, hidden);
    const { output, weights } = attention(q, k, v, { mask, dropoutP: this.#dropoutP() });
    return [this.#merge(output), weights];
  }

  #dropoutP(): number {
    return this.training ? this.dropout.p : 0;
  }

  #project(hidden: Tensor, wanted: Tensor): [Tensor, Tensor, Tensor] {
    const split = (x: Tensor): Tensor => x.view([x.size(0), x.size(1), this.heads, this.headDim]).transpose(1, 2);
    return [split(this.query.forward(wanted)), split(this.key.forward(hidden)), split(this.value.forward(hidden))];
  }

  #merge(context: Tensor): Tensor {
    return context.transpose(1, 2).reshape([context.size(0), context.size(2), this.heads * this.headDim]);
  }
}

/** The end of each half of a layer: a projection, dropout, the input added back, a norm. */
class BertResidual extends Module {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: BertConfig, inFeatures: number) {
    super();
    this.dense = new Linear(inFeatures, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm.forward(this.dropout.forward(this.dense.forward(x)).add(residual));
  }
}

class BertAttention extends Module {
  readonly self: BertSelfAttention;
  readonly output: BertResidual;

  constructor(config: BertConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertResidual(config, config.hiddenSize);
  }

  forward(hidden: Tensor, mask: Tensor | null, wanted = hidden): Tensor {
    return this.output.forward(this.self.forward(hidden, mask, wanted), wanted);
  }

  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [hidden: Tensor, weights: Tensor] {
    const [context, weights] = this.self.forwardWithWeights(hidden, mask);
    return [this.output.forward(context, hidden), weights];
  }
}

class BertIntermediate extends Module {
  readonly dense: Linear;
  readonly activate: (x: Tensor) => Tensor;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.intermediateSize);
    this.activate = activation(config.hiddenAct);
  }

  forward(hidden: Tensor): Tensor {
    return this.activate(this.dense.forward(hidden));
  }
}

/** One layer of BERT: attention, then an MLP, each added to its input and normalised. */
export class BertLayer extends Module {
  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertResidual;

  constructor(config: BertConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertResidual(config, config.intermediateSize);
  }

  /**
   * hidden [batch, time, hiddenSize] to the same shape; `mask` is bool and broadcasts to [batch, heads, query, key], true = attend. Of the
   * tokens whose states are `wanted` alone, [batch, query, hiddenSize], where not all are.
   */
  forward(hidden: Tensor, mask: Tensor | null, wanted = hidden): Tensor {
    return this.#mlp(this.attention.forward(hidden, mask, wanted));
  }

  /** As `forward`, with the attention weights [batch, heads, query, key]. */
  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [hidden: Tensor, weights: Tensor] {
    const [attended, weights] = this.attention.forwardWithWeights(hidden, mask);
    return [this.#mlp(attended), weights];
  }

  #mlp(attended: Tensor): Tensor {
    return this.output.forward(this.intermediate.forward(attended), attended);
  }

  override isCheckpointable(): boolean {
    return true;
  }
}

/** The stack of layers. */
export class BertEncoder extends Module {
  readonly layer: ModuleList<BertLayer>;

  constructor(config: BertConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.numHiddenLayers }, () => new BertLayer(config)));
  }
}

/** The state of the first token through a linear layer and tanh: what stands for the whole text. */
export class BertPooler extends Module {
  readonly dense: Linear;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.hiddenSize);
  }

  /** hidden [batch, time, hiddenSize] to [batch, hiddenSize]. */
  forward(hidden: Tensor): Tensor {
    if (hidden.size(1) === 0) throw new ArgumentError('BertPooler: there is no first token');
    return this.dense.forward(hidden.select(1, 0)).tanh();
  }
}
