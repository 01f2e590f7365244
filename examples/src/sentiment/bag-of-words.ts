// The reader that the synthetic reviews are made to defeat: logistic regression on word counts, in plain numbers. It knows
// which words a review has and not in which order, so what it reaches is what counting words is worth.
import type { Review } from './reviews.js';

/** A fitted bag of words. */
export interface BagOfWords {
  /** Log-odds that a text is positive; words that training never showed count nothing. */
  readonly score: (text: string) => number;
  /** What one occurrence of a word adds to the log-odds. */
  readonly weights: ReadonlyMap<string, number>;
}

export interface BagOfWordsOptions {
  /** Strength of the penalty `l2 / 2 * |weights|²`, beside the mean loss over the reviews. Default 1e-3. */
  readonly l2?: number;
  /** Steps over all reviews. The default of 500 brings the loss of 12,000 reviews to within 2e-5 of its minimum. */
  readonly steps?: number;
}

/**
 * Fits a logistic regression to word counts by Nesterov's accelerated gradient on the whole set at once, with the step
 * that the curvature allows: nothing is random, and nothing has to be tuned.
 *
 * @example
 * const { train, test } = generateReviews();
 * accuracyOf(fitBagOfWords(train), test); // about 0.63
 */
export function fitBagOfWords(reviews: readonly Review[], options: BagOfWordsOptions = {}): BagOfWords {
  const { l2 = 1e-3, steps = 500 } = options;
  const columns = new Map<string, number>();
  const rows = reviews.map(({ text }) =>
    wordsOf(text).map((word) => {
      const column = columns.get(word) ?? columns.size;
      columns.set(word, column);
      return column;
    }),
  );
  const targets = reviews.map(({ label }) => (label === 'positive' ? 1 : 0));
  // The last column is the bias. A row of n words has a squared norm of at most n², and the sigmoid a slope of at most 1/4.
  const bias = columns.size;
  const curvature = rows.reduce((sum, row) => sum + squaredNorm(row), 0) / Math.max(1, rows.length) / 4 + l2;
  const weights = new Float64Array(bias + 1);
  const ahead = new Float64Array(bias + 1);
  const gradient = new Float64Array(bias + 1);

  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < bias; i++) gradient[i] = l2 * (ahead[i] ?? 0);
    gradient[bias] = 0;
    rows.forEach((row, i) => {
      const error = (sigmoid(sumOf(ahead, row, bias)) - (targets[i] ?? 0)) / rows.length;
      for (const column of row) gradient[column] = (gradient[column] ?? 0) + error;
      gradient[bias] = (gradient[bias] ?? 0) + error;
    });
    const momentum = step / (step + 3);
    for (let i = 0; i <= bias; i++) {
      const before = weights[i] ?? 0;
      const after = (ahead[i] ?? 0) - (gradient[i] ?? 0) / curvature;
      weights[i] = after;
      ahead[i] = after + momentum * (after - before);
    }
  }

  const known = (text: string) => wordsOf(text).flatMap((word) => columns.get(word) ?? []);
  return {
    score: (text) => sumOf(weights, known(text), bias),
    weights: new Map([...columns].map(([word, column]) => [word, weights[column] ?? 0])),
  };
}

/** Share of the reviews that a bag of words judges right. */
export function accuracyOf(bag: BagOfWords, reviews: readonly Review[]): number {
  const right = reviews.filter(({ text, label }) => bag.score(text) > 0 === (label === 'positive'));
  return right.length / reviews.length;
}

/** Words in lower case, apostrophes kept, and punctuation marks. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}']+|[^\s\p{L}']/gu) ?? [];
}

function sumOf(weights: Float64Array, row: readonly number[], bias: number): number {
  return row.reduce((sum, column) => sum + (weights[column] ?? 0), weights[bias] ?? 0);
}

/** Of the counts in a row, and of the 1 for the bias. */
function squaredNorm(row: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const column of row) counts.set(column, (counts.get(column) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum + count * count, 1);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
