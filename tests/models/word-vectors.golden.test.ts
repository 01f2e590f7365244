// Every model of word vectors against a NumPy program written from its paper, on the same random stream: all vectors after some epochs.
import { readFileSync } from 'node:fs';
import { characterNgrams, Doc2Vec, FastText, GloVe, ngramHash, Word2Vec } from '@course/models';
import { expect, it } from 'vitest';

interface Options {
  readonly width: number;
  readonly window: number;
  readonly shrink: boolean;
  readonly minCount: number;
  readonly sg: boolean;
  readonly negative: number;
  readonly mean: boolean;
  readonly sample: number;
  readonly alpha: number;
  readonly minAlpha: number;
  readonly epochs: number;
  readonly seed: number;
  readonly dm?: boolean;
  readonly minN?: number;
  readonly maxN?: number;
  readonly bucket?: number;
}

interface Golden {
  readonly sentences: readonly (readonly string[])[];
  readonly cases: readonly {
    readonly kind: 'word2vec' | 'fasttext' | 'doc2vec';
    readonly options: Options;
    readonly words: readonly string[];
    readonly counts: readonly number[];
    readonly vectors: readonly number[];
    readonly documents?: readonly number[];
    readonly inferred?: { readonly words: readonly string[]; readonly vector: readonly number[] };
    readonly unseen?: { readonly word: string; readonly vector: readonly number[] };
  }[];
  readonly glove: readonly {
    readonly options: {
      readonly width: number;
      readonly window: number;
      readonly minCount: number;
      readonly xMax: number;
      readonly alpha: number;
      readonly learningRate: number;
      readonly epochs: number;
      readonly seed: number;
      readonly symmetric: boolean;
    };
    readonly words: readonly string[];
    readonly counts: readonly number[];
    readonly matrix: readonly number[];
    readonly losses: readonly number[];
    readonly vectors: readonly number[];
  }[];
  readonly hashes: Readonly<Record<string, number>>;
}

const { sentences, cases, glove, hashes } = JSON.parse(
  readFileSync(new URL('../goldens/word-vectors.json', import.meta.url), 'utf8'),
) as Golden;

// Rows are kept in float32 (the reference computes in float64): about 100 steps change a row, each rounding a value below 2 by at most
// 2^-24, and the steps that follow pass errors on with factors below 1.
const float32 = { atol: 100 * 2 * 2 ** -24 };

it.each(cases)('$kind $options', async ({ kind, options, words, counts, ...expected }) => {
  const { width: vectorSize, shrink: shrinkWindows, mean, sg, dm, minN, maxN, bucket, ...rest } = options;
  const common = { ...rest, vectorSize, shrinkWindows };
  if (kind === 'doc2vec') {
    const documents = sentences.map((sentence, i) => ({ words: sentence, tags: [i] }));
    const model = await Doc2Vec.fit(documents, { ...common, dmMean: mean, dm: dm ?? true });
    expect(model.wv.indexToKey).toEqual(words);
    expect([...model.wv.vectors]).toBeClose(expected.vectors, float32);
    expect([...model.dv.vectors]).toBeClose(expected.documents ?? [], float32);
    expect([...model.inferVector(expected.inferred?.words ?? [])]).toBeClose(expected.inferred?.vector ?? [], float32);
    return;
  }
  const Model = kind === 'fasttext' ? FastText : Word2Vec;
  const grams = kind === 'fasttext' ? { minN: minN ?? 3, maxN: maxN ?? 6, bucket: bucket ?? 10 } : {};
  const { wv } = await Model.fit(sentences, { ...common, ...grams, sg, cbowMean: mean });
  expect(wv.indexToKey).toEqual(words);
  expect(wv.counts).toEqual(counts);
  expect([...wv.vectors]).toBeClose(expected.vectors, float32);
  if (expected.unseen) expect([...wv.getVector(expected.unseen.word)]).toBeClose(expected.unseen.vector, float32);
});

it.each(glove)('GloVe $options', async ({ options, words, counts, matrix, losses, vectors }) => {
  const { width: vectorSize, ...rest } = options;
  const seen: number[] = [];
  const model = await GloVe.fit(sentences, { ...rest, vectorSize, onProgress: ({ loss }) => seen.push(loss) });
  expect(model.wv.indexToKey).toEqual(words);
  expect(model.wv.counts).toEqual(counts);
  const ours = new Float64Array(words.length ** 2);
  const { rows, columns, counts: sums } = model.cooccurrences;
  for (const [i, sum] of sums.entries()) ours[(rows[i] ?? 0) * words.length + (columns[i] ?? 0)] = sum;
  // Both sides compute in float64; the file has nine digits, and the vectors are rounded to float32 at the end.
  expect([...ours]).toBeClose(matrix, { rtol: 1e-8 });
  expect(seen).toBeClose(losses, { rtol: 1e-7 });
  expect([...model.wv.vectors]).toBeClose(vectors, { rtol: 2 ** -23, atol: 1e-8 });
});

it('numbers n-grams as fastText does', () => {
  for (const [ngram, hash] of Object.entries(hashes)) expect(ngramHash(ngram), ngram).toBe(hash);
  expect(characterNgrams('football', 3, 3)).toEqual(['<fo', 'foo', 'oot', 'otb', 'tba', 'bal', 'all', 'll>']);
  expect(characterNgrams('né', 1, 2)).toEqual(['<n', 'n', 'né', 'é', 'é>']);
});
