// The checkpoint that the examples of fine-tuning start from: that of `--model`, or a tiny one which is pre-trained for a moment on the
// texts at hand. It is a folder, so that what follows reads as it does with a published one.
import { DataCollatorForLanguageModeling, Dataset, trainWordPiece } from '@course/data';
import { BertForMaskedLM, bertConfig, DistilBertForMaskedLM, distilBertConfig } from '@course/models';
import { Trainer } from '@course/nn';
import { ArgumentError } from '@course/tensor';
import type { Lesson } from '../course/lesson.js';
import { sentencesOf } from '../texts/book.js';
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
  const model = kind === 'bert' ? tinyBert(tokenizer.vocabSize, quick) : tinyDistilBert(tokenizer.vocabSize, quick);
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

// Without dropout and with larger weights than BERT's a narrow model leaves the plateau of the most frequent words in 100 steps
// instead of thousands.
const MOMENT = { initializerRange: 0.08, maxPositionEmbeddings: 128 };

function tinyBert(vocabSize: number, quick: boolean): BertForMaskedLM {
  const hiddenSize = quick ? 16 : 64;
  return new BertForMaskedLM(
    bertConfig({
      ...MOMENT,
      vocabSize,
      hiddenSize,
      numHiddenLayers: quick ? 1 : 2,
      numAttentionHeads: 2,
      intermediateSize: 4 * hiddenSize,
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
    }),
  );
}

function tinyDistilBert(vocabSize: number, quick: boolean): DistilBertForMaskedLM {
  const dim = quick ? 16 : 64;
  return new DistilBertForMaskedLM(
    distilBertConfig({
      ...MOMENT,
      vocabSize,
      dim,
      nLayers: quick ? 1 : 2,
      nHeads: 2,
      hiddenDim: 4 * dim,
      dropout: 0,
      attentionDropout: 0,
    }),
  );
}
