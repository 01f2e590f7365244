/** Counts weighed by how rare a term is, after scikit-learn's `TfidfTransformer` and `TfidfVectorizer`; the textbook's formula too. */
import { ArgumentError } from '@course/tensor';
import { CountVectorizer, type CountVectorizerOptions } from './count-vectorizer.js';
import { SparseMatrix } from './sparse.js';

/** Options of a `TfidfTransformer`, by scikit-learn's names. */
export interface TfidfOptions {
  /** What the length of each row becomes 1 by; 'l2' by default, null leaves it. */
  readonly norm?: 'l1' | 'l2' | null;
  /** Weigh by inverse document frequency; true by default. */
  readonly useIdf?: boolean;
  /** Count each term once more, as if one more document had all: ln((1 + N) / (1 + df)) + 1. True by default. */
  readonly smoothIdf?: boolean;
  /** Take 1 + ln(tf) in place of tf; false by default. */
  readonly sublinearTf?: boolean;
  /** The textbook's weight, ln(N / df), where scikit-learn adds 1 and smooths; false by default. */
  readonly plainIdf?: boolean;
}

/**
 * Weighs counts, after
 * [TfidfTransformer](https://scikit-learn.org/stable/modules/generated/sklearn.feature_extraction.text.TfidfTransformer.html).
 *
 * @example
 * const counts = new CountVectorizer().fitTransform(['cat', 'cat dog']);
 * new TfidfTransformer({ plainIdf: true, norm: null }).fitTransform(counts).toArray(); // [[0, 0], [0, Math.log(2)]]
 */
export class TfidfTransformer {
  readonly #options: TfidfOptions;
  #idf: Float64Array | undefined;

  constructor(options: TfidfOptions = {}) {
    this.#options = options;
  }

  /**
   * The weight of each term.
   *
   * @throws ArgumentError before `fit`.
   */
  get idf(): Float64Array {
    if (this.#idf !== undefined) return this.#idf;
    throw new ArgumentError('TfidfTransformer: there are no weights yet; call fit first');
  }

  /** Learns the weights of terms from their counts. */
  fit(counts: SparseMatrix): this {
    const { smoothIdf = true, plainIdf = false } = this.#options;
    const [rows, columns] = counts.shape;
    const documents = new Float64Array(columns);
    for (const column of counts.indices) documents[column] = (documents[column] ?? 0) + 1;
    const smooth = smoothIdf && !plainIdf ? 1 : 0;
    this.#idf = documents.map((df) => Math.log((rows + smooth) / (df + smooth)) + (plainIdf ? 0 : 1));
    return this;
  }

  /**
   * The weighed counts.
   *
   * @throws ArgumentError before `fit`, and for counts of other terms.
   */
  transform(counts: SparseMatrix): SparseMatrix {
    const { norm = 'l2', useIdf = true, sublinearTf = false } = this.#options;
    const idf = useIdf ? this.idf : undefined;
    if (idf !== undefined && idf.length !== counts.shape[1])
      throw new ArgumentError(`TfidfTransformer: counts of ${counts.shape[1]} terms, the weights are of ${idf.length}`);
    const { indptr, indices } = counts;
    const data = counts.data.map((value, i) => {
      const frequency = sublinearTf ? 1 + Math.log(value) : value;
      return idf === undefined ? frequency : frequency * (idf[indices[i] ?? 0] ?? 0);
    });
    for (let row = 0; row < counts.shape[0]; row++) {
      const values = data.subarray(indptr[row], indptr[row + 1]);
      const length =
        norm === 'l2'
          ? Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
          : values.reduce((sum, value) => sum + Math.abs(value), 0);
      if (norm !== null && length > 0) for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) / length;
    }
    return new SparseMatrix(counts.shape, indptr, indices, data);
  }

  /** `fit` and `transform` of the same counts. */
  fitTransform(counts: SparseMatrix): SparseMatrix {
    return this.fit(counts).transform(counts);
  }
}

/** Options of a `TfidfVectorizer`: those of both its parts. */
export interface TfidfVectorizerOptions extends CountVectorizerOptions, TfidfOptions {}

/**
 * Counts terms and weighs them, after
 * [TfidfVectorizer](https://scikit-learn.org/stable/modules/generated/sklearn.feature_extraction.text.TfidfVectorizer.html).
 *
 * @example
 * const vectorizer = new TfidfVectorizer({ stopWords: 'english', ngramRange: [1, 2] });
 * vectorizer.fitTransform(['a witty film', 'a dull film']).shape; // [2, 5]
 */
export class TfidfVectorizer extends CountVectorizer {
  readonly #weights: TfidfTransformer;

  /** @throws ArgumentError for options out of range. */
  constructor(options: TfidfVectorizerOptions = {}) {
    super(options);
    this.#weights = new TfidfTransformer(options);
  }

  /** The weight of each term. */
  get idf(): Float64Array {
    return this.#weights.idf;
  }

  override fit(texts: Iterable<string>): this {
    const all = [...texts];
    super.fit(all);
    this.#weights.fit(super.transform(all));
    return this;
  }

  override transform(texts: Iterable<string>): SparseMatrix {
    return this.#weights.transform(super.transform(texts));
  }
}
