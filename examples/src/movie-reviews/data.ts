// The reviews of lecture 8: those of IMDb from a folder, or written ones. Every example about reviews gets them here.
import { Dataset, loadDataset } from '@course/data';
import type { Lesson } from '../course/lesson.js';
import { type Review, writeReviews } from './writer.js';

/** Reviews to learn from, and others to see whether it worked. */
export interface Reviews {
  readonly train: Dataset<Review>;
  readonly test: Dataset<Review>;
}

/**
 * The reviews of `--data`, a folder with `train_5k.jsonl` and `test_5k.jsonl` (a row: `{ "text": …, "label": 0 or 1 }`), in random order;
 * without it, written ones.
 */
export async function loadReviews(lesson: Lesson, seed: number): Promise<Reviews> {
  const { data, quick } = lesson.options;
  const [learn, judge] = quick ? [320, 160] : [4000, 1000];
  if (data === undefined) {
    lesson.say(`${learn} written reviews to learn from, ${judge} to judge (--data FOLDER takes those of IMDb)\n`);
    const all = Dataset.fromRows(writeReviews(learn + judge, 8));
    return { train: all.take(learn), test: all.skip(learn) };
  }
  const { train, test } = await loadDataset<Review>('json', {
    dataFiles: { train: `${data}/train_5k.jsonl`, test: `${data}/test_5k.jsonl` },
    fields: ['text', 'label'],
    check: ({ text, label }) =>
      typeof text === 'string' && (label === 0 || label === 1)
        ? undefined
        : 'a row must be a text and a label of 0 or 1',
  });
  const all = { train: train.shuffle({ seed }), test };
  lesson.say(`${all.train.length} reviews to learn from, ${all.test.length} to judge, from ${data}\n`);
  return quick ? { train: all.train.take(learn), test: all.test.take(judge) } : all;
}
