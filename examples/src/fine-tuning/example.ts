// Fine-tuning in Trainer's form: a BERT that has read much gets a new head and learns to give stars from a thousand reviews.
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { accuracy, type EvalPrediction, Trainer } from '@course/nn';
import { device } from '@course/tensor';
import { defineExample } from '../course/lesson.js';
import { reviewsFor } from '../texts/reviews.js';
import { pretrainedFor } from '../tiny-bert/pretrained.js';
import { progressOn } from '../tiny-bert/progress.js';
import { drawConfusion, drawHistory, drawPredictions } from './figures.js';
import { classNames, learningRateFor, tokenized } from './training.js';

/** The share of texts whose highest logit is that of their label. */
function computeMetrics({ logits, labels }: EvalPrediction) {
  return { accuracy: accuracy(logits, labels) };
}

export const example = defineExample({
  title: 'Fine-tuning BERT',
  about: 'A pre-trained encoder, a new head, a thousand reviews.',
  pictures: ['Loss', 'Confusion matrix'],
  solution: {},
  async run(lesson) {
    const { options } = lesson;
    const dataset = await reviewsFor(lesson, 'stars');
    lesson.say(`train: ${dataset.train}\ntest: ${dataset.test}\n`);
    await lesson.show('A row', dataset.train.at(0));
    const pretrained = await pretrainedFor(lesson, 'bert', dataset.train.column('text'));

    // A thousand rows of each part, tokenized.
    const tokenizer = await AutoTokenizer.fromPretrained(pretrained);
    const count = options.quick ? 16 : 1000;
    const smallTrain = await tokenized(dataset.train.shuffle({ seed: 42 }).take(count), tokenizer);
    const smallEval = await tokenized(dataset.test.shuffle({ seed: 42 }).take(count), tokenizer);

    // The encoder comes from the checkpoint, the head is new: the report says which weights are.
    lesson.seed(42);
    const model = await AutoModelForSequenceClassification.fromPretrained(pretrained, {
      numLabels: dataset.numLabels,
      onReport: (report) => lesson.say(`${report}\n`),
    });
    lesson.say(`Device: ${device.kind}; ${model.numParameters().toLocaleString('en')} parameters\n`);

    const batchSize = 16;
    const trainer = new Trainer({
      model,
      tokenizer,
      args: {
        perDeviceTrainBatchSize: batchSize,
        perDeviceEvalBatchSize: batchSize,
        numTrainEpochs: options.epochs ?? (options.quick ? 1 : 5),
        learningRate: learningRateFor(model),
        // Every 50 steps the model is evaluated, so that its progress is seen.
        loggingSteps: options.quick ? 1 : 50,
        evalStrategy: 'steps',
        seed: lesson.seed(42),
        disableTqdm: true,
      },
      trainDataset: smallTrain,
      evalDataset: smallEval,
      computeMetrics,
      callbacks: [progressOn(lesson)],
    });
    await trainer.train();
    const { evalLoss = Number.NaN, evalAccuracy = Number.NaN } = await trainer.evaluate();
    await lesson.show('trainer.evaluate()', { evalLoss, evalAccuracy });
    const { logHistory } = trainer.state;
    await lesson.keep(
      'losses',
      logHistory.flatMap(({ loss }) => (loss === undefined ? [] : [loss])),
    );

    const names = classNames(dataset.numLabels);
    const { logits, labels } = await trainer.predict(smallEval);
    drawHistory(lesson, logHistory);
    lesson.report.section('What it has learned');
    if (logits && labels) drawConfusion(lesson, logits, labels, names);
    await drawPredictions(lesson, model, tokenizer, [...dataset.test.take(8)], names);
  },
});
