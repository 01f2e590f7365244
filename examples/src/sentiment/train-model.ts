// The main job: from texts to a tokenizer and a classifier that are learned, measured, tried on sentences and saved.
import { resolve } from 'node:path';
import type { BertTokenizer } from '@course/data';
import { TextClassifier } from '@course/models';
import { init, manualSeed } from '@course/tensor';
import {
  Checkpoints,
  checkTexts,
  fingerprint,
  isUnfinished,
  removeCheckpoints,
  resumedOptions,
  runOptions,
} from './checkpoints.js';
import { type Corpus, loadCorpus, syntheticCorpus } from './data.js';
import { type Batches, batchesOf, countTokens, encodeTexts, learnTokenizer } from './encoding.js';
import { evaluate } from './evaluation.js';
import { type History, saveHistory } from './history.js';
import type { Job } from './job.js';
import { checkOut } from './model-folder.js';
import { clock, count, percent, textCount } from './numbers.js';
import type { Options } from './options.js';
import { progressOn } from './progress.js';
import { writeReport } from './report.js';
import { judge, type Result } from './result.js';
import { automaticEpochs } from './schedule.js';
import { confusionTable, judgementTable } from './tables.js';
import { type CheckpointPlan, OffCourse, type TrainingRecord, train } from './training.js';

/** Trains a model as the options say, or goes on with a run that was interrupted, and saves it. */
export async function trainModel(asked: Options, job: Job): Promise<Result> {
  const { resume } = asked;
  const options = resume === undefined ? asked : await resumedOptions(asked, resume);
  const { out, seed } = options;
  const { say, signal, columns } = job;
  const { replaces } = await checkOut(out);
  const corpus =
    options.train === undefined ? syntheticCorpus() : await loadCorpus(options.train, options.test, { seed });
  if (resume !== undefined) await checkTexts(corpus, resume);
  const { backend, adapter, threads } = await init({ device: options.device });
  say(`Device: ${backend} (${adapter}), ${threads === 1 ? 'one thread' : `${threads} threads`}`);
  say(`Data: ${textCount(corpus.train.length)} to learn from, ${count(corpus.test.length)} to measure on.`);
  say(`  ${corpus.source}`);
  if (replaces) say(`Note: ${out} holds an earlier model, which this run replaces when it is done.`);
  if (resume === undefined && (await isUnfinished(out))) {
    say(`Note: ${out} holds an unfinished run, which this one replaces; --resume ${out} would go on with it.`);
  }

  manualSeed(seed);
  const task = await prepare(corpus, options, signal);
  const { tokenizer, model, trainBatches } = task;
  const { layers, dim, heads } = options;
  say(`Model: ${layers} blocks of width ${dim} with ${heads} heads, ${count(tokenizer.vocabSize)} word pieces,`);
  say(`  ${count(model.numParameters())} parameters.`);

  const epochs = options.epochs ?? automaticEpochs({ steps: trainBatches.length, tokens: countTokens(trainBatches) });
  const store = new Checkpoints(out, { options: runOptions(options, epochs), texts: fingerprint(corpus) });
  const checkpoints = { store, every: options.saveSteps, resume: resume !== undefined };
  const record = await learn(task, { epochs, lr: options.lr, checkpoints }, job).catch(async (error) => {
    if (error instanceof OffCourse) await removeCheckpoints(out);
    throw error;
  });
  const evaluation = record.epochs.at(-1) ?? (await evaluate(model, task.testBatches, signal));
  const tokensPerSecond = record.tokens / record.seconds;
  say(`Trained for ${clock(record.seconds)} (${count(tokensPerSecond)} tokens/s).`);
  say(`Accuracy on texts not learned from: ${percent(evaluation.accuracy)}`);
  say(confusionTable(evaluation, corpus.labels));

  const predictions = await judge(model, tokenizer, options.text);
  say(judgementTable(predictions, columns));
  const history: History = { losses: record.losses, epochs: record.epochs, source: corpus.source };
  try {
    await model.savePretrained(out, { tokenizer });
    await saveHistory(out, history);
  } catch (error) {
    throw store.withAdvice(error);
  }
  await removeCheckpoints(out);
  say(`Saved in ${out}. Try it: npm start -- --load ${out} --text "…"`);
  const facts = {
    accuracy: percent(evaluation.accuracy),
    'learned from': textCount(corpus.train.length),
    'measured on': textCount(corpus.test.length),
    model: `${layers} × ${heads} heads, width ${dim}`,
    parameters: count(model.numParameters()),
    training: `${count(record.steps)} steps, ${clock(record.seconds)}`,
    device: `${backend} (${adapter})`,
  };
  const report = await writeReport(out, { model, tokenizer, predictions, facts }, job);
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
    report,
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
  // BERT's start: with embeddings of deviation 1, a thousand steps of the optimizer wide, SST-2 loses four points after one epoch.
  const embeddingStd = 0.02;
  const model = new TextClassifier({
    vocabSize: tokenizer.vocabSize,
    labels,
    maxLength,
    dim,
    layers,
    heads,
    embeddingStd,
  });
  return {
    tokenizer,
    model,
    trainBatches: batchesOf(trainTexts, tokenizer, { batchSize, shuffle: true, seed }),
    testBatches: batchesOf(testTexts, tokenizer, { batchSize }),
  };
}

/** Trains with progress on the screen and an evaluation after every epoch. */
async function learn(
  { model, trainBatches, testBatches }: Task,
  settings: { readonly epochs: number; readonly lr: number; readonly checkpoints: CheckpointPlan },
  { say, io, signal }: Job,
): Promise<TrainingRecord> {
  const progress = progressOn(io.err);
  try {
    return await train(model, trainBatches, {
      ...settings,
      signal,
      onProgress: (state) => progress.show(state),
      onEpoch: async ({ epoch, epochs, loss }) => {
        const evaluation = await evaluate(model, testBatches, signal);
        progress.clear();
        say(`Epoch ${epoch} of ${epochs}: loss ${loss.toFixed(3)}, accuracy ${percent(evaluation.accuracy)}`);
        return evaluation;
      },
    });
  } finally {
    progress.clear();
  }
}
