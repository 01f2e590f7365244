/**
 * A data set in memory: an immutable list of rows with the operations that prepare them for training. Every operation returns a
 * new data set; rows are shared, not copied, so treat them as read-only.
 */
import { ArgumentError, defaultGenerator } from '@course/tensor';
import { numpyPermutation } from '../random/numpy.js';

/** Rows turned into columns. */
export type Columns<Row> = { [Name in keyof Row]: Row[Name][] };

/** Options of `shuffle`. */
export interface ShuffleOptions {
  /** A whole number in [0, 2^53); without one, it is drawn from the default generator, which `manualSeed` sets. */
  readonly seed?: number;
}

/** Options of `trainTestSplit`. */
export interface SplitOptions extends ShuffleOptions {
  /** The share (below 1, rounded up to whole rows) or the number of rows for the test part; 0.25 by default. */
  readonly testSize?: number;
  /** Whether rows are shuffled first; true by default. */
  readonly shuffle?: boolean;
}

/**
 * An immutable list of rows, after `datasets.Dataset` of
 * [Hugging Face](https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Dataset).
 *
 * @example
 * const dataset = Dataset.fromRows([{ text: 'good', label: 1 }, { text: 'bad', label: 0 }]);
 * dataset.shuffle({ seed: 42 }).take(1).at(0); // { text: 'bad', label: 0 }
 */
export class Dataset<Row> implements Iterable<Row> {
  readonly #rows: readonly Row[];
  #columns: readonly string[] | undefined;

  private constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  /** A data set of the given rows. */
  static fromRows<Row>(rows: Iterable<Row>): Dataset<Row> {
    return new Dataset([...rows]);
  }

  /** Number of rows. */
  get length(): number {
    return this.#rows.length;
  }

  /** The names of the columns, in the order in which the rows first have them. */
  get columns(): readonly string[] {
    if (this.#columns === undefined) {
      const names = new Set<string>();
      for (const row of this.#rows) {
        if (typeof row === 'object' && row !== null) for (const name of Object.keys(row)) names.add(name);
      }
      this.#columns = [...names];
    }
    return this.#columns;
  }

  /**
   * The row at an index; negative ones count from the end.
   *
   * @throws ArgumentError for an index out of range.
   */
  at(index: number): Row {
    const row = this.#rows.at(this.#checkIndex(index));
    return row as Row;
  }

  /** The rows, in order. */
  [Symbol.iterator](): IterableIterator<Row> {
    return this.#rows[Symbol.iterator]();
  }

  /**
   * The values of one column.
   *
   * @throws ArgumentError when a row has no such column.
   */
  column<Name extends keyof Row>(name: Name): Row[Name][] {
    return this.#rows.map((row, i) => {
      if (typeof row === 'object' && row !== null && name in row) return row[name];
      throw new ArgumentError(`column: row ${i} has no ${String(name)}; the columns are ${this.columns.join(', ')}`);
    });
  }

  /**
   * A data set of what `transform` makes of each row. Rows are taken one after the other, in order; a promise is awaited before the
   * next row.
   *
   * @example
   * const tokenized = await dataset.map((row) => ({ ...tokenizer.encode(row.text), label: row.label }));
   */
  async map<Out>(transform: (row: Row, index: number) => Out | PromiseLike<Out>): Promise<Dataset<Out>> {
    const rows: Out[] = [];
    for (const [i, row] of this.#rows.entries()) {
      const result = transform(row, i);
      rows.push(isPromiseLike(result) ? await result : result);
    }
    return new Dataset(rows);
  }

  /** The rows for which `predicate` holds. */
  async filter(predicate: (row: Row, index: number) => boolean | PromiseLike<boolean>): Promise<Dataset<Row>> {
    const rows: Row[] = [];
    for (const [i, row] of this.#rows.entries()) {
      const result = predicate(row, i);
      const keep: boolean = isPromiseLike(result) ? await result : result;
      if (keep) rows.push(row);
    }
    return new Dataset(rows);
  }

  /**
   * The rows in random order: the order that `datasets` of Hugging Face gives for the same seed.
   *
   * @throws ArgumentError for a seed that is no whole number in [0, 2^53).
   */
  shuffle(options: ShuffleOptions = {}): Dataset<Row> {
    return this.#pick(numpyPermutation(this.length, options.seed ?? drawSeed()));
  }

  /**
   * The rows at the given indices, in that order; negative ones count from the end.
   *
   * @throws ArgumentError for an index out of range.
   */
  select(indices: Iterable<number>): Dataset<Row> {
    return this.#pick(Array.from(indices, (index) => this.#checkIndex(index)));
  }

  /** The first `count` rows, or all if there are fewer. */
  take(count: number): Dataset<Row> {
    return new Dataset(this.#rows.slice(0, checkCount('take', count)));
  }

  /** All but the first `count` rows. */
  skip(count: number): Dataset<Row> {
    return new Dataset(this.#rows.slice(checkCount('skip', count)));
  }

  /**
   * Splits the rows at random into two parts: the same parts that `train_test_split` of Hugging Face's `datasets` makes.
   *
   * @throws ArgumentError when one part would be empty.
   * @example
   * const { train, test } = dataset.trainTestSplit({ testSize: 0.1, seed: 42 });
   */
  trainTestSplit(options: SplitOptions = {}): { train: Dataset<Row>; test: Dataset<Row> } {
    const { testSize = 0.25, shuffle = true } = options;
    const count = testSize < 1 ? Math.ceil(testSize * this.length) : testSize;
    if (!(Number.isInteger(count) && count > 0 && count < this.length)) {
      throw new ArgumentError(
        `trainTestSplit: testSize ${testSize} of ${this.length} rows leaves a part empty; ` +
          'it must be a share in (0, 1) or a number of rows',
      );
    }
    if (!shuffle) return { train: this.take(this.length - count), test: this.skip(this.length - count) };
    const order = numpyPermutation(this.length, options.seed ?? drawSeed());
    return { train: this.#pick(order.subarray(count)), test: this.#pick(order.subarray(0, count)) };
  }

  /** Short for `trainTestSplit`. */
  split(options: SplitOptions = {}): { train: Dataset<Row>; test: Dataset<Row> } {
    return this.trainTestSplit(options);
  }

  /**
   * Groups rows into batches: each row of the result holds the columns of `size` rows, the last one of what is left.
   *
   * @throws ArgumentError when `size` is not a positive whole number, or a row lacks a column of its batch.
   * @example
   * dataset.batch(2).at(0); // { text: ['good', 'bad'], label: [1, 0] }
   */
  batch(size: number, options: { readonly dropLast?: boolean } = {}): Dataset<Columns<Row>> {
    if (!(Number.isInteger(size) && size > 0)) {
      throw new ArgumentError(`batch: the size must be a positive whole number, got ${size}`);
    }
    const batches: Columns<Row>[] = [];
    for (let from = 0; from < this.length; from += size) {
      if (options.dropLast === true && from + size > this.length) break;
      batches.push(toColumns(this.#rows.slice(from, from + size)));
    }
    return new Dataset(batches);
  }

  toString(): string {
    return `Dataset({ columns: [${this.columns.map((name) => `'${name}'`).join(', ')}], length: ${this.length} })`;
  }

  #checkIndex(index: number): number {
    if (!(Number.isInteger(index) && index >= -this.length && index < this.length)) {
      throw new ArgumentError(`index ${index} is out of range for a data set of ${this.length} rows`);
    }
    return index < 0 ? index + this.length : index;
  }

  #pick(indices: ArrayLike<number>): Dataset<Row> {
    return new Dataset(Array.from(indices, (index) => this.#rows[index] as Row));
  }
}

/**
 * The columns of some rows.
 *
 * @throws ArgumentError when the rows do not have the same columns.
 */
export function toColumns<Row>(rows: readonly Row[]): Columns<Row> {
  const [first] = rows;
  if (typeof first !== 'object' || first === null) {
    throw new ArgumentError(
      `batch: rows must be objects to have columns, got ${first === null ? 'null' : typeof first}`,
    );
  }
  const names = Object.keys(first) as (keyof Row)[];
  const columns = names.map((name) => {
    const values = rows.map((row, i) => {
      if (typeof row === 'object' && row !== null && name in row) return row[name];
      throw new ArgumentError(`batch: row ${i} of the batch has no ${String(name)}, which its first row has`);
    });
    return [name, values];
  });
  return Object.fromEntries(columns) as Columns<Row>;
}

function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 0) return count;
  throw new ArgumentError(`${name}: the number of rows must be a whole number, got ${count}`);
}

function drawSeed(): number {
  return defaultGenerator().random();
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
