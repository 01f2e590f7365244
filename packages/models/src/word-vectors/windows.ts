/**
 * From text to steps: a window moves over every sentence, and each word predicts, or is predicted by, those around it. Shared by all models with
 * negative sampling; they differ in the input rows that stand for a word (itself, with its n-grams) and in rows that stand beside all words of
 * a sentence (its document).
 */
import type { Generator } from '@course/tensor';
import type { Corpus } from './corpus.js';
import type { NegativeSampling } from './negative-sampling.js';

/** word2vec.c's limit: longer sentences are cut, so that the learning rate falls within them too. */
export const PIECE = 1000;

/** The input rows of each word: those of word w are `rows[starts[w]]` up to `rows[starts[w + 1]]`. */
export interface WordRows {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}

/** Each word stands for itself alone. */
export function itself(count: number): WordRows {
  const starts = Int32Array.from({ length: count + 1 }, (_, i) => i);
  return { starts, rows: starts };
}

/** The most input rows of one step: all words of the widest window, with as many rows as the word that has the most. */
export function mostRowsOf({ starts }: WordRows, window: number): number {
  let most = 1;
  for (let word = 1; word < starts.length; word++) most = Math.max(most, starts[word]! - starts[word - 1]!);
  return most * Math.min(2 * window, PIECE);
}

/** How the window is used. */
export interface WindowOptions {
  readonly sampling: NegativeSampling;
  readonly random: Generator;
  readonly wordRows: WordRows;
  /** By word, of 2^32. */
  readonly keep: Float64Array;
  readonly window: number;
  /** Draw the width of each window from 1 … window. */
  readonly shrinkWindows: boolean;
  /** What predicts what: `sg` words one by one, `cbow` all words around at once, `none` only the rows of the document. */
  readonly words: 'sg' | 'cbow' | 'none';
}

/** Goes through sentences and trains on them. */
export class Windows {
  readonly #options: WindowOptions;
  readonly #kept = new Int32Array(PIECE);
  readonly #rows: Int32Array;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#rows = options.sampling.rows;
  }

  /**
   * Trains on the words [from, to) of a text, at most {@link PIECE}.
   *
   * @param documents Input rows beside those of the words: each predicts every word alone, or with the words around it under `cbow`.
   */
  train(tokens: Int32Array, from: number, to: number, alpha: number, documents?: Int32Array): void {
    const { random, keep, words } = this.#options;
    const kept = this.#kept;
    let length = 0;
    for (let i = from; i < to; i++) {
      const word = tokens[i]!;
      const threshold = keep[word]!;
      if (threshold >= 4294967296 || random.random() < threshold) kept[length++] = word;
    }
    if (words === 'cbow') this.#cbow(length, alpha, documents);
    else {
      if (words === 'sg') this.#skipGram(length, alpha);
      if (documents) this.#alone(length, alpha, documents);
    }
  }

  /** Each word around predicts the word in the middle, as in gensim: over the text the same pairs as the other way round. */
  #skipGram(length: number, alpha: number): void {
    const { sampling } = this.#options;
    const kept = this.#kept;
    for (let i = 0; i < length; i++) {
      const reach = this.#reach();
      const end = Math.min(length, i + reach + 1);
      for (let j = Math.max(0, i - reach); j < end; j++) {
        if (j === i) continue;
        const count = this.#append(kept[j]!, 0);
        sampling.step(count, kept[i]!, alpha);
      }
    }
  }

  #cbow(length: number, alpha: number, documents?: Int32Array): void {
    const { sampling } = this.#options;
    const kept = this.#kept;
    for (let i = 0; i < length; i++) {
      const reach = this.#reach();
      const end = Math.min(length, i + reach + 1);
      let count = 0;
      for (let j = Math.max(0, i - reach); j < end; j++) if (j !== i) count = this.#append(kept[j]!, count);
      if (documents) for (const row of documents) this.#rows[count++] = row;
      if (count > 0) sampling.step(count, kept[i]!, alpha);
    }
  }

  #alone(length: number, alpha: number, documents: Int32Array): void {
    for (const row of documents) {
      this.#rows[0] = row;
      for (let i = 0; i < length; i++) this.#options.sampling.step(1, this.#kept[i]!, alpha);
    }
  }

  #reach(): number {
    const { random, window, shrinkWindows } = this.#options;
    return shrinkWindows ? 1 + (random.random() % window) : window;
  }

  /** Adds the rows of a word behind the first `count`; how many there are then. */
  #append(word: number, count: number): number {
    const { starts, rows } = this.#options.wordRows;
    const end = starts[word + 1]!;
    let at = count;
    for (let r = starts[word]!; r < end; r++) this.#rows[at++] = rows[r]!;
    return at;
  }
}

/** How far training is. */
export interface TrainingProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Words of the vocabulary gone through, over all epochs, before frequent ones are skipped; and how many it will be. */
  readonly words: number;
  readonly totalWords: number;
  /** The mean loss of a prediction since the last report, if `computeLoss` was asked for. */
  readonly loss?: number;
}

/** One run over a corpus. */
export interface RunOptions {
  readonly epochs: number;
  /** The learning rate falls in a straight line from `alpha` to `minAlpha`. */
  readonly alpha: number;
  readonly minAlpha: number;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Input rows of each sentence. */
  readonly documents?: readonly Int32Array[];
}

/** Trains on a corpus, epoch by epoch; returns to the event loop every twentieth of a second, so that a page stays alive. */
export async function runWindows(
  windows: Windows,
  sampling: NegativeSampling,
  { tokens, ends }: Corpus,
  { epochs, alpha, minAlpha, onProgress, documents }: RunOptions,
): Promise<void> {
  const totalWords = epochs * tokens.length;
  let done = 0;
  let lastReport = performance.now();
  const report = (epoch: number): void => {
    const { loss, targets } = sampling;
    onProgress?.({ epoch, epochs, words: done, totalWords, ...(targets > 0 && { loss: loss / targets }) });
    [sampling.loss, sampling.targets] = [0, 0];
  };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let from = 0;
    for (let s = 0; s < ends.length; s++) {
      const end = ends[s]!;
      while (from < end) {
        const to = Math.min(end, from + PIECE);
        windows.train(tokens, from, to, alpha - (alpha - minAlpha) * (done / totalWords), documents?.[s]);
        done += to - from;
        from = to;
        if (performance.now() - lastReport < 50) continue;
        report(epoch);
        await new Promise((resolve) => setTimeout(resolve));
        lastReport = performance.now();
      }
    }
    report(epoch);
  }
}
