/**
 * Word2Vec (Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space" and "Distributed Representations of Words and
 * Phrases and their Compositionality"): CBOW and skip-gram with negative sampling, by gensim's names and with its windows, learning rate and
 * defaults. Differences: sigmoids are exact, in place of a table; the learning rate falls with every sentence; one thread, so that a
 * seed decides every bit.
 */
import { ArgumentError, Generator } from '@course/tensor';
import { type Corpus, encodeCorpus, readCorpus, type Sentences, type Vocabulary } from './corpus.js';
import { KeyedVectors } from './keyed-vectors.js';
import { NegativeSampling } from './negative-sampling.js';
import { type ResolvedWord2VecOptions, resolveWord2Vec, type TrainOptions, type Word2VecOptions } from './options.js';
import { keepThresholds, UnigramTable } from './sampling.js';
import { runWindows, Windows, type WordRows } from './windows.js';

/** Uniform in [-1 / width, 1 / width), as gensim begins. */
export function initialRows(rows: number, width: number, random: Generator): Float32Array {
  return Float32Array.from({ length: rows * width }, () => ((random.random() / 2 ** 32) * 2 - 1) / width);
}

/**
 * Vectors of words, learnt from what stands around them; as
 * [gensim's Word2Vec](https://radimrehurek.com/gensim/models/word2vec.html).
 *
 * @example
 * const sentences = [['the', 'king', 'rules'], ['the', 'queen', 'rules'], ['a', 'dog', 'barks']];
 * const model = await Word2Vec.fit(sentences, { vectorSize: 8, minCount: 1, sg: true, sample: 0, epochs: 200 });
 * model.wv.similarity('king', 'queen') > model.wv.similarity('king', 'dog'); // true
 */
export class Word2Vec {
  readonly options: ResolvedWord2VecOptions;
  readonly #random: Generator;
  #state: State | undefined;

  /** @throws ArgumentError for an option outside its domain. */
  constructor(options: Word2VecOptions = {}) {
    this.options = resolveWord2Vec('Word2Vec', options);
    this.#random = new Generator(this.options.seed);
  }

  /**
   * A model of the words of some sentences, trained on them. They are read once: a generator will do.
   *
   * @throws ArgumentError when a sentence is no list of words, or no word occurs `minCount` times.
   */
  static async fit(
    sentences: Sentences,
    { onProgress, ...options }: Word2VecOptions & Pick<TrainOptions, 'onProgress'> = {},
  ): Promise<Word2Vec> {
    const model = new Word2Vec(options);
    const { vocabulary, corpus } = readCorpus('Word2Vec', sentences, model.options);
    model.#begin(vocabulary);
    await model.#run(corpus, onProgress ? { onProgress } : {});
    return model;
  }

  /** The vectors; trained further when the model is. */
  get wv(): KeyedVectors {
    return this.#started('wv').wv;
  }

  /** Width of the vectors. */
  get vectorSize(): number {
    return this.options.vectorSize;
  }

  /** Takes the words of some sentences as vocabulary, and draws their vectors anew. */
  buildVocab(sentences: Sentences): void {
    this.#begin(readCorpus('Word2Vec', sentences, this.options).vocabulary);
  }

  /** Trains on sentences; words outside of the vocabulary are passed over. */
  async train(sentences: Sentences, options: TrainOptions = {}): Promise<void> {
    const { vocabulary } = this.#started('train');
    await this.#run(encodeCorpus('Word2Vec', sentences, vocabulary), options);
  }

  #begin(vocabulary: Vocabulary): void {
    const { vectorSize: width, nsExponent, sample, negative, cbowMean, computeLoss, sg, ...rest } = this.options;
    const random = this.#random;
    const count = vocabulary.words.length;
    const vectors = initialRows(count, width, random);
    const sampling = new NegativeSampling({
      inputs: vectors,
      outputs: new Float32Array(count * width),
      width,
      noise: new UnigramTable(vocabulary.counts, nsExponent, random),
      negative,
      mean: cbowMean,
      computeLoss,
    });
    const keep = keepThresholds(vocabulary.counts, sample);
    const windows = new Windows({
      ...rest,
      sampling,
      random,
      wordRows: itself(count),
      keep,
      words: sg ? 'sg' : 'cbow',
    });
    const wv = new KeyedVectors(vocabulary.words, vectors, width, vocabulary.counts);
    this.#state = { vocabulary, sampling, windows, wv };
  }

  async #run(corpus: Corpus, options: TrainOptions): Promise<void> {
    const { sampling, windows, wv } = this.#started('train');
    try {
      await runWindows(windows, sampling, corpus, { ...this.options, ...trainOptions(this.options, options) });
    } finally {
      wv.refresh();
    }
  }

  #started(what: string): State {
    if (!this.#state)
      throw new ArgumentError(
        `Word2Vec.${what}: you must first build the vocabulary: call buildVocab, or use Word2Vec.fit`,
      );
    return this.#state;
  }
}

interface State {
  readonly vocabulary: Vocabulary;
  readonly sampling: NegativeSampling;
  readonly windows: Windows;
  readonly wv: KeyedVectors;
}

/** Each word stands for itself alone. */
export function itself(count: number): WordRows {
  const starts = Int32Array.from({ length: count + 1 }, (_, i) => i);
  return { starts, rows: starts };
}

/** Epochs and learning rates of a run: those asked for, or the model's. */
export function trainOptions(
  { epochs, alpha, minAlpha }: Pick<ResolvedWord2VecOptions, 'epochs' | 'alpha' | 'minAlpha'>,
  asked: TrainOptions,
): { readonly epochs: number; readonly alpha: number; readonly minAlpha: number } & Pick<TrainOptions, 'onProgress'> {
  return {
    epochs: asked.epochs ?? epochs,
    alpha: asked.startAlpha ?? alpha,
    minAlpha: asked.endAlpha ?? minAlpha,
    ...(asked.onProgress && { onProgress: asked.onProgress }),
  };
}
