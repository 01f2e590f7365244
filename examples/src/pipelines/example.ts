// Pipelines: a task, a model, and it answers. `--model` is a folder or hub id of a classifier or of a masked language model; without it
// tiny ones are trained for a moment.
import { AutoConfig, pipeline } from '@course/models';
import { check } from '../course/gap.js';
import { defineExample, type Lesson } from '../course/lesson.js';
import { reviewsFor } from '../texts/reviews.js';
import { tunedFor } from '../tiny-bert/tuned.js';

/** The models for the two tasks: `--model` serves the one it was made for. */
async function modelsFor(lesson: Lesson): Promise<{ classifier?: string; masked?: string }> {
  const { model } = lesson.options;
  if (model === undefined) {
    const { pretrained, tuned } = await tunedFor(lesson, await reviewsFor(lesson, 'sentiment'));
    return { classifier: tuned, masked: pretrained };
  }
  const { architectures } = (await AutoConfig.fromPretrained(model)).others;
  const isClassifier = String(architectures).includes('ForSequenceClassification');
  return isClassifier ? { classifier: model } : { masked: model };
}

export const example = defineExample({
  title: 'Pipelines',
  about: 'Sentiment, masked words and features of texts, in a line each.',
  pictures: ['The film is [MASK].', 'How alike texts are'],
  solution: {},
  async run(lesson) {
    const { classifier, masked } = await modelsFor(lesson);
    const { report } = lesson;

    if (classifier !== undefined) {
      const classify = await pipeline('sentiment-analysis', classifier);
      const result = await classify('I absolutely loved the advanced machine learning course!');
      await lesson.show(
        'Sentiment',
        result.map(({ label, score }) => ({ label, score })),
      );
      const texts = ['The film is good.', 'The film is not good.', 'The restaurant is not too terrible.'];
      const all = await classify(texts, { topK: null });
      for (const scores of all)
        check(Math.abs(scores.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-5, 'probabilities must sum to 1');
      await lesson.show(
        'All probabilities',
        all.map((scores) => scores.map(({ label, score }) => ({ label, score }))),
      );
      report.section('Sentiment').table({
        title: 'Several texts at once',
        head: ['text', 'label', 'probability'],
        numbers: [2],
        rows: texts.map((text, i) => [text, all[i]?.[0]?.label ?? '', (all[i]?.[0]?.score ?? 0).toFixed(4)]),
      });
    }

    if (masked !== undefined) {
      const unmask = await pipeline('fill-mask', masked);
      report.section('Masked words');
      for (const text of [
        'Artificial Intelligence is the [MASK] of the future.',
        'The movie was [MASK].',
        'The film is [MASK].',
      ] as const) {
        const words = await unmask(text, { topK: 5 });
        lesson.say(text);
        for (const { tokenStr, score } of words.slice(0, 3)) lesson.say(`${tokenStr}: ${score.toFixed(4)}`);
        lesson.say();
        await lesson.keep(
          text,
          words.map(({ token, tokenStr, score }) => ({ token, tokenStr, score })),
        );
        report.bars({
          title: text,
          yName: 'probability',
          names: words.map(({ tokenStr }) => tokenStr),
          bars: [{ name: 'probability', values: words.map(({ score }) => score) }],
        });
      }

      // Without a head: vectors of the tokens, or one of the whole text.
      const features = await pipeline('feature-extraction', masked);
      const texts = ['The film is good.', 'The movie is great.', 'The film is bad.', 'My aunt read it.'];
      const perToken = await features(texts[0] ?? '');
      await lesson.show('Features of a text', [
        perToken.length,
        perToken[0]?.length ?? 0,
        perToken[0]?.[0]?.length ?? 0,
      ]);
      const vectors = await features(texts, { pooling: 'mean', normalize: true });
      // Of length 1: their products are their cosines.
      const similar = vectors.map((a) => vectors.map((b) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)));
      await lesson.show('Similarities of texts', similar);
      report.section('Features').heatmap({
        title: 'How alike texts are',
        note: 'Cosines between the means over their tokens.',
        rowName: 'text',
        columnName: 'text',
        rows: texts,
        columns: texts,
        values: similar,
        texts: similar.map((row) => row.map((value) => value.toFixed(2))),
        max: 1,
      });
    }
  },
});
