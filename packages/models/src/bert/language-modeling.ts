/** BERT's heads of pre-training: the masked word (MLM), the next sentence (NSP), and both. */
import { init, LayerNorm, Linear, Module, Parameter } from '@course/nn';
import { crossEntropy, type Tensor, zeros } from '@course/tensor';
import { activation } from '../pretrained/activations.js';
import { type ExtraOutputs, extras, tokenLoss } from '../pretrained/outputs.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import type { BertConfig } from './config.js';
import { type BertInputs, BertModel, BertPreTrainedModel } from './model.js';

class BertPredictionHeadTransform extends Module {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly activate: (x: Tensor) => Tensor;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    this.activate = activation(config.hiddenAct);
  }

  forward(hidden: Tensor): Tensor {
    return this.LayerNorm.forward(this.activate(this.dense.forward(hidden)));
  }
}

/** Scores of every word of the vocabulary. */
class BertLMPredictionHead extends Module {
  readonly bias: Parameter;
  readonly transform: BertPredictionHeadTransform;
  readonly decoder: TiedLinear;

  constructor(config: BertConfig, words: Parameter) {
    super();
    this.bias = new Parameter(zeros([config.vocabSize]));
    this.transform = new BertPredictionHeadTransform(config);
    const weight = config.tieWordEmbeddings ? words : new Parameter(zeros([config.vocabSize, config.hiddenSize]));
    this.decoder = new TiedLinear(weight, this.bias);
  }

  forward(hidden: Tensor): Tensor {
    return this.decoder.forward(this.transform.forward(hidden));
  }
}

class BertOnlyMLMHead extends Module {
  readonly predictions: BertLMPredictionHead;

  constructor(config: BertConfig, words: Parameter) {
    super();
    this.predictions = new BertLMPredictionHead(config, words);
  }
}

class BertOnlyNSPHead extends Module {
  readonly seqRelationship: Linear;

  constructor(config: BertConfig) {
    super();
    this.seqRelationship = new Linear(config.hiddenSize, 2);
  }
}

class BertPreTrainingHeads extends Module {
  readonly predictions: BertLMPredictionHead;
  readonly seqRelationship: Linear;

  constructor(config: BertConfig, words: Parameter) {
    super();
    this.predictions = new BertLMPredictionHead(config, words);
    this.seqRelationship = new Linear(config.hiddenSize, 2);
  }
}

/** What the classes with a decoder over the vocabulary share. */
abstract class BertWithDecoder extends BertPreTrainedModel {
  abstract readonly cls: Module & { readonly predictions: BertLMPredictionHead };

  override getOutputEmbeddings(): TiedLinear {
    return this.cls.predictions.decoder;
  }

  protected override initWeights(module: Module): void {
    super.initWeights(module);
    // A decoder that is not tied has a matrix of its own.
    if (module instanceof TiedLinear && !this.config.tieWordEmbeddings)
      init.normal_(module.weight, 0, this.config.initializerRange);
  }
}

/** What a masked language model gives. */
export interface MaskedLMOutput extends ExtraOutputs {
  /** Scores of every word at every place, [batch, time, vocabSize]. */
  readonly logits: Tensor;
  /** The mean cross-entropy over labels other than -100, if labels were given. */
  readonly loss?: Tensor;
}

/** Inputs with labels. */
export interface BertLabelledInputs extends BertInputs {
  readonly labels?: Tensor | null;
}

/**
 * BERT that predicts masked words, as [transformers.BertForMaskedLM](https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertForMaskedLM).
 *
 * @example
 * const model = new BertForMaskedLM(bertConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32 }));
 * const { logits } = model.eval().forward(tensor([[2, 4, 3]], { dtype: 'int32' })); // [1, 3, 100]
 */
export class BertForMaskedLM extends BertWithDecoder {
  readonly bert: BertModel;
  readonly cls: BertOnlyMLMHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config, { addPoolingLayer: false }));
    this.cls = new BertOnlyMLMHead(config, this.bert.embeddings.wordEmbeddings.weight);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.bert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32; labels likewise, -100 where no word is to be predicted.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): MaskedLMOutput {
    const output = this.bert.forward(inputIds, inputs);
    const logits = this.cls.predictions.forward(output.lastHiddenState);
    return { logits, ...(labels && { loss: tokenLoss(logits, labels) }), ...extras(output) };
  }
}

/** What a next-sentence model gives. */
export interface NextSentenceOutput extends ExtraOutputs {
  /** [batch, 2], for the second text following the first (0) and for being any other (1). */
  readonly logits: Tensor;
  readonly loss?: Tensor;
}

/** BERT that judges whether one text follows the other, as `transformers.BertForNextSentencePrediction`. Labels are [batch]: 0 = it follows. */
export class BertForNextSentencePrediction extends BertPreTrainedModel {
  readonly bert: BertModel;
  readonly cls: BertOnlyNSPHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config));
    this.cls = new BertOnlyNSPHead(config);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.bert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): NextSentenceOutput {
    const output = this.bert.forward(inputIds, { ...inputs, firstTokenOnly: !this.training });
    const logits = this.cls.seqRelationship.forward(output.poolerOutput ?? output.lastHiddenState.select(1, 0));
    return { logits, ...(labels && { loss: crossEntropy(logits, labels) }), ...extras(output) };
  }
}

/** Inputs of {@link BertForPreTraining}. */
export interface BertPreTrainingInputs extends BertLabelledInputs {
  /** [batch], 0 = the second text follows the first. */
  readonly nextSentenceLabel?: Tensor | null;
}

/** What {@link BertForPreTraining} gives. */
export interface BertPreTrainingOutput extends ExtraOutputs {
  /** [batch, time, vocabSize]. */
  readonly predictionLogits: Tensor;
  /** [batch, 2]. */
  readonly seqRelationshipLogits: Tensor;
  /** The sum of both losses, if both kinds of label were given. */
  readonly loss?: Tensor;
}

/** BERT with both heads of its pre-training, as `transformers.BertForPreTraining`. */
export class BertForPreTraining extends BertWithDecoder {
  readonly bert: BertModel;
  readonly cls: BertPreTrainingHeads;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config));
    this.cls = new BertPreTrainingHeads(config, this.bert.embeddings.wordEmbeddings.weight);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.bert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(
    inputIds: Tensor,
    { labels, nextSentenceLabel, ...inputs }: BertPreTrainingInputs = {},
  ): BertPreTrainingOutput {
    const output = this.bert.forward(inputIds, inputs);
    const predictionLogits = this.cls.predictions.forward(output.lastHiddenState);
    const pooled = output.poolerOutput ?? output.lastHiddenState.select(1, 0);
    const seqRelationshipLogits = this.cls.seqRelationship.forward(pooled);
    const loss =
      labels && nextSentenceLabel
        ? tokenLoss(predictionLogits, labels).add(crossEntropy(seqRelationshipLogits, nextSentenceLabel))
        : null;
    return { predictionLogits, seqRelationshipLogits, ...(loss && { loss }), ...extras(output) };
  }
}
