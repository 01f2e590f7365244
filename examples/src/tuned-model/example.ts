// Running a model that is already trained: load it with its tokenizer, look at both, and judge it on a thousand reviews.
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { drawConfusion, drawPredictions, probabilitiesOf } from '../fine-tuning/figures.js';
import { classNames } from '../fine-tuning/training.js';
import { reviewsFor } from '../texts/reviews.js';
import { tunedFor } from '../tiny-bert/tuned.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'A model that is already trained',
  about: 'Load it, look at it, judge it.',
  pictures: ['Confusion matrix'],
  solution,
  exercise,
  async run(lesson, { countRight }) {
    const { options } = lesson;
    const dataset = await reviewsFor(lesson, 'sentiment');
    const { tuned } = await tunedFor(lesson, dataset);

    const tokenizer = await AutoTokenizer.fromPretrained(tuned);
    const model = await AutoModelForSequenceClassification.fromPretrained(tuned);
    lesson.say(`${String(tokenizer)}\n\n${String(model)}\n`);

    const sample = dataset.test.shuffle({ seed: 42 }).take(options.quick && options.data === undefined ? 16 : 1000);
    const right = await countRight(model, tokenizer, sample);
    check(Number.isInteger(right) && right >= 0 && right <= sample.length, 'count the texts that are judged right');
    await lesson.show('Right', right);
    await lesson.show('Accuracy', right / sample.length);

    const names = classNames(dataset.numLabels);
    lesson.report.facts({ texts: String(sample.length), right: `${((100 * right) / sample.length).toFixed(1)} %` });
    // Where it is wrong: the same texts once more, by class.
    const probabilities: number[][] = [];
    for (const { text } of sample.batch(64)) probabilities.push(...(await probabilitiesOf(model, tokenizer, text)));
    const labels = sample.column('label');
    drawConfusion(
      lesson,
      { data: probabilities.flat(), shape: [labels.length, dataset.numLabels] },
      { data: labels, shape: [labels.length] },
      names,
    );
    await drawPredictions(lesson, model, tokenizer, [...sample.take(12)], names);
  },
});
