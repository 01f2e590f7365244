// Tables for people: the confusion matrix, and the judgement of sentences.
import type { Classification } from '@course/models';
import Table from 'cli-table3';
import type { Evaluation } from './evaluation.js';
import { count, percent } from './numbers.js';

/** More classes than this make no table that a screen could show. */
const mostClasses = 20;

/** A sentence and what a model says of it. */
export type Judgement = Pick<Classification, 'label' | 'score'> & { readonly text: string };

/** No colours, which would end up in files, and no rules between rows. */
const plain = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

/** The confusion matrix with the names of the classes: a row for each class, a column for each answer. */
export function confusionTable({ confusion }: Evaluation, labels: readonly string[]): string {
  if (labels.length > mostClasses) {
    return `(no confusion matrix: ${labels.length} classes are more than the ${mostClasses} that a table shows)`;
  }
  const table = new Table({
    head: ['is \\ judged as', ...labels],
    colAligns: ['left', ...labels.map(() => 'right' as const)],
    ...plain,
  });
  for (const [i, row] of confusion.entries()) table.push([labels[i] ?? '', ...row.map(count)]);
  return table.toString();
}

/** Sentences with their labels and the probability that the model gives them; long ones are wrapped to fit `columns`. */
export function judgementTable(judgements: readonly Judgement[], columns: number): string {
  const head = ['sentence', 'judgement', 'probability'] as const;
  const longest = (texts: readonly string[]): number => Math.max(...texts.map(({ length }) => length)) + 2;
  const label = longest([head[1], ...judgements.map((judgement) => judgement.label)]);
  const probability = longest([head[2]]);
  const sentence = longest([head[0], ...judgements.map((judgement) => judgement.text)]);
  const borders = head.length + 1;
  const table = new Table({
    head: [...head],
    colAligns: ['left', 'left', 'right'],
    colWidths: [Math.max(12, Math.min(sentence, columns - label - probability - borders)), label, probability],
    wordWrap: true,
    ...plain,
  });
  for (const { text, label, score } of judgements) table.push([text, label, percent(score)]);
  return table.toString();
}
