// Training as the lecture shows it: curves while it runs, and the picture of all epochs at the end.
import { type BatchSource, Trainer, type TrainerCallback } from '@course/nn';
import { LivePlot } from '@course/nn/report';
import type { Lesson } from '../course/lesson.js';
import type { Batch, ReviewClassifier } from './classifier.js';

/** What an epoch came to. */
export interface Epoch {
  readonly train_loss: number;
  readonly train_acc: number;
  readonly val_loss: number;
  readonly val_acc: number;
}

/** Trains a classifier, draws loss and accuracy of every epoch, and gives them. */
export async function trainClassifier(
  lesson: Lesson,
  model: ReviewClassifier,
  { title, train, validation, epochs }: FitOptions,
): Promise<Epoch[]> {
  const history: Epoch[] = [];
  const bar = lesson.bar(title, epochs * train.length);
  const show: TrainerCallback = {
    onStepEnd: ({ callbackMetrics: { val_acc } }) =>
      bar.advance(1, val_acc === undefined ? '' : `val_acc ${val_acc.toFixed(4)}`),
    onTrainEpochEnd: ({ callbackMetrics }) => void history.push(epochOf(callbackMetrics)),
  };
  // A page that follows the run, beside the one that is written at the end.
  const live = lesson.folder === undefined ? [] : [new LivePlot({ file: `${lesson.folder}/training.html`, title })];
  const trainer = new Trainer({ maxEpochs: epochs, args: { disableTqdm: true }, callbacks: [show, ...live] });
  await trainer.fit(model, { trainDataloaders: train, valDataloaders: validation });
  bar.stop();

  const best = Math.max(...history.map(({ val_acc }) => val_acc));
  const curve = (name: keyof Epoch) => ({
    name,
    look: 'marks' as const,
    points: history.map((epoch, i): [number, number] => [i + 1, epoch[name]]),
  });
  lesson.report.lines(
    {
      title: `${title}: loss`,
      xName: 'epoch',
      yName: 'binary cross-entropy',
      curves: [curve('train_loss'), curve('val_loss')],
    },
    {
      title: `${title}: accuracy`,
      note: `At best ${(100 * best).toFixed(1)} % of the reviews to judge.`,
      xName: 'epoch',
      yName: 'accuracy',
      percent: true,
      curves: [curve('train_acc'), curve('val_acc')],
    },
  );
  return history;
}

export interface FitOptions {
  readonly title: string;
  readonly train: BatchSource<Batch>;
  readonly validation: BatchSource<Batch>;
  readonly epochs: number;
}

function epochOf(metrics: Readonly<Record<string, number>>): Epoch {
  const { train_loss = NaN, train_acc = NaN, val_loss = NaN, val_acc = NaN } = metrics;
  return { train_loss, train_acc, val_loss, val_acc };
}

/** Prints a line an epoch. */
export function tell(lesson: Lesson, history: readonly Epoch[]): void {
  for (const [i, { train_loss, train_acc, val_loss, val_acc }] of history.entries())
    lesson.say(
      `epoch ${String(i + 1).padStart(2)}  train_loss ${train_loss.toFixed(4)}  train_acc ${train_acc.toFixed(4)}  val_loss ${val_loss.toFixed(4)}  val_acc ${val_acc.toFixed(4)}`,
    );
  lesson.say();
}
