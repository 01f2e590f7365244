// What a classifier's training looks like: the curves of its log, where its guesses go, and single texts with their probabilities.
import type { Tokenizer } from '@course/data';
import type { AutoModelForSequenceClassification } from '@course/models';
import { confusionMatrix, type HostTensor, type LogEntry } from '@course/nn';
import * as F from '@course/nn/functional';
import { noGrad } from '@course/tensor';
import type { Lesson } from '../course/lesson.js';

/** A classifier of texts, of any kind. */
export type Classifier = Awaited<ReturnType<typeof AutoModelForSequenceClassification.fromPretrained>>;

/** Losses and accuracy over the steps, from the log of a Trainer. */
export function drawHistory({ report }: Lesson, history: readonly LogEntry[]): void {
  const points = (name: string) =>
    history.flatMap((entry): [number, number][] => {
      const value = entry[name];
      return value === undefined ? [] : [[entry.step, value]];
    });
  report.section('Training').lines(
    {
      title: 'Loss',
      xName: 'step',
      yName: 'loss',
      curves: [
        { name: 'training', points: points('loss') },
        { name: 'evaluation', points: points('evalLoss'), look: 'marks' },
      ],
    },
    {
      title: 'Accuracy',
      xName: 'step',
      yName: 'accuracy',
      percent: true,
      curves: [{ name: 'evaluation', points: points('evalAccuracy'), look: 'marks' }],
    },
  );
}

/** Where the guesses go: rows are what the texts are, columns what the model says. */
export function drawConfusion(
  { report }: Lesson,
  logits: HostTensor,
  labels: HostTensor,
  names: readonly string[],
): void {
  const { data } = confusionMatrix(logits, labels, { numClasses: names.length });
  const counts = names.map((_, row) => [...data.subarray(row * names.length, (row + 1) * names.length)]);
  report.heatmap({
    title: 'Confusion matrix',
    note: 'How many texts of a class (row) are taken for which (column); those on the diagonal are right.',
    rowName: 'is',
    columnName: 'is taken for',
    rows: names,
    columns: names,
    values: counts,
    texts: counts.map((row) => row.map(String)),
  });
}

/** The probabilities [texts, classes] that a model gives texts. */
export async function probabilitiesOf(
  model: Classifier,
  tokenizer: Tokenizer,
  texts: readonly string[],
): Promise<number[][]> {
  model.eval();
  const { inputIds, attentionMask } = tokenizer
    .encodeBatch(texts, { padding: 'longest', truncation: true, maxLength: 128 })
    .toTensors();
  const probabilities = noGrad(() => F.softmax(model.forward(inputIds, { attentionMask }).logits, -1));
  return (await probabilities.toArray()) as number[][];
}

/** Some texts with what they are, what the model says, and how sure it is. */
export async function drawPredictions(
  { report }: Lesson,
  model: Classifier,
  tokenizer: Tokenizer,
  rows: readonly { readonly text: string; readonly label: number }[],
  names: readonly string[],
): Promise<void> {
  const probabilities = await probabilitiesOf(
    model,
    tokenizer,
    rows.map(({ text }) => text),
  );
  report.table({
    title: 'Predictions',
    head: ['text', 'is', 'prediction', 'probability'],
    numbers: [3],
    rows: rows.map(({ text, label }, i) => {
      const row = probabilities[i] ?? [];
      const best = row.indexOf(Math.max(...row));
      const short = text.length > 160 ? `${text.slice(0, 157)}…` : text;
      return [short, names[label] ?? '', names[best] ?? '', (row[best] ?? 0).toFixed(3)];
    }),
  });
}
