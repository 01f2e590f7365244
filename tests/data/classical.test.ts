// Words, counts and tf-idf beside scikit-learn and Python's `re` (tests/goldens/classical.py).
import { readFileSync } from 'node:fs';
import {
  CountVectorizer,
  type CountVectorizerOptions,
  charNgrams,
  charTokenize,
  charWordNgrams,
  ENGLISH_STOP_WORDS,
  mostCommon,
  ngrams,
  porterStem,
  TfidfTransformer,
  TfidfVectorizer,
  type TfidfVectorizerOptions,
  Vocabulary,
  wordTokenize,
} from '@course/data';
import { ArgumentError, init } from '@course/tensor';
import { expect, it } from 'vitest';

interface Matrix {
  options: Record<string, unknown>;
  names: string[];
  rows: number[][];
}
const goldens: {
  texts: string[];
  counts: Matrix[];
  tfidf: Matrix[];
  word: number[][];
  space: number[][];
  unassigned: number[][];
} = JSON.parse(readFileSync(new URL('../goldens/classical.json', import.meta.url), 'utf8'));

const NAMES: Record<string, string> = {
  ngram_range: 'ngramRange',
  stop_words: 'stopWords',
  min_df: 'minDf',
  max_df: 'maxDf',
  max_features: 'maxFeatures',
  use_idf: 'useIdf',
  smooth_idf: 'smoothIdf',
  sublinear_tf: 'sublinearTf',
};
const translated = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [NAMES[name] ?? name, value]));

it.each(goldens.counts)('counts as scikit-learn with $options', ({ options, names, rows }) => {
  const vectorizer = new CountVectorizer(translated(options) as CountVectorizerOptions);
  const counts = vectorizer.fitTransform(goldens.texts);
  expect(vectorizer.getFeatureNamesOut()).toEqual(names);
  expect(counts.toArray()).toEqual(rows);
});

it.each(goldens.tfidf)('weighs as scikit-learn with $options', ({ options, names, rows }) => {
  const vectorizer = new TfidfVectorizer(translated(options) as TfidfVectorizerOptions);
  const weighed = vectorizer.fitTransform(goldens.texts).toArray();
  expect(vectorizer.getFeatureNamesOut()).toEqual(names);
  // float64 on both sides; sums of at most 20 terms in another order: a few units in the last place.
  for (const [i, row] of rows.entries())
    for (const [j, value] of row.entries()) expect(weighed[i]?.[j]).toBeCloseTo(value, 13);
});

it('takes for a letter, and for white space, what Python does', () => {
  const inRanges = (ranges: number[][]): Uint8Array => {
    const set = new Uint8Array(0x110000);
    for (const [from = 0, to = 0] of ranges) set.fill(1, from, to + 1);
    return set;
  };
  const [word, space, unassigned] = [goldens.word, goldens.space, goldens.unassigned].map(inRanges) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const different: string[] = [];
  for (let point = 0; point < 0x110000; point++) {
    // What the Unicode of Python did not have yet, another may.
    if ((point >= 0xd800 && point <= 0xdfff) || unassigned[point] === 1) continue;
    const text = String.fromCodePoint(point);
    if ((wordTokenize(text, { lowercase: false }).length === 1) !== (word[point] === 1))
      different.push(point.toString(16));
    if ((charWordNgrams(`a${text}a`, 3).length === 2) !== (space[point] === 1)) different.push(point.toString(16));
  }
  expect(different).toEqual([]);
});

it('has the formula of the lecture', () => {
  const counts = new CountVectorizer().fitTransform(['cat', 'cat dog dog', 'bird']);
  const transformer = new TfidfTransformer({ plainIdf: true, norm: null });
  // bird, cat, dog: in 1, 2, 1 of 3 documents.
  expect(transformer.fitTransform(counts).toArray()).toEqual([
    [0, Math.log(3 / 2), 0],
    [0, Math.log(3 / 2), 2 * Math.log(3)],
    [Math.log(3), 0, 0],
  ]);
  expect([...transformer.idf]).toEqual([Math.log(3), Math.log(3 / 2), Math.log(3)]);
});

it('transforms new texts by what it has learned, into tensors too', async () => {
  await init({ device: 'cpu' });
  const vectorizer = new CountVectorizer({ tokenizer: (text) => wordTokenize(text).map(porterStem) }).fit([
    'walking dogs',
  ]);
  expect(await vectorizer.transform(['The dog walked; the DOGS walk', 'nothing']).toTensor().toArray()).toEqual([
    [2, 2],
    [0, 0],
  ]);
  expect(new CountVectorizer({ vocabulary: ['b', 'a'], analyzer: 'char' }).transform(['abba b']).toArray()).toEqual([
    [3, 2],
  ]);
});

it('refuses what has no meaning', () => {
  const cases: (() => unknown)[] = [
    () => new CountVectorizer().transform(['x']),
    () => new CountVectorizer().fit(['', '.']),
    () => new CountVectorizer({ stopWords: 'english' }).fit(['the and of']),
    () => new CountVectorizer({ minDf: 2 }).fit(['one', 'two']),
    () => new CountVectorizer({ minDf: 3, maxDf: 2 }).fit(['one', 'two', 'one']),
    () => new CountVectorizer({ minDf: 1.5 }),
    () => new CountVectorizer({ ngramRange: [2, 1] }),
    () => new CountVectorizer({ vocabulary: ['a', 'a'] }),
    () => new CountVectorizer().fit('one text'),
    () => new TfidfTransformer().transform(new CountVectorizer().fitTransform(['xx'])),
    () => ngrams(['a'], 0),
    () => wordTokenize('a', { minLength: 0 }),
  ];
  for (const act of cases) expect(act).toThrow(ArgumentError);
});

it('cuts texts into runs', () => {
  expect(ngrams(['a', 'b', 'c'], 2, 5)).toEqual(['a b', 'b c', 'a b c']);
  expect(charNgrams('a  😀b', 2)).toEqual(['a ', ' 😀', '😀b']);
  expect(charWordNgrams('ab', 5)).toEqual([' ab ']);
  expect(charTokenize('a😀')).toEqual(['a', '😀']);
  expect(ENGLISH_STOP_WORDS.size).toBe(318);
});

it('stems as Porter', () => {
  // From the paper, step by step.
  const pairs = {
    caresses: 'caress',
    ponies: 'poni',
    feed: 'feed',
    plastered: 'plaster',
    motoring: 'motor',
    hopping: 'hop',
    falling: 'fall',
    happy: 'happi',
    relational: 'relat',
    triplicate: 'triplic',
    hopeful: 'hope',
    adjustable: 'adjust',
    probate: 'probat',
    rate: 'rate',
    controll: 'control',
    roll: 'roll',
  };
  for (const [word, stem] of Object.entries(pairs)) expect(porterStem(word), word).toBe(stem);
});

it('numbers tokens as Counter.most_common orders them', () => {
  const texts = ['b a b c a d', 'c e'].map((text) => text.split(' '));
  const vocabulary = Vocabulary.fromTokens(texts, { minFrequency: 2 });
  // Python: Counter('b a b c a d c e'.split()).most_common() begins b 2, a 2, c 2.
  expect(vocabulary.tokens).toEqual(['<pad>', '<unk>', 'b', 'a', 'c']);
  expect(vocabulary.encode(['a', 'd', '<pad>'])).toEqual([3, 1, 0]);
  expect(vocabulary.decode([2, 1])).toEqual(['b', '<unk>']);
  expect([vocabulary.size, vocabulary.has('d'), vocabulary.counts.get('b')]).toEqual([5, false, 2]);
  expect(Vocabulary.fromTokens(texts, { maxSize: 3 }).tokens).toEqual(['<pad>', '<unk>', 'b']);
  expect(
    mostCommon(
      new Map([
        ['x', 1],
        ['y', 2],
      ]),
    )[0],
  ).toEqual(['y', 2]);
  const bare = Vocabulary.fromTokens(texts, { reserved: [] });
  expect(() => bare.id('zzz')).toThrow(ArgumentError);
  expect(() => bare.decode([99])).toThrow(ArgumentError);
  expect(() => Vocabulary.fromTokens(texts, { maxSize: 1 })).toThrow(ArgumentError);
  expect(() => Vocabulary.fromTokens(texts, { reserved: ['a', 'a'] })).toThrow(ArgumentError);
  expect(() => Vocabulary.fromTokens(texts, { unkToken: 'x' })).toThrow(ArgumentError);
});
