/**
 * Doc2Vec (Le and Mikolov 2014, "Distributed Representations of Sentences and Documents"), by gensim's names: every document has a vector that
 * takes part in predicting its words. PV-DM: together with the words around; PV-DBOW: alone. Rows of documents follow the rows of words in
 * one matrix; one more row at its end serves documents that come later.
 */
import { ArgumentError, Generator } from '@course/tensor';
import { readCorpus, type Vocabulary } from './corpus.js';
import { KeyedVectors } from './keyed-vectors.js';
import { NegativeSampling, type NegativeSamplingOptions } from './negative-sampling.js';
import {
  type ResolvedWord2VecOptions,
  resolveWord2Vec,
  type TrainOptions,
  trainOptions,
  type Word2VecOptions,
} from './options.js';
import { RowTables } from './row-tables.js';
import { drawRows, keepThresholds, UnigramTable } from './sampling.js';
import { itself, mostRowsOf, PIECE, runWindows, type WindowOptions, Windows } from './windows.js';

/** A document: its words, and the tags whose vectors it trains (mostly one, its name or number). */
export interface TaggedDocument {
  readonly words: readonly string[];
  readonly tags: readonly (string | number)[];
}

/** Options of {@link Doc2Vec}; gensim's, by gensim's defaults. */
export interface Doc2VecOptions extends Omit<Word2VecOptions, 'sg' | 'cbowMean'> {
  /** PV-DM, distributed memory; else PV-DBOW, distributed bag of words. Default true. */
  readonly dm?: boolean;
  /** PV-DM takes the mean of document and words, else their sum. Default true. */
  readonly dmMean?: boolean;
  /** PV-DBOW trains the vectors of words too, by skip-gram. Default false, which is faster: word vectors stay random. */
  readonly dbowWords?: boolean;
}

/** How {@link Doc2Vec.inferVector} fits a vector; what is absent is as the model was made with. */
export interface InferOptions {
  readonly epochs?: number;
  readonly alpha?: number;
  readonly minAlpha?: number;
}

type Resolved = ResolvedWord2VecOptions & Required<Doc2VecOptions>;

interface State {
  readonly vocabulary: Vocabulary;
  readonly sampling: NegativeSamplingOptions;
  readonly windows: Omit<WindowOptions, 'sampling'>;
  readonly wv: KeyedVectors;
  readonly dv: KeyedVectors;
}

/**
 * Vectors of documents; as [gensim's Doc2Vec](https://radimrehurek.com/gensim/models/doc2vec.html).
 *
 * @example
 * const documents = [
 *   { words: ['dull', 'and', 'long'], tags: ['review 1'] },
 *   { words: ['witty', 'and', 'short'], tags: ['review 2'] },
 * ];
 * const model = await Doc2Vec.fit(documents, { vectorSize: 8, minCount: 1, dm: false });
 * model.dv.indexToKey; // ['review 1', 'review 2']
 * model.inferVector(['witty', 'and', 'long']).length; // 8
 */
export class Doc2Vec {
  readonly options: Resolved;
  readonly #random: Generator;
  #state: State | undefined;

  private constructor({ dm = true, dmMean = true, dbowWords = false, ...options }: Doc2VecOptions) {
    this.options = { ...resolveWord2Vec('Doc2Vec', { epochs: 10, ...options }), dm, dmMean, dbowWords };
    this.#random = new Generator(this.options.seed);
  }

  /**
   * A model of some documents, trained on them.
   *
   * @throws ArgumentError when a document has no tags or is no list of words, or no word occurs `minCount` times.
   */
  static async fit(
    documents: Iterable<TaggedDocument>,
    { onProgress, ...options }: Doc2VecOptions & Pick<TrainOptions, 'onProgress'> = {},
  ): Promise<Doc2Vec> {
    const model = new Doc2Vec(options);
    const tags = new Map<string, number>();
    const tagsOf: Int32Array[] = [];
    const sentences = function* (): Iterable<readonly string[]> {
      for (const document of documents) {
        if (!Array.isArray(document.tags) || document.tags.length === 0)
          throw new ArgumentError(
            `Doc2Vec: document ${tagsOf.length} has no tags: { words: [...], tags: [name] } is expected`,
          );
        tagsOf.push(
          Int32Array.from(document.tags, (tag) => {
            const name = String(tag);
            const row = tags.get(name) ?? tags.size;
            tags.set(name, row);
            return row;
          }),
        );
        yield document.words;
      }
    };
    const { vocabulary, corpus } = readCorpus('Doc2Vec', sentences(), model.options);
    const mostTags = tagsOf.reduce((most, { length }) => Math.max(most, length), 1);
    const { sampling, windows, wv, dv } = model.#begin(vocabulary, [...tags.keys()], mostTags);
    const rows = tagsOf.map((own) => own.map((tag) => wv.length + tag));
    const step = new NegativeSampling(sampling);
    await runWindows(new Windows({ ...windows, sampling: step }), step, corpus, {
      ...trainOptions(model.options, onProgress ? { onProgress } : {}),
      documents: rows,
    });
    wv.refresh();
    dv.refresh();
    return model;
  }

  /** The vectors of words. */
  get wv(): KeyedVectors {
    return this.#fitted.wv;
  }

  /** The vectors of documents, by tag. */
  get dv(): KeyedVectors {
    return this.#fitted.dv;
  }

  /** Width of the vectors. */
  get vectorSize(): number {
    return this.options.vectorSize;
  }

  /**
   * The vector of a new document: fitted to its words while all else stays as it is. The same words give the same vector; it is compared
   * with those of documents by `dv.similarByVector`. Words outside of the vocabulary are passed over.
   *
   * @throws ArgumentError when no word is in the vocabulary.
   */
  inferVector(words: readonly string[], options: InferOptions = {}): Float32Array {
    const { sampling, windows, vocabulary } = this.#fitted;
    const { epochs, alpha, minAlpha, dm, vectorSize, seed, nsExponent } = { ...this.options, ...options };
    const random = new Generator(seed);
    const { inputs } = sampling.tables;
    const row = inputs.length / vectorSize - 1;
    const own = inputs.subarray(row * vectorSize);
    drawRows(own, vectorSize, random);
    const step = new NegativeSampling({
      ...sampling,
      noise: new UnigramTable(vocabulary.counts, nsExponent, random),
      onlyFrom: row,
    });
    // Every word of a document counts: none is skipped for being frequent.
    const keep = keepThresholds(vocabulary.counts, 0);
    const window = new Windows({ ...windows, sampling: step, random, keep, words: dm ? 'cbow' : 'none' });
    const tokens = Int32Array.from(words.flatMap((word) => vocabulary.index.get(word) ?? []));
    const document = Int32Array.of(row);
    if (tokens.length === 0)
      throw new ArgumentError(`Doc2Vec.inferVector: none of the ${words.length} words is in the vocabulary`);
    for (let epoch = 0; epoch < epochs; epoch++) {
      const rate = alpha - ((alpha - minAlpha) * epoch) / epochs;
      for (let from = 0; from < tokens.length; from += PIECE)
        window.train(tokens, from, Math.min(from + PIECE, tokens.length), rate, document);
    }
    return own.slice();
  }

  #begin(vocabulary: Vocabulary, tags: readonly string[], mostTags: number): State {
    const {
      vectorSize: width,
      nsExponent,
      sample,
      negative,
      dmMean,
      computeLoss,
      dm,
      dbowWords,
      window,
    } = this.options;
    const { shrinkWindows } = this.options;
    const random = this.#random;
    const count = vocabulary.words.length;
    const wordRows = itself(count);
    const tables = new RowTables({
      inputRows: count + tags.length + 1,
      outputRows: count,
      width,
      mostRows: mostRowsOf(wordRows, window) + mostTags,
      mostWords: negative + 1,
    });
    const { inputs } = tables;
    drawRows(inputs, width, random);
    const noise = new UnigramTable(vocabulary.counts, nsExponent, random);
    this.#state = {
      vocabulary,
      sampling: { tables, noise, negative, mean: dmMean, computeLoss },
      windows: {
        random,
        wordRows,
        keep: keepThresholds(vocabulary.counts, sample),
        window,
        shrinkWindows,
        words: dm ? 'cbow' : dbowWords ? 'sg' : 'none',
      },
      wv: new KeyedVectors(vocabulary.words, inputs.subarray(0, count * width), width, vocabulary.counts),
      dv: new KeyedVectors(tags, inputs.subarray(count * width, -width), width),
    };
    return this.#state;
  }

  get #fitted(): State {
    // The only way to a model is fit, which begins it.
    return this.#state!;
  }
}
