/**
 * FastText (Bojanowski et al. 2017): Word2Vec in which a word is the mean of a vector of its own and those of its character n-grams, so that
 * words spelt alike share what they learn, and words that were never seen have a vector. N-grams share `bucket` vectors by a hash. Only buckets
 * that a word of the vocabulary falls into are stored: the others are never trained, and gensim's and fastText's random numbers there are
 * noise in the vectors of unknown words. So memory grows with the text and not with `bucket`.
 */
import { ArgumentError, Generator } from '@course/tensor';
import { type Corpus, encodeCorpus, readCorpus, type Sentences, type Vocabulary } from './corpus.js';
import { KeyedVectors } from './keyed-vectors.js';
import { NegativeSampling } from './negative-sampling.js';
import { type NgramOptions, ngramBuckets } from './ngrams.js';
import {
  OptionCheck,
  type ResolvedWord2VecOptions,
  resolveWord2Vec,
  type TrainOptions,
  type Word2VecOptions,
} from './options.js';
import { keepThresholds, UnigramTable } from './sampling.js';
import { unknownWord } from './unknown-words.js';
import { runWindows, Windows } from './windows.js';
import { initialRows, trainOptions } from './word2vec.js';

/** Options of {@link FastText}; gensim's, by gensim's defaults. */
export interface FastTextOptions extends Word2VecOptions {
  /** Characters of the shortest n-grams. Default 3. */
  readonly minN?: number;
  /** Characters of the longest n-grams. Default 6; 0 for none, which is Word2Vec. */
  readonly maxN?: number;
  /** Vectors that the n-grams share. Default 2,000,000. */
  readonly bucket?: number;
}

/** Vectors that can be made for words outside of the vocabulary too, from their n-grams. */
export class FastTextKeyedVectors extends KeyedVectors {
  readonly #ngrams: NgramOptions;
  /** The row of a bucket in `#rows`. */
  readonly #rowOf: ReadonlyMap<number, number>;
  readonly #rows: Float32Array;

  /** @internal */
  constructor(
    vocabulary: Vocabulary,
    width: number,
    ngrams: NgramOptions,
    rowOf: ReadonlyMap<number, number>,
    rows: Float32Array,
  ) {
    super(vocabulary.words, new Float32Array(vocabulary.words.length * width), width, vocabulary.counts);
    [this.#ngrams, this.#rowOf, this.#rows] = [ngrams, rowOf, rows];
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
    if (!norm) return vector;
    const length = Math.hypot(...vector);
    return length > 0 ? vector.map((value) => value / length) : vector;
  }
}

/**
 * Vectors of words and of their parts; as [gensim's FastText](https://radimrehurek.com/gensim/models/fasttext.html).
 *
 * @example
 * const sentences = [['she', 'walked', 'home'], ['he', 'walks', 'home'], ['they', 'talked', 'there']];
 * const model = await FastText.fit(sentences, { vectorSize: 8, minCount: 1, minN: 3, maxN: 5, epochs: 20 });
 * model.wv.has('walking'); // false
 * model.wv.getVector('walking').length; // 8
 */
export class FastText {
  readonly options: ResolvedWord2VecOptions & Required<FastTextOptions>;
  readonly #random: Generator;
  #state: State | undefined;

  /** @throws ArgumentError for an option outside its domain. */
  constructor({ minN = 3, maxN = 6, bucket = 2_000_000, ...options }: FastTextOptions = {}) {
    this.options = { ...resolveWord2Vec('FastText', options), minN, maxN, bucket };
    const check = new OptionCheck('FastText');
    check.whole('minN', minN, 1);
    check.whole('maxN', maxN, 0);
    check.whole('bucket', bucket, 1);
    this.#random = new Generator(this.options.seed);
  }

  /** A model of the words of some sentences, trained on them; as {@link Word2Vec.fit}. */
  static async fit(
    sentences: Sentences,
    { onProgress, ...options }: FastTextOptions & Pick<TrainOptions, 'onProgress'> = {},
  ): Promise<FastText> {
    const model = new FastText(options);
    const { vocabulary, corpus } = readCorpus('FastText', sentences, model.options);
    model.#begin(vocabulary);
    await model.#run(corpus, onProgress ? { onProgress } : {});
    return model;
  }

  /** The vectors; trained further when the model is. */
  get wv(): FastTextKeyedVectors {
    return this.#started('wv').wv;
  }

  /** Width of the vectors. */
  get vectorSize(): number {
    return this.options.vectorSize;
  }

  /** Takes the words of some sentences as vocabulary, and draws all vectors anew. */
  buildVocab(sentences: Sentences): void {
    this.#begin(readCorpus('FastText', sentences, this.options).vocabulary);
  }

  /** Trains on sentences; words outside of the vocabulary are passed over. */
  async train(sentences: Sentences, options: TrainOptions = {}): Promise<void> {
    await this.#run(encodeCorpus('FastText', sentences, this.#started('train').vocabulary), options);
  }

  #begin(vocabulary: Vocabulary): void {
    const { vectorSize: width, nsExponent, sample, negative, cbowMean, computeLoss, sg, ...rest } = this.options;
    const random = this.#random;
    const count = vocabulary.words.length;
    const rowOf = new Map<number, number>();
    const starts = new Int32Array(count + 1);
    const rows: number[] = [];
    for (const [word, text] of vocabulary.words.entries()) {
      rows.push(word);
      for (const bucket of ngramBuckets(text, rest)) {
        const row = rowOf.get(bucket) ?? rowOf.size;
        rowOf.set(bucket, row);
        rows.push(count + row);
      }
      starts[word + 1] = rows.length;
    }
    const inputs = initialRows(count + rowOf.size, width, random);
    const sampling = new NegativeSampling({
      inputs,
      outputs: new Float32Array(count * width),
      width,
      noise: new UnigramTable(vocabulary.counts, nsExponent, random),
      negative,
      mean: cbowMean,
      computeLoss,
    });
    const wordRows = { starts, rows: Int32Array.from(rows) };
    const keep = keepThresholds(vocabulary.counts, sample);
    const windows = new Windows({ ...rest, sampling, random, wordRows, keep, words: sg ? 'sg' : 'cbow' });
    const wv = new FastTextKeyedVectors(vocabulary, width, rest, rowOf, inputs.subarray(count * width));
    this.#state = { vocabulary, sampling, windows, wv, inputs, starts, rows: wordRows.rows };
    this.#compose();
  }

  async #run(corpus: Corpus, options: TrainOptions): Promise<void> {
    const { sampling, windows } = this.#started('train');
    try {
      await runWindows(windows, sampling, corpus, trainOptions(this.options, options));
    } finally {
      this.#compose();
    }
  }

  /** The vectors of the words from what was trained: each the mean of its rows. */
  #compose(): void {
    const { wv, inputs, starts, rows } = this.#started('train');
    const { vectors, vectorSize: width } = wv;
    vectors.fill(0);
    for (let word = 0; word < wv.length; word++) {
      const [from, to] = [starts[word]!, starts[word + 1]!];
      for (let r = from; r < to; r++)
        for (let k = 0; k < width; k++) vectors[word * width + k]! += inputs[rows[r]! * width + k]! / (to - from);
    }
    wv.refresh();
  }

  #started(what: string): State {
    if (!this.#state)
      throw new ArgumentError(
        `FastText.${what}: you must first build the vocabulary: call buildVocab, or use FastText.fit`,
      );
    return this.#state;
  }
}

interface State {
  readonly vocabulary: Vocabulary;
  readonly sampling: NegativeSampling;
  readonly windows: Windows;
  readonly wv: FastTextKeyedVectors;
  /** [words + buckets in use, width]. */
  readonly inputs: Float32Array;
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}
