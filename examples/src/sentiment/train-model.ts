// The main job: from texts to a tokenizer and a classifier that are learned, measured, tried on sentences and saved.
import { resolve } from 'node:path';
import type { BertTokenizer } from '@course/data';
import { TextClassifier } from '@course/models';
import { init, manualSeed } from '@course/tensor';
import { type Corpus, loadCorpus, syntheticCorpus } from './data.js';
import { type Batches, batchesOf, countTokens, encodeTexts, learnTokenizer } from './encoding.js';
import { type Evaluation, evaluate } from './evaluation.js';
import type { Job } from './job.js';
import { checkOut } from './model-folder.js';
import { clock, count, percent, textCount } from './numbers.js';
import type { Options } from './options.js';
import { progressOn } from './progress.js';
import { judge, type Result } from './result.js';
import { automaticEpochs } from './schedule.js';
import { confusionTable, judgementTable } from './tables.js';
import { initialiseEmbeddings, type TrainingRecord, train } from './training.js';

/** Trains a model as the options say, and saves it. */
export async function trainModel(options: Options, job: Job): Promise<Result> {
  const { out, seed } = options;
  const { say, signal, columns } = job;
  const { replaces } = await checkOut(out);
  const corpus =
    options.train === undefined ? syntheticCorpus() : await loadCorpus(options.train, options.test, { seed });
  const { backend, adapter, threads } = await init({ device: options.device });
  say(`Device: ${backend} (${adapter}), ${threads === 1 ? 'one thread' : `${threads} threads`}`);
  say(`Data: ${textCount(corpus.train.length)} to learn from, ${count(corpus.test.length)} to measure on.`);
  say(`  ${corpus.source}`);
  if (replaces) say(`Note: ${out} holds an earlier model, which this run replaces when it is done.`);

  manualSeed(seed);
  const task = await prepare(corpus, options, signal);
  const { tokenizer, model, trainBatches } = task;
  const { layers, dim, heads } = options;
  say(`Model: ${layers} blocks of width ${dim} with ${heads} heads, ${count(tokenizer.vocabSize)} word pieces,`);
  say(`  ${count(model.numParameters())} parameters.`);

  const epochs = options.epochs ?? automaticEpochs({ steps: trainBatches.length, tokens: countTokens(trainBatches) });
  const { record, evaluation } = await learn(task, { epochs, lr: options.lr }, job);
  const tokensPerSecond = record.tokens / record.seconds;
  say(`Trained for ${clock(record.seconds)} (${count(tokensPerSecond)} tokens/s).`);
  say(`Accuracy on texts not learned from: ${percent(evaluation.accuracy)}`);
  say(confusionTable(evaluation, corpus.labels));

  const predictions = await judge(model, tokenizer, options.text);
  say(judgementTable(predictions, columns));
  await model.savePretrained(out, { tokenizer });
  say(`Saved in ${out}. Try it: npm start -- --load ${out} --text "…"`);
  model.dispose();
  return {
    device: backend,
    threads,
    trainSize: corpus.train.length,
    testSize: corpus.test.length,
    epochs,
    steps: record.steps,
    trainSeconds: record.seconds,
    tokensPerSecond,
    accuracy: evaluation.accuracy,
    finalLoss: record.finalLoss,
    predictions,
    out: resolve(out),
  };
}

/** A model to train, and batches to train it with and to measure it on. */
interface Task {
  readonly tokenizer: BertTokenizer;
  readonly model: TextClassifier;
  readonly trainBatches: Batches;
  readonly testBatches: Batches;
}

async function prepare({ train, test, labels }: Corpus, options: Options, signal: AbortSignal): Promise<Task> {
  const { maxLength, dim, layers, heads, batchSize, seed } = options;
  const tokenizer = learnTokenizer(train, options);
  const trainTexts = await encodeTexts(train, tokenizer, { labels, maxLength }, signal);
  const testTexts = await encodeTexts(test, tokenizer, { labels, maxLength }, signal);
  const model = new TextClassifier({ vocabSize: tokenizer.vocabSize, labels, maxLength, dim, layers, heads });
  initialiseEmbeddings(model);
  return {
    tokenizer,
    model,
    trainBatches: batchesOf(trainTexts, tokenizer, { batchSize, shuffle: true, seed }),
    testBatches: batchesOf(testTexts, tokenizer, { batchSize }),
  };
}

/** Trains with progress on the screen and an evaluation after every epoch, the last of which is the result. */
async function learn(
  { model, trainBatches, testBatches }: Task,
  settings: { readonly epochs: number; readonly lr: number },
  { say, io, signal }: Job,
): Promise<{ record: TrainingRecord; evaluation: Evaluation }> {
  const progress = progressOn(io.err);
  let evaluation: Evaluation = { accuracy: 0, confusion: [] };
  try {
    const record = await train(model, trainBatches, {
      ...settings,
      signal,
      onProgress: (state) => progress.show(state),
      onEpoch: async ({ epoch, epochs, loss }) => {
        evaluation = await evaluate(model, testBatches, signal);
        progress.clear();
        say(`Epoch ${epoch} of ${epochs}: loss ${loss.toFixed(3)}, accuracy ${percent(evaluation.accuracy)}`);
      },
    });
    return { record, evaluation };
  } finally {
    progress.clear();
  }
}
