// Word2Vec: CBOW and skip-gram on a text that is built to have analogies, then skip-gram on a book (or --data).
import { Word2Vec } from '@course/models';
import * as nn from '@course/nn';
import { tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { sentencesOf } from '../texts/book.js';
import { textsFor } from '../texts/from-option.js';
import { showAnalogies, showNearest, showPlane, TrainingCurve } from '../word-vectors/show.js';
import { capitals, couples, worldAnalogies, worldSentences } from '../word-vectors/world.js';

const wordsOf = (sentence: string): string[] => sentence.toLowerCase().match(/\p{L}+(?:'\p{L}+)?/gu) ?? [];

export const example = defineExample({
  title: 'Word2Vec',
  about:
    'Vectors learned by guessing words from their neighbours, or neighbours from words: what is used alike comes to lie together.',
  pictures: ['Countries and capitals', 'He and she'].map((figure) => ({ figure, isWide: true })),
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(1);
    const { quick, epochs = 8 } = lesson.options;
    const sentences = worldSentences(quick ? 6000 : 40_000);
    lesson.say(`${sentences.length} sentences, such as: ${sentences[0]?.join(' ')}\n`);

    // Both guess a word among noise words. CBOW guesses the middle of a window from the mean of all around it, skip-gram from each alone.
    const settings = {
      vectorSize: quick ? 24 : 50,
      window: 4,
      minCount: 2,
      sample: 1e-2,
      epochs,
      seed,
      computeLoss: true,
    };
    const curves = { CBOW: new TrainingCurve(lesson, 'CBOW'), 'skip-gram': new TrainingCurve(lesson, 'skip-gram') };
    const cbow = await Word2Vec.fit(sentences, { ...settings, alpha: 0.05, onProgress: curves.CBOW.onProgress });
    const skipGram = await Word2Vec.fit(sentences, {
      ...settings,
      sg: true,
      onProgress: curves['skip-gram'].onProgress,
    });
    lesson.report.section('A small world').lines({
      title: 'Loss',
      note: 'Of a prediction: the word against five noise words.',
      xName: 'words',
      yName: 'loss',
      curves: Object.entries(curves).map(([name, { points }]) => ({ name, points })),
    });

    const { wv } = skipGram;
    await showNearest(lesson, 'Nearest words', wv, ['king', 'paris', 'walking', 'colder']);
    const [royal] = await wv.mostSimilar({ positive: ['king', 'woman'], negative: ['man'], topn: 1 });
    await lesson.show('king - man + woman', royal?.[0] ?? '');
    await lesson.show(
      'What does not match: paris, rome, berlin, soup',
      wv.doesntMatch(['paris', 'rome', 'berlin', 'soup']),
    );
    await showAnalogies(lesson, 'Analogies with CBOW', cbow.wv, worldAnalogies);
    const { accuracy } = await showAnalogies(lesson, 'Analogies with skip-gram', wv, worldAnalogies);
    check(accuracy > 0.5, 'most analogies of the small world are found');
    await showPlane(
      lesson,
      'Countries and capitals',
      'The step from a country to its capital is about the same for all.',
      wv,
      [
        { name: 'countries', words: capitals.map(([country]) => country) },
        { name: 'capitals', words: capitals.map(([, capital]) => capital) },
      ],
    );
    await showPlane(lesson, 'He and she', 'So is the step from a man to a woman.', wv, [
      { name: 'he', words: couples.map(([he]) => he) },
      { name: 'she', words: couples.map(([, she]) => she) },
    ]);

    // The vectors as the first layer of a network, frozen.
    const embedding = nn.Embedding.fromPretrained(wv.toTensor());
    const ids = ['the', 'king', 'walked'].map((word) => wv.getIndex(word));
    await lesson.show('A sentence embedded', [...embedding.forward(tensor([ids], { dtype: 'int32' })).shape]);

    const texts = await textsFor(lesson);
    const text = (quick ? texts.slice(0, 60) : texts).flatMap((paragraph) => sentencesOf(paragraph).map(wordsOf));
    const curve = new TrainingCurve(lesson, lesson.options.data ?? 'a book');
    const book = await Word2Vec.fit(text, {
      ...settings,
      sample: 1e-3,
      minCount: quick ? 3 : 5,
      sg: true,
      onProgress: curve.onProgress,
    });
    const frequent = book.wv.indexToKey.filter((word) => word.length > 4).slice(0, 8);
    lesson.report.section(lesson.options.data === undefined ? 'A book' : 'The text of --data');
    await showNearest(lesson, 'Nearest words in the text', book.wv, frequent);
    for (const vectors of [cbow.wv, wv, book.wv]) vectors.dispose();
  },
});
