// Fine-tuning DistilBERT to tell praise from blame: the smaller model, the same few lines.

import type { Dataset } from '@course/data';
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { accuracy, Trainer } from '@course/nn';
import { device } from '@course/tensor';
import { defineExample } from '../course/lesson.js';
import { drawConfusion, drawHistory, drawPredictions } from '../fine-tuning/figures.js';
import { classNames, learningRateFor, tokenized } from '../fine-tuning/training.js';
import { type LabelledText, reviewsFor } from '../texts/reviews.js';
import { pretrainedFor } from '../tiny-bert/pretrained.js';
import { progressOn } from '../tiny-bert/progress.js';

export const example = defineExample({
  title: 'Fine-tuning DistilBERT',
  about: 'Half the layers of BERT, no token types, no pooler; trained on a tenth of the reviews.',
  pictures: ['Loss', 'Confusion matrix'],
  solution: {},
  async run(lesson) {
    const { options } = lesson;
    const dataset = await reviewsFor(lesson, 'sentiment');
    const pretrained = await pretrainedFor(lesson, 'distilbert', dataset.train.column('text'));
    const tokenizer = await AutoTokenizer.fromPretrained(pretrained);
    lesson.seed(42);
    const model = await AutoModelForSequenceClassification.fromPretrained(pretrained, {
      numLabels: dataset.numLabels,
      onReport: (report) => lesson.say(`${report}\n`),
    });

    // A tenth of the rows, but no fewer than a thousand.
    const fraction = (rows: Dataset<LabelledText>) =>
      rows.shuffle({ seed: 42 }).take(options.quick ? 16 : Math.max(1000, Math.floor(rows.length / 10)));
    const [smallTrain, smallTest] = [fraction(dataset.train), fraction(dataset.test)];
    await lesson.show('Train size, test size', [smallTrain.length, smallTest.length]);
    const [trainDataset, evalDataset] = [await tokenized(smallTrain, tokenizer), await tokenized(smallTest, tokenizer)];
    lesson.say(`Model device: ${device.kind}\n`);

    const trainer = new Trainer({
      model,
      tokenizer,
      args: {
        ...(lesson.folder !== undefined && { outputDir: `${lesson.folder}/results`, saveStrategy: 'epoch' as const }),
        saveTotalLimit: 1,
        evalStrategy: 'epoch',
        perDeviceTrainBatchSize: 16,
        perDeviceEvalBatchSize: 32,
        numTrainEpochs: options.epochs ?? (options.quick ? 1 : 10),
        learningRate: learningRateFor(model),
        loggingSteps: options.quick ? 1 : 10,
        seed: lesson.seed(42),
        disableTqdm: true,
      },
      trainDataset,
      evalDataset,
      computeMetrics: ({ logits, labels }) => ({ accuracy: accuracy(logits, labels) }),
      callbacks: [progressOn(lesson)],
    });
    await trainer.train();
    const { evalLoss = Number.NaN, evalAccuracy = Number.NaN } = await trainer.evaluate();
    await lesson.show('results', { evalLoss, evalAccuracy });
    const { logHistory } = trainer.state;
    await lesson.keep(
      'losses',
      logHistory.flatMap(({ loss }) => (loss === undefined ? [] : [loss])),
    );

    const names = classNames(dataset.numLabels);
    const { logits, labels } = await trainer.predict(evalDataset);
    drawHistory(lesson, logHistory);
    lesson.report.section('What it has learned');
    if (logits && labels) drawConfusion(lesson, logits, labels, names);
    await drawPredictions(lesson, model, tokenizer, [...smallTest.take(8)], names);
  },
});
