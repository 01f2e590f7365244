// What the examples that fine-tune have in common beside their models: tokenized rows, a learning rate, names of classes.
import type { Dataset, Tokenizer } from '@course/data';
import type { LabelledText } from '../texts/reviews.js';
import type { Classifier } from './figures.js';

/**
 * Rows with their tokens, 128 of them at most. The notebooks pad every row to the longest that the model reads; here padding is left to the
 * batch, which then is as long as its longest row.
 */
export function tokenized(dataset: Dataset<LabelledText>, tokenizer: Tokenizer) {
  return dataset.map(({ text, label }) => ({ ...tokenizer.encode(text, { truncation: true, maxLength: 128 }), label }));
}

/** The learning rate that suits a model: 5e-5 for BERT-base; one that is a few times narrower hardly moves in steps so small. */
export function learningRateFor(model: Classifier): number {
  return model.getInputEmbeddings().embeddingDim >= 512 ? 5e-5 : 5e-4;
}

/** What the classes are called. */
export function classNames(numLabels: number): string[] {
  if (numLabels === 2) return ['negative', 'positive'];
  return Array.from({ length: numLabels }, (_, i) => (numLabels === 5 ? `${i + 1}\u00a0★` : String(i)));
}
