/**
 * What Word2Vec and FastText have in common: a vocabulary, rows that stand for its words, and training on the windows of sentences by
 * negative sampling. They differ in the rows of a word and in what becomes of them.
 */
import { ArgumentError, Generator } from '@course/tensor';
import { type Corpus, encodeCorpus, readCorpus, type Sentences, type Vocabulary } from './corpus.js';
import type { KeyedVectors } from './keyed-vectors.js';
import { NegativeSampling } from './negative-sampling.js';
import { type ResolvedWord2VecOptions, type TrainOptions, trainOptions } from './options.js';
import { RowTables } from './row-tables.js';
import { drawRows, keepThresholds, UnigramTable } from './sampling.js';
import { mostRowsOf, runWindows, Windows, type WordRows } from './windows.js';

/** How a vocabulary is laid out in the rows that are trained. */
export interface RowPlan<V extends KeyedVectors> {
  readonly wordRows: WordRows;
  /** How many rows there are. */
  readonly count: number;
  /** The vectors of the words, over the rows that are trained. */
  vectors(inputs: Float32Array): V;
  /** To be called when the rows have changed. */
  settled(wv: V, inputs: Float32Array): void;
}

interface State<V extends KeyedVectors> {
  readonly vocabulary: Vocabulary;
  readonly sampling: NegativeSampling;
  readonly windows: Windows;
  readonly wv: V;
  settled(): void;
}

/** Base class of {@link Word2Vec} and {@link FastText}. */
export abstract class WindowModel<
  V extends KeyedVectors = KeyedVectors,
  O extends ResolvedWord2VecOptions = ResolvedWord2VecOptions,
> {
  readonly #random: Generator;
  #state: State<V> | undefined;

  constructor(
    /** All options, those left out by gensim's defaults. */
    readonly options: O,
  ) {
    this.#random = new Generator(options.seed);
  }

  /** The name of the class in messages. */
  protected abstract readonly owner: string;

  /** Lays out a vocabulary. */
  protected abstract plan(vocabulary: Vocabulary): RowPlan<V>;

  /** The vectors; trained further when the model is. */
  get wv(): V {
    return this.#started('wv').wv;
  }

  /** Width of the vectors. */
  get vectorSize(): number {
    return this.options.vectorSize;
  }

  /** Takes the words of some sentences as vocabulary, and draws all vectors anew. */
  buildVocab(sentences: Sentences): void {
    this.#begin(readCorpus(this.owner, sentences, this.options).vocabulary);
  }

  /** Trains on sentences; words outside of the vocabulary are passed over. */
  async train(sentences: Sentences, options: TrainOptions = {}): Promise<void> {
    const { vocabulary } = this.#started('train');
    await this.#run(encodeCorpus(this.owner, sentences, vocabulary), options);
  }

  /** Takes the vocabulary of some sentences and trains on them, reading them once. */
  protected async learn(sentences: Sentences, options: TrainOptions): Promise<this> {
    const { vocabulary, corpus } = readCorpus(this.owner, sentences, this.options);
    this.#begin(vocabulary);
    await this.#run(corpus, options);
    return this;
  }

  #begin(vocabulary: Vocabulary): void {
    const { vectorSize: width, nsExponent, sample, negative, cbowMean, computeLoss, sg, ...rest } = this.options;
    const random = this.#random;
    const plan = this.plan(vocabulary);
    const tables = new RowTables({
      inputRows: plan.count,
      outputRows: vocabulary.words.length,
      width,
      mostRows: mostRowsOf(plan.wordRows, rest.window),
      mostWords: negative + 1,
    });
    const { inputs } = tables;
    drawRows(inputs, width, random);
    const sampling = new NegativeSampling({
      tables,
      noise: new UnigramTable(vocabulary.counts, nsExponent, random),
      negative,
      mean: cbowMean,
      computeLoss,
    });
    const keep = keepThresholds(vocabulary.counts, sample);
    const { wordRows } = plan;
    const windows = new Windows({ ...rest, sampling, random, wordRows, keep, words: sg ? 'sg' : 'cbow' });
    const wv = plan.vectors(inputs);
    this.#state = { vocabulary, sampling, windows, wv, settled: () => plan.settled(wv, inputs) };
    plan.settled(wv, inputs);
  }

  async #run(corpus: Corpus, options: TrainOptions): Promise<void> {
    const { sampling, windows, wv, settled } = this.#started('train');
    try {
      await runWindows(windows, sampling, corpus, trainOptions(this.options, options));
    } finally {
      settled();
      wv.refresh();
    }
  }

  #started(what: string): State<V> {
    if (!this.#state)
      throw new ArgumentError(
        `${this.owner}.${what}: you must first build the vocabulary: call buildVocab, or use ${this.owner}.fit`,
      );
    return this.#state;
  }
}
