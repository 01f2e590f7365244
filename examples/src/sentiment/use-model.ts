// `--load`: a saved model judges sentences, and is measured on a test file if there is one; nothing is trained, and nothing but the
// report on sentences of the user's own is written.
import { BertTokenizer } from '@course/data';
import { TextClassifier } from '@course/models';
import { FormatError, init } from '@course/tensor';
import { loadTexts } from './data.js';
import { batchesOf, encodeTexts } from './encoding.js';
import { type Evaluation, evaluate } from './evaluation.js';
import type { Job } from './job.js';
import { checkLoad } from './model-folder.js';
import { count, percent, textCount } from './numbers.js';
import type { Options } from './options.js';
import { writeReport } from './report.js';
import { judge, type Result } from './result.js';
import { confusionTable, judgementTable } from './tables.js';

/**
 * Judges sentences with the model of a folder.
 *
 * @throws FormatError or ArgumentError that names what is wrong with the folder.
 */
export async function useModel(folder: string, options: Options, job: Job): Promise<Result> {
  const { say, signal, columns } = job;
  await checkLoad(folder);
  const { backend, adapter, threads } = await init({ device: options.device });
  const tokenizer = await BertTokenizer.fromPretrained(folder);
  const model = await TextClassifier.fromPretrained(folder, { strict: true });
  const { labels, maxLength, vocabSize } = model.config;
  if (tokenizer.vocabSize !== vocabSize) {
    throw new FormatError(
      `${folder}: the tokenizer has ${tokenizer.vocabSize} word pieces, but the model of config.json ${vocabSize}; ` +
        'the files are not of one model',
    );
  }
  const { test } = options;
  const texts = test === undefined ? undefined : await loadTexts(test, { labels, of: folder });
  say(`Device: ${backend} (${adapter}), ${threads === 1 ? 'one thread' : `${threads} threads`}`);
  say(`Model: ${folder}, which tells ${labels.join(', ')}`);

  let testSize = 0;
  let evaluation: Evaluation | undefined;
  if (texts !== undefined) {
    const encoded = await encodeTexts(texts, tokenizer, { labels, maxLength }, signal);
    evaluation = await evaluate(model, batchesOf(encoded, tokenizer, options), signal);
    testSize = texts.length;
    say(`Accuracy on ${textCount(testSize)} of ${test}: ${percent(evaluation.accuracy)}`);
    say(confusionTable(evaluation, labels));
  }
  const predictions = await judge(model, tokenizer, options.text);
  say(judgementTable(predictions, columns));
  let report: string | null = null;
  if (options.text !== undefined) {
    const { dim, layers, heads } = model.config;
    const facts = {
      ...(evaluation && { accuracy: percent(evaluation.accuracy), 'measured on': textCount(testSize) }),
      model: `${layers} × ${heads} heads, width ${dim}`,
      parameters: count(model.numParameters()),
      device: `${backend} (${adapter})`,
    };
    report = await writeReport(folder, { model, tokenizer, predictions, facts, evaluation }, job);
  }
  model.dispose();
  return {
    device: backend,
    threads,
    trainSize: 0,
    testSize,
    epochs: 0,
    steps: 0,
    trainSeconds: 0,
    tokensPerSecond: null,
    accuracy: evaluation?.accuracy ?? null,
    finalLoss: null,
    predictions,
    out: null,
    report,
  };
}
