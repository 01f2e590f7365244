// Reach the best performance possible: the thousand reviews of the examples before, then all of them with a schedule.
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { accuracy, Trainer, type TrainingArguments } from '@course/nn';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { drawConfusion, drawHistory, drawPredictions } from '../fine-tuning/figures.js';
import { classNames, learningRateFor, tokenized } from '../fine-tuning/training.js';
import { reviewsFor } from '../texts/reviews.js';
import { pretrainedFor } from '../tiny-bert/pretrained.js';
import { progressOn } from '../tiny-bert/progress.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'The best performance possible',
  about: 'More data, warm-up and decay of the learning rate, weight decay, early stopping.',
  pictures: ['Loss', 'Confusion matrix'],
  solution,
  exercise,
  async run(lesson, { trainingRows, trainingArguments }) {
    const { options } = lesson;
    const dataset = await reviewsFor(lesson, 'stars');
    const pretrained = await pretrainedFor(lesson, 'bert', dataset.train.column('text'));
    const tokenizer = await AutoTokenizer.fromPretrained(pretrained);
    const evalDataset = await tokenized(dataset.test, tokenizer);
    const load = () =>
      AutoModelForSequenceClassification.fromPretrained(pretrained, {
        numLabels: dataset.numLabels,
        onReport: () => undefined,
      });
    const trainerOf = async (
      model: Awaited<ReturnType<typeof load>>,
      rows: typeof dataset.train,
      args: TrainingArguments,
    ) =>
      new Trainer({
        model,
        tokenizer,
        args: {
          perDeviceEvalBatchSize: 64,
          ...args,
          ...(options.quick && { maxSteps: 1 }),
          ...(options.epochs !== undefined && { numTrainEpochs: options.epochs }),
          loggingSteps: options.quick ? 1 : 25,
          seed: lesson.seed(42),
          disableTqdm: true,
        },
        trainDataset: await tokenized(rows, tokenizer),
        evalDataset,
        computeMetrics: ({ logits, labels }) => ({ accuracy: accuracy(logits, labels) }),
        callbacks: [progressOn(lesson)],
      });

    // As in the examples before: a thousand rows, five times, in steps that only become smaller.
    lesson.seed(42);
    const first = await load();
    const fewRows = dataset.train.shuffle({ seed: 42 }).take(options.quick ? 16 : 1000);
    const plain = { numTrainEpochs: 5, perDeviceTrainBatchSize: 16, learningRate: learningRateFor(first) };
    const before = await trainerOf(first, fewRows, plain);
    await before.train();
    const start = await before.evaluate();
    await lesson.show('A thousand rows', { evalLoss: start.evalLoss ?? 0, evalAccuracy: start.evalAccuracy ?? 0 });
    first.dispose();

    lesson.seed(42);
    const model = await load();
    const rows = trainingRows(dataset.train);
    check(rows.length > fewRows.length, 'there are more rows to learn from');
    const own = trainingArguments(model);
    check((own.warmupRatio ?? 0) > 0 || (own.warmupSteps ?? 0) > 0, 'the learning rate should have a warm-up');
    check(own.lrSchedulerType !== undefined, 'name the schedule of the learning rate');
    const trainer = await trainerOf(model, rows, {
      ...own,
      ...(lesson.folder !== undefined && {
        outputDir: `${lesson.folder}/checkpoints`,
        saveStrategy: 'epoch',
        saveTotalLimit: 1,
        loadBestModelAtEnd: true,
      }),
      evalStrategy: 'epoch',
      metricForBestModel: 'accuracy',
    });
    await trainer.train();
    const { evalLoss = Number.NaN, evalAccuracy = Number.NaN } = await trainer.evaluate();
    await lesson.show('All rows, with a schedule', { evalLoss, evalAccuracy });
    check(options.quick || evalAccuracy > (start.evalAccuracy ?? 0), 'the result should be better than before');

    const { logHistory } = trainer.state;
    const names = classNames(dataset.numLabels);
    lesson.report.facts({
      'a thousand rows': `${(100 * (start.evalAccuracy ?? 0)).toFixed(1)} %`,
      [`${rows.length.toLocaleString('en')} rows, schedule`]: `${(100 * evalAccuracy).toFixed(1)} %`,
    });
    drawHistory(lesson, logHistory);
    lesson.report.lines({
      title: 'Learning rate',
      note: 'It rises for a tenth of the steps and falls to 0 at the end.',
      xName: 'step',
      yName: 'learning rate',
      curves: [
        {
          name: 'learning rate',
          points: logHistory.flatMap(({ step, learningRate }) =>
            learningRate === undefined ? [] : [[step, learningRate] as const],
          ),
        },
      ],
    });
    const { logits, labels } = await trainer.predict(evalDataset);
    lesson.report.section('What it has learned');
    if (logits && labels) drawConfusion(lesson, logits, labels, names);
    await drawPredictions(lesson, model, tokenizer, [...dataset.test.take(8)], names);
  },
});
