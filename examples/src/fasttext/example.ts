// FastText: words as sums of their character n-grams, so that words that were never seen have vectors too.
import { characterNgrams, FastText, ngramHash, Word2Vec } from '@course/models';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { showAnalogies, showNearest, showPlane, TrainingCurve } from '../word-vectors/show.js';
import { unseen, worldAnalogies, worldSentences } from '../word-vectors/world.js';

export const example = defineExample({
  title: 'FastText',
  about: 'Words spelt alike share what they learn, and a word that was never seen gets its vector from its parts.',
  pictures: ['Verbs in three forms'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(1);
    const { quick, epochs = 8 } = lesson.options;

    // The lecture's example: the 3-grams of “football”, and the buckets that they are hashed into.
    const ngrams = characterNgrams('football', 3, 3);
    await lesson.show('3-grams of football', ngrams);
    const bucket = 20_000;
    await lesson.show(
      'Their buckets',
      ngrams.map((ngram) => ngramHash(ngram) % bucket),
    );

    const sentences = worldSentences(quick ? 3000 : 30_000);
    const settings = { vectorSize: quick ? 24 : 50, window: 4, minCount: 2, sample: 1e-2, sg: true, epochs, seed };
    const curve = new TrainingCurve(lesson, 'FastText');
    const fast = await FastText.fit(sentences, {
      ...settings,
      minN: 3,
      maxN: 6,
      bucket,
      computeLoss: true,
      onProgress: curve.onProgress,
    });
    lesson.report.lines({
      title: 'Loss',
      xName: 'words',
      yName: 'loss',
      curves: [{ name: 'FastText', points: curve.points }],
    });
    const { wv } = fast;
    await showNearest(lesson, 'Nearest words', wv, ['walking', 'colder', 'king', 'paris']);

    // None of these is in the text: Word2Vec has nothing to say about them.
    const words = Object.keys(unseen);
    check(
      words.every((word) => !wv.has(word)),
      'the unseen words must not be in the vocabulary',
    );
    await showNearest(lesson, 'Nearest words of words that were never seen', wv, [...words, 'wallking']);
    for (const [word, stem] of Object.entries(unseen)) {
      const similarity = wv.similarity(word, stem);
      await lesson.show(`${word} and ${stem}`, Number(similarity.toFixed(3)));
      check(similarity > wv.similarity(word, 'the'), `${word} must lie nearer to ${stem} than to "the"`);
    }

    const { onProgress } = new TrainingCurve(lesson, 'Word2Vec');
    const word2vec = await Word2Vec.fit(sentences, { ...settings, onProgress });
    await showAnalogies(lesson, 'Analogies with Word2Vec', word2vec.wv, worldAnalogies);
    await showAnalogies(lesson, 'Analogies with FastText', wv, worldAnalogies);
    const stems = ['walk', 'cook', 'paint', 'repair', 'plant'];
    await showPlane(
      lesson,
      'Verbs in three forms',
      'Endings are n-grams too: about the same step leads from every verb to its form in -ing.',
      wv,
      [
        { name: 'base', words: stems },
        { name: '-ed', words: stems.map((stem) => `${stem}ed`) },
        { name: '-ing', words: stems.map((stem) => `${stem}ing`) },
      ],
    );
    for (const vectors of [wv, word2vec.wv]) vectors.dispose();
  },
});
