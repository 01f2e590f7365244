// "Not" turns "terrible": word vectors stay as they are, and heads of self-attention learn to read a word by its company. A model without
// them has to give "not" one worth for all sentences.
import { padSequences } from '@course/data';
import * as optim from '@course/nn/optim';
import { noGrad, randperm, type Tensor, tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { learn } from '../course/learn.js';
import { defineExample } from '../course/lesson.js';
import { rowsOf, wordVectors } from '../movie-reviews/glove.js';
import { tokenize, Vocabulary } from '../movie-reviews/words.js';
import { writeReviews } from '../movie-reviews/writer.js';
import { lossOf, SentenceJudge } from './model.js';
import { type Sentence, sentences } from './sentences.js';

const asked = [
  'the restaurant is good',
  'the restaurant is not good',
  'the restaurant is not very good',
  'the restaurant is terrible',
  'the restaurant is not terrible',
  'the restaurant is not too terrible',
];

export const example = defineExample({
  title: 'How “not” turns “terrible”',
  about: 'Frozen word vectors; without self-attention, with one head, and with four that learn what a negation does.',
  pictures: [{ figure: 'How likely is praise?', isWide: true }, 'Who looks at whom'],
  solution: {},
  async run(lesson) {
    lesson.seed(8);
    const { quick, epochs = 1 } = lesson.options;
    const { train, test } = sentences();

    // Vectors from the company that words keep in reviews, or those of a file; none of them knows what is praise.
    const texts = writeReviews(quick ? 1000 : 4000, 8).map(({ text }) => text);
    const vocabulary = new Vocabulary(
      [...train, ...test].map(({ text }) => text),
      10_000,
    );
    const vectors = await wordVectors(lesson, texts, 8);
    const matrix = vectors.toTensor({ words: rowsOf(vocabulary) });
    const missing = vocabulary.words.filter((word) => !vectors.has(word));
    await lesson.show('Sentences to learn from', train.length);
    await lesson.show('Sentences to judge', test.length);
    await lesson.show('Words without a vector', missing.length);

    const ids = (list: readonly { readonly text: string }[]): Tensor =>
      padSequences(
        list.map(({ text }) => vocabulary.encode(text)),
        { padding: 'post', maxLength: 6 },
      );
    const [x, y] = [ids(train), tensor(train.map(({ label }) => label))];
    const isRight = async (model: SentenceJudge, list: readonly Sentence[]): Promise<number> => {
      const logits = await noGrad(() => model.forward(ids(list))).data();
      return list.filter(({ label }, i) => Number((logits[i] ?? 0) > 0) === label).length / list.length;
    };

    const curves: { name: string; points: (readonly [number, number])[] }[] = [];
    const judged: Record<string, number[]> = {};
    let attention: Tensor | null = null;
    for (const heads of [0, 1, 4]) {
      const name = heads === 0 ? 'no attention' : heads === 1 ? 'one head' : 'four heads';
      // Quickly: only the four heads need their time.
      const steps = quick ? (heads === 4 ? 120 : 30) : 800 * epochs;
      const model = new SentenceJudge(matrix, heads);
      const optimizer = new optim.AdamW(model.parameters(), { lr: quick ? 2e-2 : 5e-3 });
      const loss = (): Tensor => {
        const rows = randperm(train.length).narrow(0, 0, quick ? 48 : 128);
        return lossOf(model.forward(x.indexSelect(0, rows)), y.indexSelect(0, rows));
      };
      curves.push({ name, points: await learn(lesson, { what: name, steps, optimizer, loss }) });
      model.eval();
      const negated = test.filter(({ isNegated }) => isNegated);
      await lesson.show(`Right, ${name}`, await isRight(model, test));
      await lesson.show(`Right where negated, ${name}`, await isRight(model, negated));
      const [logits, weights] = noGrad(() => model.judge(ids(asked.map((text) => ({ text })))));
      judged[name] = [...(await logits.sigmoid().data())];
      if (heads === 4) attention = weights;
      const unchanged = await model.embedding.weight.eq(matrix).all().item();
      check(Boolean(unchanged), 'frozen vectors must not change');
    }
    await lesson.keep('praise', judged);
    for (const [i, text] of asked.entries())
      lesson.say(
        `${text.padEnd(36)} ${Object.entries(judged)
          .map(([name, p]) => `${name} ${(p[i] ?? 0).toFixed(3)}`)
          .join('   ')}`,
      );

    lesson.report
      .bars({
        title: 'How likely is praise?',
        note: 'Without attention every word counts for itself. Heads let “not” and the word behind it meet; “not too terrible” was never seen in training.',
        yName: 'probability',
        names: asked.map((text) => text.replace('the restaurant is ', '')),
        bars: Object.entries(judged).map(([name, values]) => ({ name, values })),
      })
      .lines({ title: 'Loss', xName: 'step', yName: 'binary cross-entropy', curves });
    if (attention) {
      const maps = (await attention.toArray()) as number[][][][]; // [sentence, head, query, key]
      const panels = asked.map((text, i) => {
        const words = tokenize(text);
        return (maps[i] ?? []).map((values, head) => ({
          title: `head ${head}`,
          rowName: 'word',
          columnName: 'looks at',
          rows: words,
          columns: words,
          values: values.slice(0, words.length).map((row) => row.slice(0, words.length)),
          max: 1,
        }));
      });
      // The sentence in question comes first.
      lesson.report.gallery({
        title: 'Who looks at whom',
        note: 'Where there is a “not”, words look at it; where there is none, elsewhere. So the same vector of “terrible” ends up in other company, and counts the other way.',
        choices: [{ name: 'sentence', values: [...asked].reverse() }],
        panels: panels.reverse(),
      });
    }
  },
});
