/**
 * A data set that is read as it is used: rows go by one after the other, from the files each time anew, and what is done to them is
 * done on the way. Memory holds a block of a file, and the buffer of a shuffle.
 */
import { ArgumentError } from '@course/tensor';
import { NumpyGenerator } from '../random/numpy.js';
import { checkCount, checkSize } from './checks.js';
import {
  type Columns,
  checkColumns,
  type Renamed,
  renamedRow,
  toColumns,
  toRows,
  withColumns,
  withoutColumns,
} from './columns.js';
import { Dataset } from './dataset.js';
import type { BatchTransform, RowTransform } from './map.js';
import type { IterOptions } from './row-table.js';

/** Options of `IterableDataset.shuffle`. */
export interface BufferShuffleOptions {
  /** A whole number in [0, 2^53); epoch e (`setEpoch`) draws from `seed + e`. */
  readonly seed: number;
  /** Rows that are held at once, of which the next is drawn; 1000 by default. */
  readonly bufferSize?: number;
}

/** Options of `IterableDataset.map` with a function of batches. */
export interface BatchedStreamOptions {
  readonly batched: true;
  /** Rows in a batch; 1000 by default. */
  readonly batchSize?: number;
}

/** Opens the rows of an epoch. */
type Source<Row> = (epoch: number) => AsyncIterable<Row> | Iterable<Row>;

/**
 * Rows that stream, after `datasets.IterableDataset` of
 * [Hugging Face](https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.IterableDataset). Nothing is read before
 * the rows are iterated over, and each `for await` reads them anew.
 *
 * @example
 * const rows = await loadDataset('json', { dataFiles: 'train.jsonl', streaming: true });
 * for await (const row of rows.take(2)) row.text;
 */
export class IterableDataset<Row> implements AsyncIterable<Row> {
  readonly #source: Source<Row>;
  #epoch: { value: number };

  private constructor(source: Source<Row>, epoch: { value: number } = { value: 0 }) {
    this.#source = source;
    this.#epoch = epoch;
  }

  /**
   * The rows that a function opens, each time anew.
   *
   * @example
   * const squares = IterableDataset.fromGenerator(function* () {
   *   for (let i = 0; ; i++) yield { value: i * i };
   * });
   * (await squares.take(3).toDataset()).column('value'); // [0, 1, 4]
   */
  static fromGenerator<Row>(open: () => AsyncIterable<Row> | Iterable<Row>): IterableDataset<Row> {
    return new IterableDataset(open);
  }

  /** The rows, one after the other. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    yield* this.#source(this.#epoch.value);
  }

  /** Makes `shuffle` draw another order; holds for all data sets that were made of this one. */
  setEpoch(epoch: number): void {
    if (!(Number.isSafeInteger(epoch) && epoch >= 0))
      throw new ArgumentError(`setEpoch: the epoch must be a whole number, got ${epoch}`);
    this.#epoch.value = epoch;
  }

  /**
   * What `transform` makes of each row, or with `batched` of the columns of several.
   *
   * @throws ArgumentError for a batch size out of range.
   */
  map<Out>(transform: BatchTransform<Row, Out>, options: BatchedStreamOptions): IterableDataset<Out>;
  map<Out>(transform: RowTransform<Row, Out>): IterableDataset<Out>;
  map<Out>(
    transform: RowTransform<Row, Out> | BatchTransform<Row, Out>,
    options?: BatchedStreamOptions,
  ): IterableDataset<Out> {
    if (options === undefined) {
      const each = transform as RowTransform<Row, Out>;
      return this.#then(async function* (rows) {
        let i = 0;
        for await (const row of rows) yield await each(row, i++);
      });
    }
    const all = transform as BatchTransform<Row, Out>;
    const size = checkSize('map', options.batchSize ?? 1000);
    return this.#then(async function* (rows) {
      let first = 0;
      for await (const some of grouped(rows, size)) {
        const from = first;
        const indices = some.map((_, i) => from + i);
        yield* toRows<Out>(await all(toColumns(some), indices));
        first += some.length;
      }
    });
  }

  /** The rows for which `predicate` holds. */
  filter(predicate: (row: Row, index: number) => boolean | PromiseLike<boolean>): IterableDataset<Row> {
    return this.#then(async function* (rows) {
      let i = 0;
      for await (const row of rows) if (await predicate(row, i++)) yield row;
    });
  }

  /** The first `count` rows; reading ends there. */
  take(count: number): IterableDataset<Row> {
    checkCount('take', count);
    return this.#then(async function* (rows) {
      if (count === 0) return;
      let i = 0;
      for await (const row of rows) {
        yield row;
        if (++i === count) return;
      }
    });
  }

  /** All but the first `count` rows. */
  skip(count: number): IterableDataset<Row> {
    checkCount('skip', count);
    return this.#then(async function* (rows) {
      let i = 0;
      for await (const row of rows) if (i++ >= count) yield row;
    });
  }

  /**
   * The rows in the order of a buffer that is drawn from: `datasets` gives the same for the same seed, where there is one file. A buffer
   * smaller than the data mixes near rows only.
   *
   * @throws ArgumentError for a seed or buffer out of range.
   */
  shuffle({ seed, bufferSize = 1000 }: BufferShuffleOptions): IterableDataset<Row> {
    checkSize('shuffle', bufferSize);
    // Says at the call what is wrong with a seed.
    new NumpyGenerator(seed);
    return this.#then(async function* (rows, epoch) {
      const generator = new NumpyGenerator(seed + epoch);
      const buffer: Row[] = [];
      // A thousand at a time, as there: what is drawn and not used has been drawn all the same.
      let places: number[] = [];
      for await (const row of rows) {
        if (buffer.length < bufferSize) {
          buffer.push(row);
          continue;
        }
        if (places.length === 0) places = generator.integers(bufferSize, 1000).reverse();
        const place = places.pop() ?? 0;
        yield buffer[place] as Row;
        buffer[place] = row;
      }
      yield* generator.shuffle(buffer);
    });
  }

  /**
   * Groups rows into batches: each row of the result holds the columns of `size` rows.
   *
   * @throws ArgumentError when `size` is not a positive whole number.
   */
  batch(size: number, options: { readonly dropLast?: boolean } = {}): IterableDataset<Columns<Row>> {
    checkSize('batch', size);
    return this.#then(async function* (rows) {
      for await (const some of grouped(rows, size))
        if (some.length === size || options.dropLast !== true) yield toColumns(some);
    });
  }

  /** The columns of each `batchSize` rows. */
  iter({ batchSize, dropLastBatch = false }: IterOptions): IterableDataset<Columns<Row>> {
    return this.batch(batchSize, { dropLast: dropLastBatch });
  }

  /** The rows with one column called otherwise. A row without it is an error when it comes by. */
  renameColumn<Old extends keyof Row & string, New extends string>(
    old: Old,
    name: New,
  ): IterableDataset<Renamed<Row, Old, New>> {
    return this.map((row) => {
      checkColumns('renameColumn', [old], Object.keys(row as object));
      return renamedRow(row, old, name);
    });
  }

  /** The rows without some columns. */
  removeColumns<Name extends keyof Row & string>(names: Name | readonly Name[]): IterableDataset<Omit<Row, Name>> {
    const gone = new Set<PropertyKey>(typeof names === 'string' ? [names] : names);
    return this.map((row) => withoutColumns<Row, Name>(row, gone));
  }

  /** The rows with some columns alone. */
  selectColumns<Name extends keyof Row & string>(names: Name | readonly Name[]): IterableDataset<Pick<Row, Name>> {
    const list = typeof names === 'string' ? [names] : names;
    return this.map((row) => {
      checkColumns('selectColumns', list, Object.keys(row as object));
      return withColumns(row, list);
    });
  }

  /** All rows, in memory. */
  async toDataset(): Promise<Dataset<Row>> {
    const rows: Row[] = [];
    for await (const row of this) rows.push(row);
    return Dataset.fromRows(rows);
  }

  /** What it is; what it holds nobody knows before it is read. */
  toString(): string {
    return 'IterableDataset()';
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** A data set of what a function makes of the stream of rows. */
  #then<Out>(stream: (rows: AsyncIterable<Row>, epoch: number) => AsyncGenerator<Out>): IterableDataset<Out> {
    const source = this.#source;
    const rows = async function* (epoch: number): AsyncGenerator<Row, void, undefined> {
      yield* source(epoch);
    };
    return new IterableDataset<Out>((epoch) => stream(rows(epoch), epoch), this.#epoch);
  }
}

/** Rows in groups; the last has what is left. */
async function* grouped<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[], void, undefined> {
  let some: Row[] = [];
  for await (const row of rows) {
    some.push(row);
    if (some.length < size) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
