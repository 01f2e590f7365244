/** BERT's heads of fine-tuning: a class for the text, one for each token, and the span that answers a question. */
import { Dropout, init, Linear } from '@course/nn';
import type { Tensor } from '@course/tensor';
import { labelNames } from '../pretrained/config.js';
import { classificationLoss, type ExtraOutputs, extras, spanLoss, tokenLoss } from '../pretrained/outputs.js';
import type { BertConfig } from './config.js';
import type { BertLabelledInputs } from './language-modeling.js';
import { type BertInputs, BertModel, BertPreTrainedModel } from './model.js';

/** What a classifier gives. */
export interface ClassifierOutput extends ExtraOutputs {
  /** [batch, labels], or [batch, time, labels] of a token classifier. */
  readonly logits: Tensor;
  /** If labels were given. */
  readonly loss?: Tensor;
}

/** The dropout before a classifier. */
export const dropoutOf = (config: BertConfig): Dropout =>
  new Dropout(config.classifierDropout ?? config.hiddenDropoutProb);

/**
 * BERT with a linear classifier over its pooled state, as
 * [transformers.BertForSequenceClassification](https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertForSequenceClassification).
 * Labels are class numbers [batch]; numbers where there is one class (regression); 0s and 1s [batch, labels] where several may hold.
 *
 * @example
 * const config = bertConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32, numLabels: 3 });
 * const { logits, loss } = new BertForSequenceClassification(config).forward(tensor([[2, 7, 3]], { dtype: 'int32' }), { labels: tensor([1], { dtype: 'int32' }) });
 */
export class BertForSequenceClassification extends BertPreTrainedModel {
  readonly bert: BertModel;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config));
    this.dropout = dropoutOf(config);
    this.classifier = new Linear(config.hiddenSize, labelNames(config).length);
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
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): ClassifierOutput {
    // In training all states are computed, so that dropout draws as it does elsewhere.
    const output = this.bert.forward(inputIds, { ...inputs, firstTokenOnly: !this.training });
    const pooled = output.poolerOutput ?? output.lastHiddenState.select(1, 0);
    const logits = this.classifier.forward(this.dropout.forward(pooled));
    return { logits, ...(labels && { loss: classificationLoss(this.config, logits, labels) }), ...extras(output) };
  }
}

/** BERT with a linear classifier over every token, as `transformers.BertForTokenClassification`. Labels are [batch, time], -100 does not count. */
export class BertForTokenClassification extends BertPreTrainedModel {
  readonly bert: BertModel;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config, { addPoolingLayer: false }));
    this.dropout = dropoutOf(config);
    this.classifier = new Linear(config.hiddenSize, labelNames(config).length);
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
  forward(inputIds: Tensor, { labels, ...inputs }: BertLabelledInputs = {}): ClassifierOutput {
    const output = this.bert.forward(inputIds, inputs);
    const logits = this.classifier.forward(this.dropout.forward(output.lastHiddenState));
    return { logits, ...(labels && { loss: tokenLoss(logits, labels) }), ...extras(output) };
  }
}

/** The ends of an answer, for its loss. */
export interface SpanLabels {
  /** The first token of the answer, [batch], int32. Places outside the text do not count. */
  readonly startPositions?: Tensor | null;
  /** The last token of the answer, [batch], int32. */
  readonly endPositions?: Tensor | null;
}

/** What a model that answers questions gives. */
export interface QuestionAnsweringOutput extends ExtraOutputs {
  /** How well the answer begins at each token, [batch, time]. */
  readonly startLogits: Tensor;
  /** How well the answer ends at each token, [batch, time]. */
  readonly endLogits: Tensor;
  readonly loss?: Tensor;
}

/** BERT that finds the answer to a question in a text, as `transformers.BertForQuestionAnswering`. */
export class BertForQuestionAnswering extends BertPreTrainedModel {
  readonly bert: BertModel;
  readonly qaOutputs: Linear;

  constructor(config: BertConfig) {
    super(config);
    this.bert = init.skipInit(() => new BertModel(config, { addPoolingLayer: false }));
    this.qaOutputs = new Linear(config.hiddenSize, 2);
    this.resetParameters();
  }

  override getInputEmbeddings() {
    return this.bert.getInputEmbeddings();
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32: question and text as a pair.
   */
  forward(
    inputIds: Tensor,
    { startPositions, endPositions, ...inputs }: BertInputs & SpanLabels = {},
  ): QuestionAnsweringOutput {
    const output = this.bert.forward(inputIds, inputs);
    return {
      ...answerOf(this.qaOutputs.forward(output.lastHiddenState), startPositions, endPositions),
      ...extras(output),
    };
  }
}

/** The two columns of logits [batch, time, 2] as the ends of a span, with its loss. */
export function answerOf(
  logits: Tensor,
  startPositions: Tensor | null | undefined,
  endPositions: Tensor | null | undefined,
): QuestionAnsweringOutput {
  const [startLogits, endLogits] = [logits.select(-1, 0), logits.select(-1, 1)];
  const loss = startPositions && endPositions ? spanLoss(startLogits, endLogits, startPositions, endPositions) : null;
  return { startLogits, endLogits, ...(loss && { loss }) };
}
