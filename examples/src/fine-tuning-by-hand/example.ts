// Fine-tuning by a loop of one's own, line by line as in the class: tokenize, load, try, train, evaluate. The result is bad; the course
// index says why, and `best-performance` does better.
import { AutoTokenizer, DataCollatorWithPadding, DataLoader, type LabelledBatch } from '@course/data';
import * as nn from '@course/nn';
import { device, noGrad, scope } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { type Classifier, drawPredictions } from '../fine-tuning/figures.js';
import { classNames, tokenized } from '../fine-tuning/training.js';
import { reviewsFor } from '../texts/reviews.js';
import { pretrainedFor } from '../tiny-bert/pretrained.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

/** The mean loss over the batches, and the share of texts that are judged right. */
async function evaluateModel(
  model: Classifier,
  loader: AsyncIterable<LabelledBatch>,
  lossFunction: nn.CrossEntropyLoss,
): Promise<[loss: number, accuracy: number]> {
  model.eval();
  let [totalLoss, correct, batches, total] = [0, 0, 0, 0];
  for await (const batch of loader) {
    const [loss, hits] = noGrad(() =>
      scope(() => {
        const { logits } = model.forward(batch.inputIds, { attentionMask: batch.attentionMask });
        const predictions = logits.argmax(1);
        return [lossFunction.forward(logits, batch.labels), predictions.eq(batch.labels).sum()];
      }),
    );
    totalLoss += (await loss.item()) as number;
    correct += (await hits.item()) as number;
    total += batch.labels.size(0);
    batches++;
  }
  return [totalLoss / batches, correct / total];
}

export const example = defineExample({
  title: 'Fine-tuning by hand',
  about: 'A training loop, line by line.',
  pictures: ['Loss'],
  solution,
  exercise,
  async run(lesson, { loadModel, inference, makeOptimizer, trainingStep }) {
    const { options } = lesson;
    const dataset = await reviewsFor(lesson, 'stars');
    await lesson.show('dataset.train[100]', dataset.train.at(100));
    const pretrained = await pretrainedFor(lesson, 'bert', dataset.train.column('text'));
    const tokenizer = await AutoTokenizer.fromPretrained(pretrained);

    const count = options.quick ? 16 : 1000;
    const smallTrain = await tokenized(dataset.train.shuffle({ seed: 42 }).take(count), tokenizer);
    const smallEval = await tokenized(dataset.test.shuffle({ seed: 42 }).take(count), tokenizer);
    const collate = new DataCollatorWithPadding<ReturnType<typeof smallTrain.at>>(tokenizer);
    const loaderOf = (rows: typeof smallTrain) => new DataLoader(rows, { batchSize: 8, collate });

    lesson.seed(42);
    const model = await loadModel(pretrained, dataset.numLabels);
    const untrained = inference(model, smallTrain.at(0));
    await lesson.show('probabilities', untrained);
    check(untrained.shape.join() === `1,${dataset.numLabels}`, `one row of ${dataset.numLabels} probabilities`);
    check(Math.abs(((await untrained.sum().item()) as number) - 1) < 1e-5, 'probabilities must sum to 1');

    const optimizer = makeOptimizer(model, 5e-5);
    const lossFunction = new nn.CrossEntropyLoss();
    check(optimizer.paramGroups[0]?.lr === 5e-5, 'the learning rate must be 5e-5');
    lesson.say(`Device: ${device.kind}\n`);

    const epochs = options.epochs ?? (options.quick ? 1 : 3);
    const curve: [number, number][] = [];
    const [before] = await evaluateModel(model, loaderOf(smallEval), lossFunction);
    const evaluated: [number, number][] = [[0, before]];
    for (let epoch = 0; epoch < epochs; epoch++) {
      model.train();
      const trainLoader = loaderOf(smallTrain);
      const bar = lesson.bar(`Epoch ${epoch + 1}/${epochs}`, trainLoader.length);
      let totalLoss = 0;
      for await (const batch of trainLoader) {
        const loss = (await trainingStep(model, batch, lossFunction, optimizer).item()) as number;
        totalLoss += loss;
        curve.push([curve.length + 1, loss]);
        bar.advance(1, `loss ${loss.toFixed(3)}`);
      }
      bar.stop();
      lesson.say(`Epoch ${epoch + 1} complete! Average Training Loss: ${(totalLoss / trainLoader.length).toFixed(4)}`);
      const [loss, accuracy] = await evaluateModel(model, loaderOf(smallEval), lossFunction);
      lesson.say(`Validation Loss: ${loss.toFixed(4)}, Validation Accuracy: ${accuracy.toFixed(4)}\n`);
      evaluated.push([curve.length, loss]);
      await lesson.keep('validation', { loss, accuracy });
    }
    await lesson.keep(
      'losses',
      curve.map(([, loss]) => loss),
    );

    lesson.report.section('Training').lines({
      title: 'Loss',
      note: 'Three passes over a thousand reviews in steps of 5e-5: the loss has only begun to fall.',
      xName: 'step',
      yName: 'loss',
      curves: [
        { name: 'batches', points: curve, look: 'faint' },
        { name: 'validation', points: evaluated, look: 'marks' },
      ],
    });
    await drawPredictions(lesson, model, tokenizer, [...dataset.test.take(8)], classNames(dataset.numLabels));
  },
});
