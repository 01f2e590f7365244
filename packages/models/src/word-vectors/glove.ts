/**
 * GloVe (Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation"): the logarithm of how often two words stand
 * near each other is fitted by the dot product of their vectors and a bias of each, by weighted least squares with AdaGrad, as the
 * authors' program does it. The fit is sparse SGD over single pairs, on the host for the reason that `negative-sampling.ts` gives.
 */
import { Generator } from '@course/tensor';
import { type Cooccurrences, countCooccurrences } from './cooccurrence.js';
import { readCorpus, type Sentences } from './corpus.js';
import { KeyedVectors } from './keyed-vectors.js';
import { OptionCheck } from './options.js';

/** Options of {@link GloVe}; the authors', by their defaults. */
export interface GloVeOptions {
  /** Width of the vectors. Default 50. */
  readonly vectorSize?: number;
  /** How far words may be from each other to count. Default 15. */
  readonly window?: number;
  /** Count both sides of a word; else those to the left alone. Default true. */
  readonly symmetric?: boolean;
  /** A neighbour at distance n counts 1/n, else 1. Default true. */
  readonly distanceWeighting?: boolean;
  /** Words that occur less often are left out. Default 5. */
  readonly minCount?: number;
  /** At most so many words, the most frequent. No limit by default. */
  readonly maxFinalVocab?: number;
  /** Pairs that occur so often, or more often, have weight 1. Default 100, for a corpus of billions of words; 10 suits a small one. */
  readonly xMax?: number;
  /** Rarer pairs have weight (count / xMax) ** alpha. Default 0.75. */
  readonly alpha?: number;
  /** Default 0.05. */
  readonly learningRate?: number;
  /** Passes over the pairs. Default 25. */
  readonly epochs?: number;
  /** Of everything random: the same seed and text give the same bits. Default 1. */
  readonly seed?: number;
}

/** How far the fit is. */
export interface GloVeProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** The weighted squared error of a pair in this pass, halved, as the authors' program prints it. */
  readonly loss: number;
}

/**
 * Vectors of words, from counts of pairs; as [the authors' program](https://nlp.stanford.edu/projects/glove/).
 *
 * @example
 * const sentences = [['the', 'king', 'rules'], ['the', 'queen', 'rules'], ['a', 'dog', 'barks']];
 * const model = await GloVe.fit(sentences, { vectorSize: 4, minCount: 1, xMax: 10, epochs: 50 });
 * model.wv.getVector('king').length; // 4
 * // Eight pairs of words stand in a sentence together, in both orders.
 * model.cooccurrences.counts.length; // 16
 */
export class GloVe {
  private constructor(
    readonly options: Required<GloVeOptions>,
    /** The vectors: the sums of the two that each word has, one as a word and one as a neighbour. */
    readonly wv: KeyedVectors,
    /** What the vectors are fitted to. */
    readonly cooccurrences: Cooccurrences,
  ) {}

  /**
   * A model of the words of some sentences, fitted to their counts.
   *
   * @throws ArgumentError when a sentence is no list of words, or no word occurs `minCount` times.
   */
  static async fit(
    sentences: Sentences,
    { onProgress, ...given }: GloVeOptions & { readonly onProgress?: (progress: GloVeProgress) => void } = {},
  ): Promise<GloVe> {
    const options = resolve(given);
    const { vocabulary, corpus } = readCorpus('GloVe', sentences, options);
    const counted = countCooccurrences(corpus, options);
    const { vectorSize: width, epochs, seed } = options;
    const count = vocabulary.words.length;
    const random = new Generator(seed);
    const fit = new Fit(count, options, random);
    const order = shuffled(counted.counts.length, random);
    let last = performance.now();
    for (let epoch = 1; epoch <= epochs; epoch++) {
      let loss = 0;
      for (let from = 0; from < order.length; from += 4096) {
        loss += fit.pairs(counted, order.subarray(from, from + 4096));
        if (performance.now() - last < 50) continue;
        await new Promise((resolve) => setTimeout(resolve));
        last = performance.now();
      }
      onProgress?.({ epoch, epochs, loss: loss / Math.max(1, order.length) });
    }
    return new GloVe(options, new KeyedVectors(vocabulary.words, fit.sums(), width, vocabulary.counts), counted);
  }

  /** Width of the vectors. */
  get vectorSize(): number {
    return this.options.vectorSize;
  }
}

/** Rows of vectors with their bias behind them, and AdaGrad's sums of squares: words first, then the same words as neighbours. */
class Fit {
  readonly #rows: Float64Array;
  readonly #squares: Float64Array;

  constructor(
    readonly count: number,
    readonly options: Required<GloVeOptions>,
    random: Generator,
  ) {
    const { vectorSize: width } = options;
    const length = 2 * count * (width + 1);
    this.#rows = Float64Array.from({ length }, () => (random.random() / 2 ** 32 - 0.5) / width);
    this.#squares = new Float64Array(length).fill(1);
  }

  /** A step for each of some pairs; their weighted squared error, halved. */
  pairs({ rows, columns, counts }: Cooccurrences, order: Int32Array): number {
    const { vectorSize: width, xMax, alpha, learningRate } = this.options;
    const [values, squares] = [this.#rows, this.#squares];
    const stride = width + 1;
    let loss = 0;
    for (const pair of order) {
      const a = rows[pair]! * stride;
      const b = (this.count + columns[pair]!) * stride;
      const count = counts[pair]!;
      let difference = values[a + width]! + values[b + width]! - Math.log(count);
      for (let k = 0; k < width; k++) difference += values[a + k]! * values[b + k]!;
      const weighted = (count < xMax ? (count / xMax) ** alpha : 1) * difference;
      loss += 0.5 * weighted * difference;
      // The authors' program takes the learning rate into the gradient, and so into the sums of squares.
      const step = weighted * learningRate;
      for (let k = 0; k < width; k++) {
        const [left, right] = [step * values[b + k]!, step * values[a + k]!];
        values[a + k]! -= left / Math.sqrt(squares[a + k]!);
        values[b + k]! -= right / Math.sqrt(squares[b + k]!);
        squares[a + k]! += left * left;
        squares[b + k]! += right * right;
      }
      values[a + width]! -= step / Math.sqrt(squares[a + width]!);
      values[b + width]! -= step / Math.sqrt(squares[b + width]!);
      squares[a + width]! += step * step;
      squares[b + width]! += step * step;
    }
    return loss;
  }

  /** [words, width]: word and neighbour added. */
  sums(): Float32Array {
    const { vectorSize: width } = this.options;
    const [stride, values] = [width + 1, this.#rows];
    const sums = new Float32Array(this.count * width);
    for (let word = 0; word < this.count; word++)
      for (let k = 0; k < width; k++)
        sums[word * width + k] = values[word * stride + k]! + values[(this.count + word) * stride + k]!;
    return sums;
  }
}

function resolve(given: GloVeOptions): Required<GloVeOptions> {
  const options: Required<GloVeOptions> = {
    vectorSize: 50,
    window: 15,
    symmetric: true,
    distanceWeighting: true,
    minCount: 5,
    maxFinalVocab: Number.POSITIVE_INFINITY,
    xMax: 100,
    alpha: 0.75,
    learningRate: 0.05,
    epochs: 25,
    seed: 1,
    ...given,
  };
  const check = new OptionCheck('GloVe');
  for (const name of ['vectorSize', 'window', 'minCount', 'epochs'] as const) check.whole(name, options[name], 1);
  if (options.maxFinalVocab !== Number.POSITIVE_INFINITY) check.whole('maxFinalVocab', options.maxFinalVocab, 1);
  for (const name of ['xMax', 'alpha', 'learningRate'] as const) check.rate(name, options[name]);
  return options;
}

function shuffled(length: number, random: Generator): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.random() % (i + 1);
    const value = order[i]!;
    order[i] = order[j]!;
    order[j] = value;
  }
  return order;
}
