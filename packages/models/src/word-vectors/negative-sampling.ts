/**
 * The step that Word2Vec, FastText and Doc2Vec have in common: the mean (or sum) of some input rows is to score high with the row of a
 * target word and low with those of a few noise words; logistic loss, plain SGD.
 *
 * It is a loop over typed arrays on the host, not tensor ops: a step reads and writes about ten rows of a hundred numbers, the next step
 * reads what this one wrote, and batches that wait for each other's rows learn another, worse model. On rows that lie in the cache the loop runs
 * at the speed of memory; a kernel launch alone costs more than a step. One thread, one random stream: the same seed gives the same bits.
 */
import type { UnigramTable } from './sampling.js';

/** What is trained, and how. */
export interface NegativeSamplingOptions {
  /** [rows, width]. */
  readonly inputs: Float32Array;
  /** [words, width]. */
  readonly outputs: Float32Array;
  readonly width: number;
  readonly noise: UnigramTable;
  /** Noise words for each target. */
  readonly negative: number;
  /** The mean of the input rows is taken; else their sum. */
  readonly mean: boolean;
  /** Only input rows from this one on are changed, and no output rows: to fit one row to a finished model. */
  readonly onlyFrom?: number;
  /** Add up the loss: costs a logarithm for each word scored. */
  readonly computeLoss?: boolean;
}

/** Does steps of training. */
export class NegativeSampling {
  /** The sum of the loss, and of how many targets, since they were last reset. */
  loss = 0;
  targets = 0;
  readonly #options: NegativeSamplingOptions;
  readonly #hidden: Float32Array;
  readonly #error: Float32Array;

  constructor(options: NegativeSamplingOptions) {
    this.#options = options;
    this.#hidden = new Float32Array(options.width);
    this.#error = new Float32Array(options.width);
  }

  /** One step: `rows[0 … count)` are to predict `target`. */
  step(rows: Int32Array, count: number, target: number, alpha: number): void {
    const { inputs, outputs, width, noise, negative, mean, onlyFrom = 0, computeLoss = false } = this.#options;
    const hidden = this.#hidden;
    const error = this.#error;
    const learns = onlyFrom === 0;
    error.fill(0);
    hidden.fill(0);
    for (let r = 0; r < count; r++) addRow(hidden, inputs, rows[r]! * width, width);
    if (mean && count > 1) scale(hidden, 1 / count);
    for (let n = 0; n <= negative; n++) {
      const word = n === 0 ? target : noise.draw();
      if (n > 0 && word === target) continue;
      const at = word * width;
      const score = dot(outputs, at, hidden, width);
      const probability = 1 / (1 + Math.exp(-score));
      const step = ((n === 0 ? 1 : 0) - probability) * alpha;
      if (learns) {
        for (let k = 0; k < width; k++) {
          const value = outputs[at + k]!;
          error[k]! += step * value;
          outputs[at + k] = value + step * hidden[k]!;
        }
      } else {
        for (let k = 0; k < width; k++) error[k]! += step * outputs[at + k]!;
      }
      // log(1 + e^-x) without overflow, of the score that should be large.
      if (computeLoss) this.loss += softplus(n === 0 ? -score : score);
    }
    if (computeLoss) this.targets++;
    // The gradient of a sum goes to each row whole; gensim and word2vec.c take it whole for a mean too, and divide it for a sum.
    if (!mean && count > 1) scale(error, 1 / count);
    for (let r = 0; r < count; r++) {
      const row = rows[r]!;
      if (row < onlyFrom) continue;
      const at = row * width;
      for (let k = 0; k < width; k++) inputs[at + k]! += error[k]!;
    }
  }
}

function addRow(sum: Float32Array, rows: Float32Array, at: number, width: number): void {
  for (let k = 0; k < width; k++) sum[k]! += rows[at + k]!;
}

function scale(values: Float32Array, factor: number): void {
  for (let k = 0; k < values.length; k++) values[k]! *= factor;
}

/** Four sums side by side, which do not wait for each other. */
function dot(rows: Float32Array, at: number, vector: Float32Array, width: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < width; k += 4) {
    a += rows[at + k]! * vector[k]!;
    b += rows[at + k + 1]! * vector[k + 1]!;
    c += rows[at + k + 2]! * vector[k + 2]!;
    d += rows[at + k + 3]! * vector[k + 3]!;
  }
  for (; k < width; k++) a += rows[at + k]! * vector[k]!;
  return a + b + (c + d);
}

function softplus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}
