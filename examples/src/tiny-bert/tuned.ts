// A classifier of sentiment that is ready for use: that of `--model`, or a tiny one, pre-trained and fine-tuned for a moment.
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { Trainer } from '@course/nn';
import type { Lesson } from '../course/lesson.js';
import { tokenized } from '../fine-tuning/training.js';
import type { LabelledTexts } from '../texts/reviews.js';
import { pretrainedFor } from './pretrained.js';
import { progressOn } from './progress.js';

/** The folders (or hub ids) of a classifier and of the model that it was made from. */
export async function tunedFor(
  lesson: Lesson,
  { train }: Pick<LabelledTexts, 'train'>,
): Promise<{ pretrained: string; tuned: string }> {
  const { options } = lesson;
  const pretrained = await pretrainedFor(lesson, 'bert', train.column('text'));
  if (options.model !== undefined) return { pretrained, tuned: options.model };
  const tokenizer = await AutoTokenizer.fromPretrained(pretrained);
  lesson.seed(1);
  const model = await AutoModelForSequenceClassification.fromPretrained(pretrained, {
    config: { id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' } },
    onReport: () => undefined,
  });
  const trainer = new Trainer({
    model,
    tokenizer,
    args: {
      maxSteps: options.quick ? 1 : 300,
      perDeviceTrainBatchSize: options.quick ? 8 : 32,
      learningRate: 1e-3,
      warmupRatio: 0.1,
      loggingSteps: 10,
      disableTqdm: true,
      seed: 1,
    },
    trainDataset: await tokenized(train, tokenizer),
    callbacks: [progressOn(lesson, 'Fine-tuning')],
  });
  await trainer.train();
  lesson.say();
  const tuned = `${lesson.folder}/tuned`;
  await model.savePretrained(tuned, { tokenizer });
  model.dispose();
  return { pretrained, tuned };
}
