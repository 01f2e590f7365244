/** DistilBERT's heads: the masked word, a class for the text, one for each token, and the span that answers a question. */
import { Dropout, init, LayerNorm, Linear, type Module, Parameter } from '@course/nn';
import { type Tensor, zeros } from '@course/tensor';
import {
  answerOf,
  type ClassifierOutput,
  type QuestionAnsweringOutput,
  type SpanLabels,
} from '../bert/classification.js';
import type { MaskedLMOutput } from '../bert/language-modeling.js';
import { activation } from '../pretrained/activations.js';
import { labelNames } from '../pretrained/config.js';
import { classificationLoss, extras, tokenLoss } from '../pretrained/outputs.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import type { DistilBertConfig } from './config.js';
import { type DistilBertInputs, DistilBertModel, DistilBertPreTrainedModel } from './model.js';

/** Inputs with labels. */
export interface DistilBertLabelledInputs extends DistilBertInputs {
  readonly labels?: Tensor | null;
}

/** DistilBERT that predicts masked words, as `transformers.DistilBertForMaskedLM`. */
export class DistilBertForMaskedLM extends DistilBertPreTrainedModel {
  readonly distilbert: DistilBertModel;
  readonly vocabTransform: Linear;
  readonly vocabLayerNorm: LayerNorm;
  readonly vocabProjector: TiedLinear;
  /** The activation of the transformation. */
  readonly activate: (x: Tensor) => Tensor;

  constructor(config: DistilBertConfig) {
    super(config);
    const { dim, vocabSize } = config;
    this.distilbert = init.skipInit(() => new DistilBertModel(config));
    this.vocabTransform = new Linear(dim, dim);
    this.vocabLayerNorm = new LayerNorm(dim, { eps: 1e-12 });
    const words = this.distilbert.embeddings.wordEmbeddings.weight;
    const weight = config.tieWordEmbeddings ? words : new Parameter(zeros([vocabSize, dim]));
    this.vocabProjector = new TiedLinear(weight, new Parameter(zeros([vocabSize])));
    this.activate = activation(config.activation);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.distilbert.getInputEmbeddings();
  }

  override getOutputEmbeddings(): TiedLinear {
    return this.vocabProjector;
  }

  protected override initWeights(module: Module): void {
    super.initWeights(module);
    if (module instanceof TiedLinear && !this.config.tieWordEmbeddings)
      init.normal_(module.weight, 0, this.config.initializerRange);
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32; labels likewise, -100 where no word is to be predicted.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: DistilBertLabelledInputs = {}): MaskedLMOutput {
    const output = this.distilbert.forward(inputIds, inputs);
    const transformed = this.vocabLayerNorm.forward(this.activate(this.vocabTransform.forward(output.lastHiddenState)));
    const logits = this.vocabProjector.forward(transformed);
    return { logits, ...(labels && { loss: tokenLoss(logits, labels) }), ...extras(output) };
  }
}

/** DistilBERT with a classifier of texts over its first token, as `transformers.DistilBertForSequenceClassification`. */
export class DistilBertForSequenceClassification extends DistilBertPreTrainedModel {
  readonly distilbert: DistilBertModel;
  readonly preClassifier: Linear;
  readonly classifier: Linear;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = init.skipInit(() => new DistilBertModel(config));
    this.preClassifier = new Linear(config.dim, config.dim);
    this.classifier = new Linear(config.dim, labelNames(config).length);
    this.dropout = new Dropout(config.seqClassifDropout);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.distilbert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32; labels as for {@link BertForSequenceClassification}.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: DistilBertLabelledInputs = {}): ClassifierOutput {
    const output = this.distilbert.forward(inputIds, { ...inputs, firstTokenOnly: !this.training });
    const pooled = this.preClassifier.forward(output.lastHiddenState.select(1, 0)).relu();
    const logits = this.classifier.forward(this.dropout.forward(pooled));
    return { logits, ...(labels && { loss: classificationLoss(this.config, logits, labels) }), ...extras(output) };
  }
}

/** DistilBERT with a classifier of tokens, as `transformers.DistilBertForTokenClassification`. Labels are [batch, time], -100 does not count. */
export class DistilBertForTokenClassification extends DistilBertPreTrainedModel {
  readonly distilbert: DistilBertModel;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = init.skipInit(() => new DistilBertModel(config));
    this.dropout = new Dropout(config.dropout);
    this.classifier = new Linear(config.dim, labelNames(config).length);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.distilbert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: DistilBertLabelledInputs = {}): ClassifierOutput {
    const output = this.distilbert.forward(inputIds, inputs);
    const logits = this.classifier.forward(this.dropout.forward(output.lastHiddenState));
    return { logits, ...(labels && { loss: tokenLoss(logits, labels) }), ...extras(output) };
  }
}

/** DistilBERT that finds the answer to a question in a text, as `transformers.DistilBertForQuestionAnswering`. */
export class DistilBertForQuestionAnswering extends DistilBertPreTrainedModel {
  readonly distilbert: DistilBertModel;
  readonly qaOutputs: Linear;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = init.skipInit(() => new DistilBertModel(config));
    this.qaOutputs = new Linear(config.dim, 2);
    this.dropout = new Dropout(config.qaDropout);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.distilbert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32: question and text as a pair.
   */
  forward(
    inputIds: Tensor,
    { startPositions, endPositions, ...inputs }: DistilBertInputs & SpanLabels = {},
  ): QuestionAnsweringOutput {
    const output = this.distilbert.forward(inputIds, inputs);
    const logits = this.qaOutputs.forward(this.dropout.forward(output.lastHiddenState));
    return { ...answerOf(logits, startPositions, endPositions), ...extras(output) };
  }
}
