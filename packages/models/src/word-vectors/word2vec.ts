/**
 * Word2Vec (Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space" and "Distributed Representations of Words and
 * Phrases and their Compositionality"): CBOW and skip-gram with negative sampling, by gensim's names and with its windows, learning rate and
 * defaults. Differences: sigmoids are exact, in place of a table; the learning rate falls with every sentence; one thread, so that a
 * seed decides every bit.
 */
import type { Sentences, Vocabulary } from './corpus.js';
import { KeyedVectors } from './keyed-vectors.js';
import { type ResolvedWord2VecOptions, resolveWord2Vec, type TrainOptions, type Word2VecOptions } from './options.js';
import { type RowPlan, WindowModel } from './window-model.js';
import { itself } from './windows.js';

/**
 * Vectors of words, learnt from what stands around them; as
 * [gensim's Word2Vec](https://radimrehurek.com/gensim/models/word2vec.html).
 *
 * @example
 * const sentences = [['the', 'king', 'rules'], ['the', 'queen', 'rules'], ['a', 'dog', 'barks']];
 * const model = await Word2Vec.fit(sentences, { vectorSize: 8, minCount: 1, sg: true, sample: 0, epochs: 200 });
 * model.wv.similarity('king', 'queen') > model.wv.similarity('king', 'dog'); // true
 */
export class Word2Vec extends WindowModel<KeyedVectors, ResolvedWord2VecOptions> {
  protected readonly owner = 'Word2Vec';

  /** @throws ArgumentError for an option outside its domain. */
  constructor(options: Word2VecOptions = {}) {
    super(resolveWord2Vec('Word2Vec', options));
  }

  /**
   * A model of the words of some sentences, trained on them. They are read once: a generator will do.
   *
   * @throws ArgumentError when a sentence is no list of words, or no word occurs `minCount` times.
   */
  static fit(
    sentences: Sentences,
    { onProgress, ...options }: Word2VecOptions & Pick<TrainOptions, 'onProgress'> = {},
  ): Promise<Word2Vec> {
    return new Word2Vec(options).learn(sentences, onProgress ? { onProgress } : {});
  }

  /** Each word is one row, and its vector. */
  protected plan({ words, counts }: Vocabulary): RowPlan<KeyedVectors> {
    return {
      wordRows: itself(words.length),
      count: words.length,
      vectors: (inputs) => new KeyedVectors(words, inputs, this.vectorSize, counts),
      settled: () => undefined,
    };
  }
}
