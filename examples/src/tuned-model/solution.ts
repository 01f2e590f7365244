// The exercise of lesson 3 about a model that somebody else has trained, filled in.
import type { Dataset, Tokenizer } from '@course/data';
import { noGrad, scope } from '@course/tensor';
import type { Classifier } from '../fine-tuning/figures.js';
import type { LabelledText } from '../texts/reviews.js';

/** How many rows the model judges right. It reads what its own tokenizer makes of them. */
export async function countRight(
  model: Classifier,
  tokenizer: Tokenizer,
  rows: Dataset<LabelledText>,
): Promise<number> {
  model.eval();
  let right = 0;
  for (const { text, label } of rows.batch(64)) {
    const batch = tokenizer.encodeBatch(text, { padding: 'longest', truncation: true, maxLength: 128 }).toTensors();
    const classes = noGrad(() =>
      scope(() => model.forward(batch.inputIds, { attentionMask: batch.attentionMask }).logits.argmax(-1)),
    );
    const guesses = (await classes.toArray()) as number[];
    right += guesses.filter((guess, i) => guess === label[i]).length;
  }
  return right;
}
