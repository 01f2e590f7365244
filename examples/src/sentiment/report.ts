// The report of a run, `report.html` in the folder of its model: how training went, which classes are taken for which, and where
// the model looks in the sentences that it judged.
import { join, resolve } from 'node:path';
import type { BertTokenizer } from '@course/data';
import type { TextClassifier } from '@course/models';
import { CourseError } from '@course/tensor';
import { type Curve, type Heatmap, Report } from '../report/report.js';
import { type Attention, attentionOver } from './attention.js';
import type { Evaluation } from './evaluation.js';
import { type History, loadHistory } from './history.js';
import type { Job } from './job.js';
import { count, percent } from './numbers.js';
import type { Judgement } from './tables.js';
import { lossWindow } from './training.js';

/** More classes than this make a matrix that nobody reads. */
const mostClasses = 60;
/** Cells of all attention heatmaps together; a page of more takes long to open. */
const mostCells = 2_000_000;

/** What a report tells. */
export interface Told {
  readonly model: TextClassifier;
  readonly tokenizer: BertTokenizer;
  readonly predictions: readonly Judgement[];
  /** Names and values to know at a glance. */
  readonly facts: Readonly<Record<string, string>>;
  /** A measurement of its own; without one, the last of the training is shown. */
  readonly evaluation?: Evaluation | undefined;
}

/**
 * Writes the report of a model into its folder. A report that cannot be written does not undo the work it tells of: then a line says why.
 *
 * @returns The absolute path of the report; null if it could not be written.
 */
export async function writeReport(folder: string, told: Told, { say }: Job): Promise<string | null> {
  const file = join(folder, 'report.html');
  try {
    const report = await compose(folder, told);
    await report.write(file);
  } catch (error) {
    if (!(error instanceof CourseError)) throw error;
    say(`Note: there is no report: ${error.message}`);
    return null;
  }
  say(`Report: ${file}`);
  return resolve(file);
}

async function compose(folder: string, told: Told): Promise<Report> {
  const { model, predictions, facts } = told;
  const history = await loadHistory(folder);
  const report = new Report(
    'Sentiment classifier',
    `The model of ${folder}${history ? `. Learned from ${history.source}.` : ''}`,
  );
  report.facts(facts);
  if (history && history.losses.length > 0) drawTraining(report, history);
  const evaluation = told.evaluation ?? history?.epochs.at(-1);
  if (evaluation) drawConfusion(report, evaluation, model.config.labels);
  if (predictions.length > 0) {
    report.section('Sentences').table({
      title: 'Judgements',
      head: ['sentence', 'judgement', 'probability'],
      rows: predictions.map(({ text, label, score }) => [text, label, percent(score)]),
      numbers: [2],
    });
    await drawAttention(report, told);
  }
  return report;
}

function drawTraining(report: Report, { losses, epochs }: History): void {
  const curves: Curve[] = [
    { name: 'each step', look: 'faint', points: losses.map((loss, i) => [i + 1, loss]) },
    { name: `mean of ${lossWindow} steps`, points: runningMean(losses) },
    { name: 'held-out texts', look: 'marks', points: epochs.map(({ step, loss }) => [step, loss]) },
  ];
  report.section('Training').lines(
    { title: 'Loss', note: 'Cross-entropy, in nats.', xName: 'step', yName: 'loss', curves },
    {
      title: 'Accuracy',
      note: 'Measured after every epoch on texts that are not learned from.',
      xName: 'epoch',
      yName: 'accuracy',
      percent: true,
      curves: [{ name: 'held-out texts', look: 'marks', points: epochs.map(({ accuracy }, i) => [i + 1, accuracy]) }],
    },
  );
}

function runningMean(values: readonly number[]): [x: number, y: number][] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - lossWindow] ?? 0);
    return [i + 1, sum / Math.min(i + 1, lossWindow)];
  });
}

function drawConfusion(report: Report, { accuracy, confusion }: Evaluation, labels: readonly string[]): void {
  report.section('Texts not learned from');
  if (labels.length > mostClasses) {
    report.text(
      `There is no confusion matrix: ${labels.length} classes are more than the ${mostClasses} that one shows.`,
    );
    return;
  }
  report.heatmap({
    title: 'Confusion matrix',
    note: `A row is a class, a column what its texts are judged as; colour is the share of the row. ${percent(accuracy)} are judged right.`,
    rowName: 'is',
    columnName: 'judged as',
    rows: labels,
    columns: labels,
    values: confusion.map((row) => {
      const all = row.reduce((sum, number) => sum + number, 0);
      return row.map((number) => (all === 0 ? 0 : Number((number / all).toFixed(4))));
    }),
    texts: confusion.map((row) => row.map(count)),
    max: 1,
  });
}

async function drawAttention(report: Report, told: Told): Promise<void> {
  const { model, tokenizer, predictions } = told;
  const { layers, heads } = model.config;
  const shown: { text: string; attention: Attention }[] = [];
  let cells = 0;
  for (const { text } of predictions) {
    const attention = await attentionOver(model, tokenizer, text);
    cells += layers * heads * attention.tokens.length ** 2;
    if (cells > mostCells && shown.length > 0) break;
    shown.push({ text, attention });
  }
  const left = predictions.length - shown.length;
  report.gallery({
    title: 'Attention',
    note:
      'A row is a token that looks, a column a token that it looks at; a row adds up to 1, and the darkest cell is the largest of its head. [CLS] and [SEP] are the ends of the text, ' +
      `## continues a word.${left > 0 ? ` The last ${left} of ${predictions.length} sentences are left out: the page would be too large.` : ''}`,
    choices: [
      { name: 'Sentence', values: shown.map(({ text }) => text) },
      { name: 'Layer', values: Array.from({ length: layers }, (_, i) => String(i + 1)) },
    ],
    panels: shown.flatMap(({ attention: { tokens, weights } }) =>
      weights.map((block) =>
        block.map((values, head) =>
          headHeatmap(
            tokens,
            values.map((row) => row.map(round)),
            head,
          ),
        ),
      ),
    ),
  });
}

/** Every head has a scale of its own, named in its title: one that looks everywhere would be all pale beside one that picks a word. */
function headHeatmap(tokens: readonly string[], values: readonly number[][], head: number): Heatmap {
  const max = values.flat().reduce((most, value) => Math.max(most, value), 0);
  return {
    title: `Head ${head + 1}: 0 to ${max}`,
    rowName: 'token',
    columnName: 'looks at',
    rows: tokens,
    columns: tokens,
    values,
    max,
  };
}

const round = (value: number): number => Number(value.toFixed(3));
