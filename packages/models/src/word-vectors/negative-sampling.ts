/**
 * The step that Word2Vec, FastText and Doc2Vec have in common: the mean (or sum) of some input rows is to score high with the row of a
 * target word and low with those of a few noise words; logistic loss, plain SGD.
 *
 * It is a loop of its own, not tensor ops: a step reads and writes about ten rows of a hundred numbers, the next step reads what this one wrote,
 * and batches that wait for each other's rows learn another, worse model. One thread, one random stream: the same seed gives the same bits.
 */
import type { RowTables, StepOptions } from './row-tables.js';
import type { UnigramTable } from './sampling.js';

/** What is trained, and how. */
export interface NegativeSamplingOptions {
  readonly tables: RowTables;
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
  /** Where the numbers of the input rows of the next step are written. */
  readonly rows: Int32Array;
  readonly #tables: RowTables;
  readonly #words: Int32Array;
  readonly #noise: UnigramTable;
  readonly #negative: number;
  readonly #how: StepOptions;

  constructor({ tables, noise, negative, mean, onlyFrom = 0, computeLoss = false }: NegativeSamplingOptions) {
    this.#tables = tables;
    this.rows = tables.rows;
    this.#words = tables.words;
    this.#noise = noise;
    this.#negative = negative;
    this.#how = { mean, onlyFrom, computeLoss };
  }

  /** One step: `rows[0 … count)` are to predict `target`. */
  step(count: number, target: number, alpha: number): void {
    const words = this.#words;
    const negative = this.#negative;
    words[0] = target;
    for (let n = 1; n <= negative; n++) words[n] = this.#noise.draw();
    const loss = this.#tables.step(count, negative + 1, alpha, this.#how);
    if (!this.#how.computeLoss) return;
    this.loss += loss;
    this.targets++;
  }
}
