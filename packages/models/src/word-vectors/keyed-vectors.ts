/**
 * Words and their vectors, and what can be asked of them, by gensim's names. The vectors lie on the host, where training and files put them;
 * questions about two or three words are answered there, those about all words on the device (directions.ts).
 */
import { ArgumentError, type Tensor, tensor } from '@course/tensor';
import type { Source } from '@course/tensor/files';
import { type AnalogyReport, type AnalogySection, evaluateAnalogies } from './analogies.js';
import { Directions, dot, unit } from './directions.js';
import { readBinaryVectors, writeBinaryVectors } from './format-binary.js';
import { readTextVectors, type VectorTable, writeTextVectors } from './format-text.js';
import { largest } from './largest.js';
import { unknownWord } from './unknown-words.js';
import {
  type KeyOrVector,
  type LoadVectorsOptions,
  listOf,
  type MostSimilarOptions,
  type SaveVectorsOptions,
  type SimilarWord,
  type ToTensorOptions,
} from './vector-queries.js';

/**
 * Vectors by word, as [gensim's KeyedVectors](https://radimrehurek.com/gensim/models/keyedvectors.html).
 *
 * @example
 * const wv = new KeyedVectors(['king', 'queen', 'apple'], Float32Array.of(1, 0.2, 1, 0.4, -1, 0.5), 2);
 * wv.doesntMatch(['king', 'queen', 'apple']); // 'apple'
 * const [nearest] = await wv.mostSimilar({ positive: 'king', topn: 1 });
 * nearest?.[0]; // 'queen'
 */
export class KeyedVectors {
  /** The words, in the order of the rows. */
  readonly indexToKey: readonly string[];
  /** The row of each word. */
  readonly keyToIndex: ReadonlyMap<string, number>;
  /** How often each word occurred in the text that the vectors were trained on; absent when that is not known. */
  readonly counts: readonly number[] | undefined;
  readonly #directions: Directions;

  /**
   * @param keys The words, each once.
   * @param vectors [words, vectorSize], row by row; kept, not copied.
   * @throws ArgumentError when the sizes do not fit or a word occurs twice.
   */
  constructor(
    keys: readonly string[],
    /** [words, vectorSize], row by row. After a change call {@link refresh}. */
    readonly vectors: Float32Array,
    /** The width of a vector. */
    readonly vectorSize: number,
    counts?: readonly number[],
  ) {
    if (!Number.isInteger(vectorSize) || vectorSize < 1 || vectors.length !== keys.length * vectorSize)
      throw new ArgumentError(
        `KeyedVectors: ${keys.length} words of width ${vectorSize} need ${keys.length * vectorSize} numbers, got ${vectors.length}`,
      );
    this.indexToKey = keys;
    this.keyToIndex = new Map(keys.map((key, i) => [key, i]));
    this.counts = counts;
    this.#directions = new Directions(vectors, vectorSize);
    if (this.keyToIndex.size < keys.length) {
      const twice = keys.find((key, i) => this.keyToIndex.get(key) !== i);
      throw new ArgumentError(`KeyedVectors: the word '${twice}' occurs twice`);
    }
  }

  /** Vectors by word, from pairs of a word and its vector: of `Object.entries` of a JSON file, say. */
  static fromEntries(entries: Iterable<readonly [key: string, vector: ArrayLike<number>]>): KeyedVectors {
    const all = [...entries];
    const width = all[0]?.[1].length ?? 0;
    const vectors = new Float32Array(all.length * width);
    for (const [i, [key, vector]] of all.entries()) {
      if (vector.length !== width)
        throw new ArgumentError(
          `KeyedVectors: the vector of '${key}' has ${vector.length} numbers, the first has ${width}`,
        );
      vectors.set(vector, i * width);
    }
    return new KeyedVectors(
      all.map(([key]) => key),
      vectors,
      width,
    );
  }

  /**
   * Reads word2vec's text or binary format; GloVe's files with `{ noHeader: true }`. Files are read in pieces: a large one needs the memory of its
   * vectors. A word that occurs again is left out, as in gensim.
   *
   * @param source A path (in Node), a URL, a Blob or the bytes.
   * @throws FormatError that names the line (text) or the word and the byte (binary) where the file is not what it should be.
   */
  static async loadWord2vecFormat(
    source: Source,
    { binary = false, noHeader = false, limit = Number.POSITIVE_INFINITY }: LoadVectorsOptions = {},
  ): Promise<KeyedVectors> {
    if (!(limit >= 1)) throw new ArgumentError(`KeyedVectors: limit must be at least 1, got ${limit}`);
    if (binary && noHeader) throw new ArgumentError('KeyedVectors: the binary format always has a header');
    return ofTable(
      binary ? await readBinaryVectors(source, limit) : await readTextVectors(source, { noHeader, limit }),
    );
  }

  /** Reads a text file of [GloVe](https://nlp.stanford.edu/projects/glove/): a word and its numbers on each line, and no header. */
  static loadGlove(source: Source, options: Pick<LoadVectorsOptions, 'limit'> = {}): Promise<KeyedVectors> {
    return KeyedVectors.loadWord2vecFormat(source, { ...options, noHeader: true });
  }

  /** Writes word2vec's text or binary format, whole or not at all. What is read back has the same bits. */
  async saveWord2vecFormat(
    path: string,
    { binary = false, writeHeader = true }: SaveVectorsOptions = {},
  ): Promise<void> {
    const table = { words: this.indexToKey, vectors: this.vectors, width: this.vectorSize };
    await (binary ? writeBinaryVectors(path, table) : writeTextVectors(path, table, { header: writeHeader }));
  }

  /** Writes GloVe's text format. */
  saveGlove(path: string): Promise<void> {
    return this.saveWord2vecFormat(path, { writeHeader: false });
  }

  /** How many words there are. */
  get length(): number {
    return this.indexToKey.length;
  }

  /** Whether a word is in the vocabulary. */
  has(key: string): boolean {
    return this.keyToIndex.has(key);
  }

  /**
   * The row of a word.
   *
   * @throws ArgumentError for a word that is not there; the message names words that are spelt like it.
   */
  getIndex(key: string): number {
    const index = this.keyToIndex.get(key);
    if (index === undefined) throw new ArgumentError(unknownWord('KeyedVectors', key, this.indexToKey));
    return index;
  }

  /** A copy of the vector of a word, of length 1 if asked for. */
  getVector(key: string, { norm = false }: { readonly norm?: boolean } = {}): Float32Array {
    const at = this.getIndex(key) * this.vectorSize;
    const vector = this.vectors.slice(at, at + this.vectorSize);
    return norm ? unit(vector) : vector;
  }

  /** Cosine similarity of two words, in [-1, 1]. */
  similarity(a: KeyOrVector, b: KeyOrVector): number {
    return dot(this.unitVector(a), this.unitVector(b));
  }

  /** 1 - {@link similarity}. */
  distance(a: KeyOrVector, b: KeyOrVector): number {
    return 1 - this.similarity(a, b);
  }

  /** Cosine similarity of the means of two lists of words. */
  nSimilarity(first: readonly KeyOrVector[], second: readonly KeyOrVector[]): number {
    return dot(unit(this.#mean(first)), unit(this.#mean(second)));
  }

  /**
   * The word that fits the others least: the one farthest from the mean of their directions.
   *
   * @throws ArgumentError for fewer than three words, of which none can be the odd one.
   */
  doesntMatch(words: readonly string[]): string {
    if (words.length < 3) throw new ArgumentError(`doesntMatch: it takes at least 3 words, got ${words.length}`);
    const mean = unit(this.#mean(words.map((word) => this.unitVector(word))));
    let [odd, least] = ['', Number.POSITIVE_INFINITY];
    for (const word of words) {
      const similarity = dot(this.unitVector(word), mean);
      if (similarity < least) [odd, least] = [word, similarity];
    }
    return odd;
  }

  /**
   * The words nearest to the mean of some words minus others, without those asked about. Directions are averaged, not lengths, so
   * `{ positive: ['king', 'woman'], negative: ['man'] }` is the analogy man : king = woman : ?.
   *
   * @throws ArgumentError when nothing is asked for, or a word is not in the vocabulary.
   */
  async mostSimilar(options: MostSimilarOptions | string): Promise<SimilarWord[]> {
    const {
      positive,
      negative,
      topn = 10,
      restrictVocab,
    } = typeof options === 'string' ? { positive: options } : options;
    const [plus, minus] = [listOf(positive), listOf(negative)];
    if (plus.length + minus.length === 0)
      throw new ArgumentError('mostSimilar: cannot compute the mean of no words: give positive or negative ones');
    if (!Number.isInteger(topn) || topn < 0)
      throw new ArgumentError(`mostSimilar: topn must be a whole number of at least 0, got ${topn}`);
    const query = this.#mean([
      ...plus.map((each) => this.unitVector(each)),
      ...minus.map((each) => this.unitVector(each).map((value) => -value)),
    ]);
    const [similarities] = await this.similarities([query]);
    const asked = new Set([...plus, ...minus].flatMap((each) => this.keyToIndex.get(each as string) ?? []));
    const places = largest(similarities ?? new Float32Array(), topn, restrictVocab ?? this.length, asked);
    return places.map((at) => [this.indexToKey[at] ?? '', similarities?.[at] ?? 0] as const);
  }

  /** The words nearest to a word; as {@link mostSimilar} with one positive word. */
  similarByWord(word: string, topn = 10): Promise<SimilarWord[]> {
    return this.mostSimilar({ positive: word, topn });
  }

  /** The words nearest to a vector. */
  similarByVector(vector: Float32Array | readonly number[], topn = 10): Promise<SimilarWord[]> {
    return this.mostSimilar({ positive: [vector], topn });
  }

  /**
   * The cosine similarity of each query with every word, one Float32Array [words] a query: one matmul [words, width] times [width, queries]
   * on the device.
   */
  similarities(queries: readonly (Float32Array | readonly number[])[]): Promise<Float32Array[]> {
    return this.#directions.cosines(queries.map((query) => unit(this.#checked(query))));
  }

  /**
   * How many analogies a : b = c : d are right, by section, as gensim's `evaluate_word_analogies`: d must be the nearest of all words to
   * b - a + c. Questions with a word that is not in the vocabulary are counted apart.
   */
  evaluateWordAnalogies(sections: readonly AnalogySection[]): Promise<AnalogyReport> {
    return evaluateAnalogies(this, sections);
  }

  /**
   * The vectors as a tensor [words, vectorSize], for `nn.Embedding.fromPretrained`.
   *
   * @example
   * const wv = new KeyedVectors(['king', 'queen'], Float32Array.of(1, 0.2, 1, 0.4), 2);
   * wv.toTensor({ words: [null, 'queen'] }); // [[0, 0], [1, 0.4]]
   */
  toTensor({ words }: ToTensorOptions = {}): Tensor {
    const { vectorSize } = this;
    if (!words) return tensor(this.vectors.slice(), { shape: [this.length, vectorSize] });
    const rows = new Float32Array(words.length * vectorSize);
    for (const [i, word] of words.entries()) {
      const at = word === null ? undefined : this.keyToIndex.get(word);
      if (at !== undefined) rows.set(this.vectors.subarray(at * vectorSize, (at + 1) * vectorSize), i * vectorSize);
    }
    return tensor(rows, { shape: [words.length, vectorSize] });
  }

  /** To be called when {@link vectors} were changed: forgets what was put on the device. */
  refresh(): void {
    this.#directions.forget();
  }

  /** Frees what was put on the device; a later question puts it there again. */
  dispose(): void {
    this.refresh();
  }

  /** `using` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.refresh();
  }

  /** The direction of a word or vector. */
  protected unitVector(of: KeyOrVector): Float32Array {
    return typeof of === 'string' ? this.getVector(of, { norm: true }) : unit(this.#checked(of));
  }

  #checked(vector: Float32Array | readonly number[]): Float32Array {
    if (vector.length !== this.vectorSize)
      throw new ArgumentError(`KeyedVectors: a vector must have ${this.vectorSize} numbers, got ${vector.length}`);
    return Float32Array.from(vector);
  }

  #mean(of: readonly KeyOrVector[]): Float32Array {
    if (of.length === 0) throw new ArgumentError('KeyedVectors: cannot compute the mean of no words');
    const mean = new Float32Array(this.vectorSize);
    for (const each of of) {
      const vector = typeof each === 'string' ? this.getVector(each) : this.#checked(each);
      for (let k = 0; k < mean.length; k++) mean[k]! += vector[k]! / of.length;
    }
    return mean;
  }
}

function ofTable({ words, vectors, width }: VectorTable): KeyedVectors {
  return new KeyedVectors(words, vectors, width);
}
