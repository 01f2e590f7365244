/**
 * Vectors of words and of the n-grams that they are made of, so that words which were never seen have one too; trained here, or read from the
 * models that fastText's own program writes.
 */
import { ArgumentError } from '@course/tensor';
import type { Source } from '@course/tensor/files';
import type { Vocabulary } from './corpus.js';
import { unit } from './directions.js';
import { readFastText } from './format-fasttext.js';
import { KeyedVectors } from './keyed-vectors.js';
import { type NgramOptions, ngramBuckets } from './ngrams.js';
import { unknownWord } from './unknown-words.js';

/** Where the vectors of n-grams lie: a row for a bucket. */
export interface BucketRows {
  get(bucket: number): number | undefined;
}

/** Vectors that can be made for words outside of the vocabulary too, from their n-grams. */
export class FastTextKeyedVectors extends KeyedVectors {
  readonly #ngrams: NgramOptions;
  /** The row of a bucket in `#rows`; none for those that no word has. */
  readonly #rowOf: BucketRows;
  readonly #rows: Float32Array;

  /** @internal */
  constructor(
    vocabulary: Pick<Vocabulary, 'words' | 'counts'>,
    width: number,
    ngrams: NgramOptions,
    rowOf: BucketRows,
    rows: Float32Array,
  ) {
    super(vocabulary.words, new Float32Array(vocabulary.words.length * width), width, vocabulary.counts);
    [this.#ngrams, this.#rowOf, this.#rows] = [ngrams, rowOf, rows];
  }

  /**
   * Reads a model that fastText's program wrote (`cc.en.300.bin`), as gensim's `load_facebook_vectors`: every word then has a vector, for every
   * n-gram has a bucket. Read in pieces: it needs the memory of its vectors.
   *
   * @param source A path (in Node), a URL, a Blob or the bytes.
   * @throws FormatError where the file is not what it should be; also for quantised models (`.ftz`).
   * @example
   * // const wv = await FastTextKeyedVectors.loadFacebookVectors('cc.en.300.bin');
   * // await wv.mostSimilar({ positive: 'unseenword', topn: 3 });
   */
  static async loadFacebookVectors(source: Source): Promise<FastTextKeyedVectors> {
    const { words, counts, width, ngrams, vectors, buckets } = await readFastText(source);
    const wv = new FastTextKeyedVectors({ words, counts }, width, ngrams, { get: (bucket) => bucket }, buckets);
    wv.vectors.set(vectors);
    return wv;
  }

  /**
   * The vector of any word: of one outside of the vocabulary, the mean of the n-grams that it shares with words inside.
   *
   * @throws ArgumentError for a word that shares none.
   */
  override getVector(key: string, { norm = false }: { readonly norm?: boolean } = {}): Float32Array {
    if (this.has(key)) return super.getVector(key, { norm });
    const { vectorSize } = this;
    const known = ngramBuckets(key, this.#ngrams).flatMap((bucket) => this.#rowOf.get(bucket) ?? []);
    if (known.length === 0)
      throw new ArgumentError(
        `${unknownWord('FastText', key, this.indexToKey)}; and it shares no n-gram with any of them`,
      );
    const vector = new Float32Array(vectorSize);
    for (const row of known)
      for (let k = 0; k < vectorSize; k++) vector[k]! += this.#rows[row * vectorSize + k]! / known.length;
    return norm ? unit(vector) : vector;
  }
}
