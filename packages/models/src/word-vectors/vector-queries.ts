/** What can be asked of word vectors, and how they are read, written and handed on: the options of {@link KeyedVectors}, by gensim's names. */
/** A word, or a vector that needs no name. */
export type KeyOrVector = string | Float32Array | readonly number[];

/** A word and its cosine similarity, as gensim gives them. */
export type SimilarWord = readonly [word: string, similarity: number];

/** What {@link KeyedVectors.mostSimilar} looks for. */
export interface MostSimilarOptions {
  /** Words or vectors to be near to. */
  readonly positive?: KeyOrVector | readonly KeyOrVector[];
  /** Words or vectors to be far from. */
  readonly negative?: KeyOrVector | readonly KeyOrVector[];
  /** How many words. Default 10. */
  readonly topn?: number;
  /** Only the first so many words, the most frequent, are answers. */
  readonly restrictVocab?: number;
}

/** How {@link KeyedVectors.loadWord2vecFormat} reads. */
export interface LoadVectorsOptions {
  /** word2vec's binary format, else text. */
  readonly binary?: boolean;
  /** The text has no first line with the two sizes, as GloVe's has not. */
  readonly noHeader?: boolean;
  /** Read only the first so many words. */
  readonly limit?: number;
}

/** How {@link KeyedVectors.saveWord2vecFormat} writes. */
export interface SaveVectorsOptions {
  readonly binary?: boolean;
  /** Write the line with the two sizes; GloVe's format has none. Default true. */
  readonly writeHeader?: boolean;
}

/** Rows of a table for words of one's own, see {@link KeyedVectors.toTensor}. */
export interface ToTensorOptions {
  /** The words of the rows. By default those of the vectors. Rows of words without a vector are 0, as those of `null`. */
  readonly words?: readonly (string | null)[];
}

/** One word or vector, or several, as a list. */
export function listOf(value: KeyOrVector | readonly KeyOrVector[] | undefined): readonly KeyOrVector[] {
  if (value === undefined) return [];
  if (typeof value === 'string' || value instanceof Float32Array) return [value];
  return isNumbers(value) ? [value] : (value as readonly KeyOrVector[]);
}

function isNumbers(value: readonly KeyOrVector[] | readonly number[]): value is readonly number[] {
  return typeof value[0] === 'number';
}
