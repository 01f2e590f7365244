/** Texts into counts of words or n-grams, after scikit-learn's `CountVectorizer`: the same columns, the same numbers. */
import { ArgumentError } from '@course/tensor';
import { compareTexts } from '../datasets/sort.js';
import { SparseMatrix } from './sparse.js';
import { ENGLISH_STOP_WORDS } from './stop-words.js';
import { charNgrams, charWordNgrams, ngrams, wordTokenize } from './words.js';

/** Options of a `CountVectorizer`, by scikit-learn's names. */
export interface CountVectorizerOptions {
  /** Lowercase first; true by default. */
  readonly lowercase?: boolean;
  /** What is counted: words (of two characters or more), runs of characters, those inside of words, or what a function gives. */
  readonly analyzer?: 'word' | 'char' | 'char_wb' | ((text: string) => readonly string[]);
  /** Cuts a text into words, in place of the rule above: `(text) => wordTokenize(text).map(porterStem)`. */
  readonly tokenizer?: (text: string) => readonly string[];
  /** Words that do not count: those of English, or a list. */
  readonly stopWords?: 'english' | readonly string[];
  /** Shortest and longest n-gram; [1, 1] by default. */
  readonly ngramRange?: readonly [min: number, max: number];
  /** Leave out terms of more documents: a number of them, or below 1, and 1 itself, a share. 1 by default: none. */
  readonly maxDf?: number;
  /** Leave out terms of fewer documents: a number of them, or below 1 a share. 1 by default. */
  readonly minDf?: number;
  /** Keep so many terms, the most frequent; of those as frequent the first in order, which scikit-learn leaves to how NumPy sorts. */
  readonly maxFeatures?: number;
  /** The terms, in order; then nothing is learned. */
  readonly vocabulary?: readonly string[];
  /** Tell only whether a term occurs. */
  readonly binary?: boolean;
}

/**
 * Counts terms, after
 * [CountVectorizer](https://scikit-learn.org/stable/modules/generated/sklearn.feature_extraction.text.CountVectorizer.html).
 *
 * @example
 * const vectorizer = new CountVectorizer();
 * const counts = vectorizer.fitTransform(['the cat sat', 'the cat and the dog']);
 * vectorizer.getFeatureNamesOut(); // ['and', 'cat', 'dog', 'sat', 'the']
 * counts.toArray(); // [[0, 1, 0, 1, 1], [1, 1, 1, 0, 2]]
 */
export class CountVectorizer {
  readonly #options: CountVectorizerOptions;
  readonly #stopWords: ReadonlySet<string>;
  #vocabulary: ReadonlyMap<string, number> | undefined;

  /** @throws ArgumentError for options out of range. */
  constructor(options: CountVectorizerOptions = {}) {
    const { stopWords = [], vocabulary, minDf = 1, maxDf = 1, maxFeatures = 1, ngramRange = [1, 1] } = options;
    for (const [name, value] of Object.entries({ minDf, maxDf, maxFeatures })) {
      if (value > 0 && (value < 1 || Number.isInteger(value))) continue;
      throw new ArgumentError(`CountVectorizer: ${name} must be a share in (0, 1) or a whole number, got ${value}`);
    }
    // Says at the constructor what is wrong with it.
    ngrams([], ...ngramRange);
    this.#options = options;
    this.#stopWords = stopWords === 'english' ? ENGLISH_STOP_WORDS : new Set(stopWords);
    if (vocabulary === undefined) return;
    if (new Set(vocabulary).size < vocabulary.length)
      throw new ArgumentError('CountVectorizer: a term of the vocabulary occurs twice');
    this.#vocabulary = new Map(vocabulary.map((term, i) => [term, i]));
  }

  /** The columns of terms. */
  get vocabulary(): ReadonlyMap<string, number> {
    if (this.#vocabulary !== undefined) return this.#vocabulary;
    throw new ArgumentError('CountVectorizer: there is no vocabulary yet; call fit first');
  }

  /** The terms, in the order of their columns. */
  getFeatureNamesOut(): string[] {
    return [...this.vocabulary.keys()];
  }

  /** The terms of a text, as they are counted. */
  analyze(text: string): readonly string[] {
    const { lowercase = true, analyzer = 'word', tokenizer, ngramRange = [1, 1] } = this.#options;
    if (typeof analyzer === 'function') return analyzer(text);
    const prepared = lowercase ? text.toLowerCase() : text;
    if (analyzer === 'char') return charNgrams(prepared, ...ngramRange);
    if (analyzer === 'char_wb') return charWordNgrams(prepared, ...ngramRange);
    const words = tokenizer?.(prepared) ?? wordTokenize(prepared, { lowercase: false, minLength: 2 });
    return ngrams(
      words.filter((word) => !this.#stopWords.has(word)),
      ...ngramRange,
    );
  }

  /**
   * Learns the terms of texts.
   *
   * @throws ArgumentError when no term is left.
   */
  fit(texts: Iterable<string>): this {
    if (this.#options.vocabulary === undefined) this.#learn(texts);
    return this;
  }

  /**
   * The counts of terms: a row for each text, a column for each term.
   *
   * @throws ArgumentError before `fit`.
   */
  transform(texts: Iterable<string>): SparseMatrix {
    const { vocabulary } = this;
    const rows = Array.from(checked(texts), (text) => {
      const row = new Map<number, number>();
      for (const term of this.analyze(text)) {
        const column = vocabulary.get(term);
        if (column !== undefined) row.set(column, this.#options.binary ? 1 : (row.get(column) ?? 0) + 1);
      }
      return row;
    });
    return SparseMatrix.fromRows(rows, vocabulary.size);
  }

  /** `fit` and `transform` of the same texts. */
  fitTransform(texts: Iterable<string>): SparseMatrix {
    const all = [...texts];
    return this.fit(all).transform(all);
  }

  #learn(texts: Iterable<string>): void {
    const { minDf = 1, maxDf = 1, maxFeatures = Infinity, binary = false } = this.#options;
    const documents = new Map<string, number>();
    const totals = new Map<string, number>();
    let count = 0;
    for (const text of checked(texts)) {
      count++;
      const terms = this.analyze(text);
      const once = new Set(terms);
      for (const term of once) documents.set(term, (documents.get(term) ?? 0) + 1);
      for (const term of binary ? once : terms) totals.set(term, (totals.get(term) ?? 0) + 1);
    }
    if (documents.size === 0)
      throw new ArgumentError('CountVectorizer: empty vocabulary; perhaps the documents only contain stop words');
    const least = minDf < 1 ? minDf * count : minDf;
    const most = maxDf <= 1 ? maxDf * count : maxDf;
    if (most < least) throw new ArgumentError(`CountVectorizer: maxDf ${maxDf} is fewer documents than minDf ${minDf}`);
    let terms = [...documents.keys()].sort(compareTexts);
    terms = terms.filter((term) => (documents.get(term) ?? 0) >= least && (documents.get(term) ?? 0) <= most);
    if (terms.length > maxFeatures) {
      const frequent = [...terms].sort((a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0));
      const kept = new Set(frequent.slice(0, maxFeatures));
      terms = terms.filter((term) => kept.has(term));
    }
    if (terms.length === 0)
      throw new ArgumentError('CountVectorizer: no terms remain; try a lower minDf or a higher maxDf');
    this.#vocabulary = new Map(terms.map((term, i) => [term, i]));
  }
}

/** One text alone would be taken for its characters. */
function checked(texts: Iterable<string>): Iterable<string> {
  if (typeof texts === 'string') throw new ArgumentError('CountVectorizer: expected several texts, got a string');
  return texts;
}
