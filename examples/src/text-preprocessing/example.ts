// What happens to a text before a classical model sees it: words, stems, stop words, runs of words and of letters; counts, their weights,
// and lengths. Networks of today need little of it: they learn from pieces of words.
import {
  CountVectorizer,
  charNgrams,
  ENGLISH_STOP_WORDS,
  ngrams,
  porterStem,
  TfidfTransformer,
  wordTokenize,
} from '@course/data';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { textsFor } from '../texts/from-option.js';

const sentence = 'An awesome movie with creative meetings, and the meeting was the best of them!';
const documents = [
  'the film is a witty film',
  'the film is dull',
  'the ending is witty',
  'the music is dull, the plot is dull',
];

export const example = defineExample({
  title: 'Preparing text',
  about: 'From a sentence to words, stems and runs of them; from counts to TF-IDF and vectors of length 1.',
  pictures: ['TF-IDF', 'How many different terms'],
  solution: {},
  async run(lesson) {
    const words = wordTokenize(sentence);
    await lesson.show('Words', words);
    await lesson.show('Stems', words.map(porterStem));
    const kept = words.filter((word) => !ENGLISH_STOP_WORDS.has(word));
    await lesson.show('Without stop words', kept);
    // "not" is among the stop words of most lists: what is left out may be what matters.
    const lost = wordTokenize('the restaurant is not too terrible').filter((word) => !ENGLISH_STOP_WORDS.has(word));
    await lesson.show('What is left of "the restaurant is not too terrible"', lost);
    await lesson.show('Pairs of words', ngrams(kept, 2));
    await lesson.show('Runs of three letters of "awesome"', charNgrams('awesome', 3));

    // Counts of words in four documents; a word counts more the fewer documents have it: tf * log(N / df).
    const vectorizer = new CountVectorizer({ tokenizer: (text) => wordTokenize(text) });
    const counts = vectorizer.fitTransform(documents);
    const vocabulary = vectorizer.getFeatureNamesOut();
    await lesson.show('Vocabulary', vocabulary);
    await lesson.show('Counts', counts.toArray());
    const weighed = new TfidfTransformer({ plainIdf: true, norm: null }).fitTransform(counts).toArray();
    await lesson.show('TF-IDF', weighed);
    for (const [i, row] of weighed.entries())
      for (const [j, weight] of row.entries()) {
        const df = documents.filter((text) => wordTokenize(text).includes(vocabulary[j] ?? '')).length;
        const tf = wordTokenize(documents[i] ?? '').filter((word) => word === vocabulary[j]).length;
        const expected = tf * Math.log(documents.length / df);
        check(Math.abs(weight - expected) < 1e-12, `the weight of '${vocabulary[j]}' must be tf * log(N / df)`);
      }

    // Divided by their length, rows have length 1: the squared distance of two is 2 - 2 cos.
    const rows = new TfidfTransformer({ plainIdf: true }).fitTransform(counts).toArray();
    await lesson.show(
      'Lengths',
      rows.map((row) => Math.hypot(...row)),
    );
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    const cosines = rows.map((a) => rows.map((b) => dot(a, b)));
    await lesson.show('Cosines', cosines);
    const [first = [], second = []] = rows;
    const distance = first.reduce((sum, value, i) => sum + (value - (second[i] ?? 0)) ** 2, 0);
    check(Math.abs(distance - (2 - 2 * dot(first, second))) < 1e-12, 'distance and cosine must say the same');

    // On whole texts, the paragraphs of a book or those of --data: how many terms there are of each kind.
    const texts = (await textsFor(lesson)).slice(0, lesson.options.quick ? 60 : 5000);
    lesson.say(`${texts.length} texts\n`);
    const kinds = {
      words: new CountVectorizer({ tokenizer: (text) => wordTokenize(text) }),
      stems: new CountVectorizer({ tokenizer: (text) => wordTokenize(text).map(porterStem) }),
      'without stop words': new CountVectorizer({ stopWords: 'english' }),
      'words and pairs': new CountVectorizer({ tokenizer: (text) => wordTokenize(text), ngramRange: [1, 2] }),
      'runs of 3 letters': new CountVectorizer({ analyzer: 'char_wb', ngramRange: [3, 3] }),
    };
    const sizes = Object.fromEntries(
      Object.entries(kinds).map(([kind, each]) => [kind, each.fitTransform(texts).shape[1]]),
    );
    await lesson.show('Different terms', sizes);

    const names = documents.map((_, i) => `document ${i + 1}`);
    const table = { rowName: 'document', columnName: 'word', rows: names, columns: vocabulary };
    const matrix = (values: readonly (readonly number[])[], digits: number) => ({
      values,
      texts: values.map((row) => row.map((value) => value.toFixed(digits))),
    });
    lesson.report
      .heatmap({
        title: 'Counts',
        note: documents.map((text, i) => `${i + 1}: ${text}`).join('; '),
        ...table,
        ...matrix(counts.toArray(), 0),
      })
      .heatmap({
        title: 'TF-IDF',
        note: '“the” and “is” stand in all documents and weigh nothing; a word that stands in one document alone weighs most for each of its occurrences.',
        ...table,
        ...matrix(weighed, 2),
      })
      .bars({
        title: 'How many different terms',
        yName: 'terms',
        names: Object.keys(sizes),
        bars: [{ name: 'in all texts', values: Object.values(sizes) }],
      });
  },
});
