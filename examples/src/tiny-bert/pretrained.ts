// The checkpoint that the examples of fine-tuning start from: that of `--model`, or a tiny one which is pre-trained for a moment on the
// texts at hand. It is a folder, so that what follows reads as it does with a published one.
import { DataCollatorForLanguageModeling, Dataset, trainWordPiece } from '@course/data';
import { BertForMaskedLM, DistilBertForMaskedLM } from '@course/models';
import { Trainer } from '@course/nn';
import { ArgumentError } from '@course/tensor';
import type { Lesson } from '../course/lesson.js';
import { sentencesOf } from '../texts/book.js';
import { tinyBertConfig, tinyDistilBertConfig } from './config.js';
import { progressOn } from './progress.js';

/**
 * A folder (or hub id) with a model, its tokenizer and its configuration.
 *
 * @param texts What a model is pre-trained on where `--model` names none; it learns to say hidden words and sees no label.
 */
export async function pretrainedFor(
  lesson: Lesson,
  kind: 'bert' | 'distilbert',
  texts: readonly string[],
): Promise<string> {
  const { options, folder } = lesson;
  if (options.model !== undefined) return options.model;
  if (folder === undefined) throw new ArgumentError('a pre-trained model needs a folder to be written into');
  const { quick } = options;
  const sentences = texts.flatMap(sentencesOf);
  const tokenizer = trainWordPiece(sentences, { vocabSize: quick ? 200 : 1000, modelMaxLength: 128 });
  lesson.seed(0);
  const { vocabSize } = tokenizer;
  const model =
    kind === 'bert'
      ? new BertForMaskedLM(tinyBertConfig(vocabSize, quick))
      : new DistilBertForMaskedLM(tinyDistilBertConfig(vocabSize, quick));
  const parameters = model.numParameters().toLocaleString('en');
  lesson.say(`No --model: a ${model.constructor.name} of ${parameters} parameters is pre-trained for a moment.`);
  const trainer = new Trainer({
    model,
    args: {
      maxSteps: quick ? 1 : 600,
      perDeviceTrainBatchSize: quick ? 8 : 64,
      learningRate: 3e-3,
      warmupRatio: 0.1,
      loggingSteps: 10,
      disableTqdm: true,
      seed: 0,
    },
    trainDataset: Dataset.fromRows(sentences.map((text) => tokenizer.encode(text, { truncation: true }))),
    // Twice as many hidden words as BERT has: more to learn from each of the few steps.
    dataCollator: new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: 0.3 }),
    callbacks: [progressOn(lesson, 'Pre-training')],
  });
  await trainer.train();
  lesson.say();
  const to = `${folder}/pretrained`;
  await model.savePretrained(to, { tokenizer });
  model.dispose();
  return to;
}
