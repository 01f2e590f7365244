// The exercise of lesson 3 about a model that somebody else has trained, to be filled in. Run it: npm run example tuned-model -- --exercise
import type { Dataset, Tokenizer } from '@course/data';
import { gap } from '../course/gap.js';
import type { Classifier } from '../fine-tuning/figures.js';
import type { LabelledText } from '../texts/reviews.js';

/** How many rows the model judges right. It reads what its own tokenizer makes of them. */
export function countRight(model: Classifier, tokenizer: Tokenizer, rows: Dataset<LabelledText>): Promise<number> {
  return gap(
    'countRight',
    `batches of the ${rows.length} rows through the tokenizer (${tokenizer.vocabSize} tokens) and ${model.constructor.name}, the largest logit of each`,
  );
}
