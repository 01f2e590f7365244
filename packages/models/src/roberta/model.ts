/**
 * RoBERTa: BERT trained longer and on more, with a byte-level vocabulary. What differs in the model is that places are counted from behind
 * the number of the padding token, over real tokens alone, and the heads.
 */
import { type Embedding, init, LayerNorm, Linear, Module, Parameter } from '@course/nn';
import { type Tensor, zeros } from '@course/tensor';
import { type ClassifierOutput, dropoutOf } from '../bert/classification.js';
import type { BertLabelledInputs, MaskedLMOutput } from '../bert/language-modeling.js';
import { BertModel, BertPreTrainedModel } from '../bert/model.js';
import { labelNames } from '../pretrained/config.js';
import { classificationLoss, extras, tokenLoss } from '../pretrained/outputs.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import { type RobertaConfig, robertaConfigKind } from './config.js';

/**
 * RoBERTa's encoder, as [transformers.RobertaModel](https://huggingface.co/docs/transformers/model_doc/roberta#transformers.RobertaModel).
 *
 * @example
 * const model = new RobertaModel(robertaConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 32 }));
 * const { lastHiddenState } = model.eval().forward(tensor([[0, 7, 2]], { dtype: 'int32' })); // [1, 3, 16]
 */
export class RobertaModel extends BertModel {
  static override readonly configKind = robertaConfigKind;
  static override readonly baseModelPrefix: string = 'roberta';

  /** The longest sequence, in tokens: the first rows of the table of places stand for none. */
  override get longestInput(): number {
    return this.config.maxPositionEmbeddings - this.config.padTokenId - 1;
  }

  /** padTokenId + 1, + 2, … for real tokens, padTokenId for padding. */
  protected override placesOf(inputIds: Tensor): Tensor {
    const { padTokenId } = this.config;
    const real = inputIds.ne(padTokenId).to('int32');
    return real.cumsum(1).mul(real).add(padTokenId);
  }
}

/** What the classes of RoBERTa with a head share. */
abstract class RobertaWithHead extends BertPreTrainedModel {
  static override readonly configKind = robertaConfigKind;
  static override readonly baseModelPrefix: string = 'roberta';
  abstract readonly roberta: RobertaModel;

  /** The longest sequence, in tokens. */
  get longestInput(): number {
    return this.roberta.longestInput;
  }

  override getInputEmbeddings(): Embedding {
    return this.roberta.getInputEmbeddings();
  }
}

/** Scores of every word of the vocabulary. */
class RobertaLMHead extends Module {
  readonly dense: Linear;
  readonly layerNorm: LayerNorm;
  readonly bias: Parameter;
  readonly decoder: TiedLinear;

  constructor(config: RobertaConfig, words: Parameter) {
    super();
    const { hiddenSize, vocabSize, tieWordEmbeddings } = config;
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.layerNorm = new LayerNorm(hiddenSize, { eps: config.layerNormEps });
    this.bias = new Parameter(zeros([vocabSize]));
    const weight = tieWordEmbeddings ? words : new Parameter(zeros([vocabSize, hiddenSize]));
    this.decoder = new TiedLinear(weight, this.bias);
  }

  forward(hidden: Tensor): Tensor {
    return this.decoder.forward(this.layerNorm.forward(this.dense.forward(hidden).gelu()));
  }
}

/**
 * RoBERTa that predicts masked words, as [transformers.RobertaForMaskedLM](https://huggingface.co/docs/transformers/model_doc/roberta#transformers.RobertaForMaskedLM).
 *
 * @example
 * const model = new RobertaForMaskedLM(robertaConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32 }));
 * const { logits } = model.eval().forward(tensor([[0, 4, 2]], { dtype: 'int32' })); // [1, 3, 100]
 */
export class RobertaForMaskedLM extends RobertaWithHead {
  readonly roberta: RobertaModel;
  readonly lmHead: RobertaLMHead;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = init.skipInit(() => new RobertaModel(config, { addPoolingLayer: false }));
    this.lmHead = new RobertaLMHead(config, this.roberta.embeddings.wordEmbeddings.weight);
    this.resetParameters();
  }

  override getOutputEmbeddings(): TiedLinear {
    return this.lmHead.decoder;
  }

  protected override initWeights(module: Module): void {
    super.initWeights(module);
    // A decoder that is not tied has a matrix of its own.
    if (module instanceof TiedLinear && !this.config.tieWordEmbeddings)
      init.normal_(module.weight, 0, this.config.initializerRange);
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32; labels likewise, -100 where no word is to be predicted.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): MaskedLMOutput {
    const output = this.roberta.forward(inputIds, inputs);
    const logits = this.lmHead.forward(output.lastHiddenState);
    return { logits, ...(labels && { loss: tokenLoss(logits, labels) }), ...extras(output) };
  }
}

/** A classifier over the state of the first token. */
class RobertaClassificationHead extends Module {
  readonly dense: Linear;
  readonly dropout;
  readonly outProj: Linear;

  constructor(config: RobertaConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.hiddenSize);
    this.dropout = dropoutOf(config);
    this.outProj = new Linear(config.hiddenSize, labelNames(config).length);
  }

  forward(hidden: Tensor): Tensor {
    const inner = this.dense.forward(this.dropout.forward(hidden.select(1, 0))).tanh();
    return this.outProj.forward(this.dropout.forward(inner));
  }
}

/**
 * RoBERTa with a classifier of texts over its first token, as
 * [transformers.RobertaForSequenceClassification](https://huggingface.co/docs/transformers/model_doc/roberta#transformers.RobertaForSequenceClassification).
 * Labels are as for {@link BertForSequenceClassification}.
 */
export class RobertaForSequenceClassification extends RobertaWithHead {
  readonly roberta: RobertaModel;
  readonly classifier: RobertaClassificationHead;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = init.skipInit(() => new RobertaModel(config, { addPoolingLayer: false }));
    this.classifier = new RobertaClassificationHead(config);
    this.resetParameters();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): ClassifierOutput {
    const output = this.roberta.forward(inputIds, { ...inputs, firstTokenOnly: !this.training });
    const logits = this.classifier.forward(output.lastHiddenState);
    return { logits, ...(labels && { loss: classificationLoss(this.config, logits, labels) }), ...extras(output) };
  }
}
