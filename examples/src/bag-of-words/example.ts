// Reviews as bags of words, and a small network that learns which words are whose: good on reviews, and wrong about "not too terrible",
// because a bag has no order.
import { DataLoader, type Dataset } from '@course/data';
import { noGrad, type Tensor, tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import type { Batch } from '../movie-reviews/classifier.js';
import { loadReviews } from '../movie-reviews/data.js';
import { tell, trainClassifier } from '../movie-reviews/training.js';
import { tokenize, Vocabulary } from '../movie-reviews/words.js';
import { IMDBClassifier } from './classifier.js';

/** A review as the numbers of its words. */
interface Encoded {
  readonly sequence: readonly number[];
  readonly label: number;
}

/** One-hot bags [texts, dimension]: 1 for every word that a text has. */
function vectorizeSequences(sequences: readonly (readonly number[])[], dimension: number): Tensor {
  const bags = new Float32Array(sequences.length * dimension);
  for (const [i, sequence] of sequences.entries()) for (const word of sequence) bags[i * dimension + word] = 1;
  return tensor(bags, { shape: [sequences.length, dimension] });
}

export const example = defineExample({
  title: 'A bag of words',
  about: 'A review is the set of its words; a network with dropout learns their worth, and nothing of their order.',
  pictures: ['bag of words: loss', 'bag of words: accuracy', 'Why “the restaurant is not too terrible”'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(42);
    const { quick, epochs = 15 } = lesson.options;
    const { train, test } = await loadReviews(lesson, seed);

    // The 9,999 most common words have a number; 0 is for all others.
    const vocabulary = new Vocabulary(train.column('text'), quick ? 600 : 10_000);
    const encode = (reviews: typeof train): Promise<Dataset<Encoded>> =>
      reviews.map(({ text, label }) => ({ sequence: vocabulary.encode(text), label }));
    const [learned, judged] = [await encode(train), await encode(test)];
    await lesson.show('Words in the vocabulary', vocabulary.size);
    await lesson.show('The ten most common', vocabulary.words.slice(0, 10));

    // The notebook makes all bags at once, a gigabyte for 25,000 reviews; here a batch makes its own.
    const collate = (rows: readonly Encoded[]): Batch => [
      vectorizeSequences(
        rows.map(({ sequence }) => sequence),
        vocabulary.size,
      ),
      tensor(rows.map(({ label }) => label)),
    ];
    const batchSize = quick ? 32 : 128;
    const trainLoader = new DataLoader(learned, { batchSize, shuffle: true, seed, collate });
    const testLoader = new DataLoader(judged, { batchSize: 500, collate });

    const model = new IMDBClassifier(vocabulary.size);
    lesson.say(`${model}\n`);
    const history = await trainClassifier(lesson, model, {
      title: 'bag of words',
      train: trainLoader,
      validation: testLoader,
      epochs: quick ? 3 : epochs,
    });
    tell(lesson, history);
    await lesson.keep(
      'val_acc',
      history.map(({ val_acc }) => val_acc),
    );

    // Predictions, without dropout and without gradients.
    model.eval();
    const predict = async (sequences: readonly (readonly number[])[]): Promise<number[]> =>
      (await noGrad(() => model.forward(vectorizeSequences(sequences, vocabulary.size))).toArray()) as number[];
    for (const i of [4, 16]) {
      const { sequence, label } = judged.at(i);
      const [positiveness] = await predict([sequence]);
      lesson.say(`Review ${i} (${label === 1 ? 'positive' : 'negative'}):\n ${vocabulary.decode(sequence)}`);
      await lesson.show(`Predicted positiveness of review ${i}`, positiveness ?? Number.NaN);
    }

    const sentence = 'the restaurant is not too terrible';
    const [positiveness = Number.NaN] = await predict([vocabulary.encode(sentence)]);
    lesson.say(`Review X:\n ${sentence}`);
    await lesson.show('Predicted positiveness', positiveness);

    // Why? Leave each word out, and see what the others say.
    const words = tokenize(sentence);
    const without = await predict(
      words.map((_, left) => vocabulary.encode(words.filter((_, i) => i !== left).join(' '))),
    );
    const logit = (p: number) => Math.log(p / (1 - p));
    const worth = without.map((p) => logit(positiveness) - logit(p));
    await lesson.show('What each word adds', Object.fromEntries(words.map((word, i) => [word, worth[i] ?? 0])));
    const shuffled = [...words].reverse().join(' ');
    const [backwards = Number.NaN] = await predict([vocabulary.encode(shuffled)]);
    check(backwards === positiveness, 'a bag of words cannot tell the order');
    lesson.say(
      `"${shuffled}" gets the same ${backwards.toFixed(4)}: a bag has no order, so "not" cannot turn "terrible".`,
    );
    lesson.report.bars({
      title: `Why “${sentence}” is judged as it is`,
      note: 'What the log-odds of a positive review lose when a word is left out. “terrible” speaks against it wherever it stands, and “not” counts the same before any word.',
      yName: 'log-odds',
      names: words,
      bars: [{ name: 'what the word adds', values: worth }],
    });
  },
});
