// Exercise 10 of the class and the optional one of lesson 3, to be filled in. Run it: npm run example best-performance -- --exercise
import type { Dataset } from '@course/data';
import type { TrainingArguments } from '@course/nn';
import { gap } from '../course/gap.js';
import type { Classifier } from '../fine-tuning/figures.js';
import type { LabelledText } from '../texts/reviews.js';

/** Which rows to learn from. */
export function trainingRows(all: Dataset<LabelledText>): Dataset<LabelledText> {
  return gap('trainingRows', `a thousand of ${all.length} rows are few`);
}

/** How to learn. */
export function trainingArguments(model: Classifier): TrainingArguments {
  return gap(
    'trainingArguments',
    `epochs, batch size, learning rate, its schedule and warm-up, decay, early stopping for ${model.numParameters()} parameters`,
  );
}
