/** The pipeline that gives texts a label: `sentiment-analysis` and `text-classification`. */
import type { TextOrPair, Tokenizer } from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import { labelNames } from '../pretrained/config.js';
import {
  batchSizeOf,
  checkVocabulary,
  inBatches,
  listOf,
  longestInput,
  type PipelineModel,
  type PipelineOptions,
  type PipelineParts,
  softmaxOf,
  type TokenInputs,
  withParts,
} from './common.js';

/** A model that gives logits [batch, labels]. */
export interface SequenceClassifier extends PipelineModel {
  forward(inputIds: Tensor, inputs: TokenInputs): { readonly logits: Tensor };
}

/** A label with its probability. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** Options of a call. */
export interface TextClassificationOptions extends PipelineOptions {
  /** Give the k best labels of each text; null: all. Without it, the best one. */
  readonly topK?: number | null;
  /** What makes scores of logits; by default sigmoid where several labels may hold or there is one, else softmax. */
  readonly functionToApply?: 'softmax' | 'sigmoid' | 'none';
}

/**
 * Gives texts a label. One text gives a list of labels; several give the best label of each, or with `topK` a list of labels each. A text
 * and its pair are given as `[text, pair]` inside a list.
 */
export interface TextClassificationPipeline extends PipelineParts<SequenceClassifier> {
  (text: string, options?: TextClassificationOptions): Promise<LabelScore[]>;
  (
    texts: readonly TextOrPair[],
    options: TextClassificationOptions & { readonly topK: number | null },
  ): Promise<LabelScore[][]>;
  (
    texts: readonly TextOrPair[],
    options?: TextClassificationOptions & { readonly topK?: undefined },
  ): Promise<LabelScore[]>;
}

/** Makes the pipeline from a classifier and its tokenizer. */
export function textClassification(
  model: SequenceClassifier,
  tokenizer: Tokenizer,
  defaults: TextClassificationOptions = {},
): TextClassificationPipeline {
  const task = 'text-classification';
  checkVocabulary(task, model, tokenizer);
  const labels = labelNames(model.config);
  const call = async (
    input: string | readonly TextOrPair[],
    given: TextClassificationOptions = {},
  ): Promise<LabelScore[] | LabelScore[][]> => {
    const options = { ...defaults, ...given };
    const { topK } = options;
    if (topK !== undefined && topK !== null && !(Number.isInteger(topK) && topK >= 1))
      throw new ArgumentError(`${task}: topK must be a whole number of at least 1 or null, got ${topK}`);
    const score = scoring(options.functionToApply, model, labels.length);
    const texts = listOf(task, input);
    const results: LabelScore[][] = texts.map(() => []);
    const batches = inBatches(texts, {
      tokenizer,
      model,
      batchSize: batchSizeOf(task, options),
      encode: { truncation: true, maxLength: longestInput(model, tokenizer) },
      run: (inputIds, inputs) => [model.forward(inputIds, inputs).logits],
    });
    for await (const { places, outputs } of batches) {
      const data = outputs[0]?.data ?? [];
      for (const [row, place] of places.entries()) {
        const scores = score(Array.from(data.slice(row * labels.length, (row + 1) * labels.length)));
        const ranked = labels.map((label, id) => ({ label, score: scores[id] ?? 0 }));
        ranked.sort((a, b) => b.score - a.score);
        results[place] = topK === null ? ranked : ranked.slice(0, topK ?? 1);
      }
    }
    if (typeof input === 'string') return results[0] ?? [];
    return topK === undefined ? results.flat() : results;
  };
  return withParts(call, task, model, tokenizer) as TextClassificationPipeline;
}

function scoring(
  name: TextClassificationOptions['functionToApply'],
  model: SequenceClassifier,
  labels: number,
): (logits: readonly number[]) => readonly number[] {
  const { problemType } = model.config;
  const chosen =
    name ??
    (problemType === 'regression'
      ? 'none'
      : problemType === 'multi_label_classification' || labels === 1
        ? 'sigmoid'
        : 'softmax');
  switch (chosen) {
    case 'softmax':
      return softmaxOf;
    case 'sigmoid':
      return (logits) => logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    case 'none':
      return (logits) => logits;
    default:
      throw new ArgumentError(
        `text-classification: functionToApply must be 'softmax', 'sigmoid' or 'none', got '${String(chosen)}'`,
      );
  }
}
