/**
 * A data set in memory: a list of rows with the operations that prepare them for training. Every operation returns a new data set
 * (`setFormat` alone changes how this one is read); rows are shared, not copied, so treat them as read-only.
 */
import { ArgumentError } from '@course/tensor';
import { numpyPermutation } from '../random/numpy.js';
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
import type { Features } from './features.js';
import { type FormatOptions, type Formatted, RowFormat } from './format.js';
import {
  type BatchedMapOptions,
  type BatchTransform,
  isPromiseLike,
  type MapOptions,
  mapRows,
  type RowTransform,
} from './map.js';
import { RowTable } from './row-table.js';
import { type SortOptions, sortedOrder } from './sort.js';
import { drawSeed, type ShuffleOptions, type SplitOptions, splitRows } from './split.js';

/**
 * An immutable list of rows, after `datasets.Dataset` of
 * [Hugging Face](https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Dataset).
 *
 * @example
 * const dataset = Dataset.fromRows([{ text: 'good', label: 1 }, { text: 'bad', label: 0 }]);
 * dataset.shuffle({ seed: 42 }).take(1).at(0); // { text: 'bad', label: 0 }
 */
export class Dataset<Row> extends RowTable<Row> {
  /**
   * A data set of the given rows.
   *
   * @param features What columns hold, where the rows alone do not tell: the names of classes.
   */
  static fromRows<Row>(rows: Iterable<Row>, { features = {} }: { readonly features?: Features } = {}): Dataset<Row> {
    return new Dataset([...rows], { features });
  }

  /**
   * A data set of the given columns, as `Dataset.from_dict`.
   *
   * @throws ArgumentError when they are not of one length.
   * @example
   * Dataset.fromDict({ text: ['good', 'bad'], label: [1, 0] }).at(1); // { text: 'bad', label: 0 }
   */
  static fromDict<Row>(columns: Columns<Row>): Dataset<Row> {
    return new Dataset(toRows<Row>(columns));
  }

  /**
   * A data set of what `transform` makes of each row, or with `batched` of the columns of several rows, or of what the function of a
   * module makes on worker threads. By default one after the other, in order; a promise is awaited before the next row.
   *
   * Python's `map` adds what the function returns to the row; here the row is what it returns: `{ ...row, length: row.text.length }`.
   *
   * @throws ArgumentError for options out of range, and for batches whose columns differ in length.
   * @example
   * const tokenized = await dataset.map((row) => ({ ...tokenizer.encode(row.text), label: row.label }));
   * const upper = await dataset.map(({ text }) => ({ text: text.map((one) => one.toUpperCase()) }), { batched: true });
   */
  map<Out>(transform: BatchTransform<Row, Out>, options: BatchedMapOptions): Promise<Dataset<Out>>;
  map<Out>(transform: RowTransform<Row, Out>, options?: MapOptions): Promise<Dataset<Out>>;
  map<Out = Record<string, unknown>>(module: URL, options?: MapOptions | BatchedMapOptions): Promise<Dataset<Out>>;
  async map<Out>(
    transform: RowTransform<Row, Out> | BatchTransform<Row, Out> | URL,
    options: MapOptions | BatchedMapOptions = {},
  ): Promise<Dataset<Out>> {
    const { removeColumns = [] } = options;
    const rows = await mapRows<Row, Out>([...this], transform, options);
    const mapped = new Dataset<Out>(rows, { features: this.#classes(rows) });
    const named = typeof removeColumns === 'string' ? [removeColumns] : removeColumns;
    checkColumns('map: removeColumns', named, [...new Set([...this.columns, ...mapped.columns])]);
    // Those that the function left out are gone already.
    const removed = named.filter((name) => mapped.columns.includes(name));
    return removed.length === 0 ? mapped : (mapped.removeColumns(removed as never) as unknown as Dataset<Out>);
  }

  /** The rows for which `predicate` holds. */
  async filter(predicate: (row: Row, index: number) => boolean | PromiseLike<boolean>): Promise<Dataset<Row>> {
    const kept: number[] = [];
    for (const [i, row] of this.rows.entries()) {
      const result = predicate(this.view(row), i);
      const keep: boolean = isPromiseLike(result) ? await result : result;
      if (keep) kept.push(i);
    }
    return this.#pick(kept);
  }

  /**
   * The rows ordered by one column, or by several of which later ones decide between equals; rows that are equal keep their order.
   *
   * @throws ArgumentError for a column that is not there, or whose values have no order.
   * @example
   * dataset.sort('label', { reverse: true }).at(0).label; // 1
   */
  sort(by: (keyof Row & string) | readonly (keyof Row & string)[], options: SortOptions = {}): Dataset<Row> {
    const names = typeof by === 'string' ? [by] : by;
    checkColumns('sort', names, this.columns);
    const values = (name: keyof Row): unknown[] => this.rows.map((row) => row[name]);
    return this.#pick(
      sortedOrder(
        names.map((name) => [name, values(name)] as const),
        options,
      ),
    );
  }

  /**
   * The rows with one column called otherwise.
   *
   * @throws ArgumentError when there is no such column, or one of the new name already.
   */
  renameColumn<Old extends keyof Row & string, New extends string>(
    old: Old,
    name: New,
  ): Dataset<Renamed<Row, Old, New>> {
    checkColumns('renameColumn', [old], this.columns);
    if (this.columns.includes(name) && name !== (old as string))
      throw new ArgumentError(`renameColumn: there is a column ${name} already`);
    const features = Object.entries(this.declared).map(([key, feature]) => [key === old ? name : key, feature]);
    const rows = this.rows.map((row) => renamedRow(row, old, name));
    return new Dataset(rows, { features: Object.fromEntries(features) });
  }

  /**
   * The rows without some columns.
   *
   * @throws ArgumentError when there is no such column.
   */
  removeColumns<Name extends keyof Row & string>(names: Name | readonly Name[]): Dataset<Omit<Row, Name>> {
    const list = typeof names === 'string' ? [names] : names;
    checkColumns('removeColumns', list, this.columns);
    const gone = new Set<PropertyKey>(list);
    const features = Object.fromEntries(Object.entries(this.declared).filter(([name]) => !gone.has(name)));
    return new Dataset(
      this.rows.map((row) => withoutColumns<Row, Name>(row, gone)),
      { features },
    );
  }

  /**
   * The rows with some columns alone.
   *
   * @throws ArgumentError when there is no such column.
   */
  selectColumns<Name extends keyof Row & string>(names: Name | readonly Name[]): Dataset<Pick<Row, Name>> {
    const list = typeof names === 'string' ? [names] : names;
    checkColumns('selectColumns', list, this.columns);
    const features = Object.fromEntries(Object.entries(this.declared).filter(([name]) => list.includes(name as Name)));
    return new Dataset(
      this.rows.map((row) => withColumns(row, list)),
      { features },
    );
  }

  /**
   * The rows with one column more.
   *
   * @throws ArgumentError when there is a column of that name, or the values are not one for each row.
   */
  addColumn<Name extends string, Value>(name: Name, values: readonly Value[]): Dataset<Row & { [N in Name]: Value }> {
    if (this.columns.includes(name)) throw new ArgumentError(`addColumn: there is a column ${name} already`);
    if (values.length !== this.length)
      throw new ArgumentError(`addColumn: ${values.length} values for ${this.length} rows`);
    const rows = this.rows.map((row, i) => ({ ...row, [name]: values[i] }) as Row & { [N in Name]: Value });
    return new Dataset(rows, { features: this.declared });
  }

  /**
   * The same rows, read in another way. Tensors are made anew at each reading and are the reader's to free.
   *
   * @throws ArgumentError as `setFormat`.
   * @example
   * dataset.withFormat({ type: 'torch', columns: ['label'], outputAllColumns: true }).at(0).label.dtype; // 'int32'
   */
  withFormat<
    Name extends keyof Row & string = keyof Row & string,
    const Type extends 'torch' | null = null,
    const All extends boolean = false,
  >(options: FormatOptions<Name, All> & { readonly type?: Type }): Dataset<Formatted<Row, Name, Type, All>> {
    const format = new RowFormat(options, this.columns);
    const rows = this.rows as unknown as readonly Formatted<Row, Name, Type, All>[];
    return new Dataset(rows, { features: this.declared, format });
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
    return this.#pick(Array.from(indices, (index) => this.checkIndex(index)));
  }

  /** The first `count` rows, or all if there are fewer. */
  take(count: number): Dataset<Row> {
    return this.#with(this.rows.slice(0, checkCount('take', count)));
  }

  /** All but the first `count` rows. */
  skip(count: number): Dataset<Row> {
    return this.#with(this.rows.slice(checkCount('skip', count)));
  }

  /**
   * Splits the rows at random into two parts: the same parts that `train_test_split` of Hugging Face's `datasets` makes.
   *
   * @throws ArgumentError when one part would be empty, or when classes cannot be stratified.
   * @example
   * const { train, test } = dataset.trainTestSplit({ testSize: 0.5, seed: 42, stratifyByColumn: 'label' });
   */
  trainTestSplit(options: SplitOptions<keyof Row> = {}): { train: Dataset<Row>; test: Dataset<Row> } {
    const { stratifyByColumn } = options;
    const classes = stratifyByColumn === undefined ? undefined : this.column(stratifyByColumn);
    const { train, test } = splitRows(this.length, options, classes);
    return { train: this.#pick(train), test: this.#pick(test) };
  }

  /** Short for `trainTestSplit`. */
  split(options: SplitOptions<keyof Row> = {}): { train: Dataset<Row>; test: Dataset<Row> } {
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
    checkSize('batch', size);
    const batches: Columns<Row>[] = [];
    for (let from = 0; from < this.length; from += size) {
      if (options.dropLast === true && from + size > this.length) break;
      batches.push(toColumns(this.rows.slice(from, from + size).map((row) => this.view(row))));
    }
    return new Dataset(batches);
  }

  #pick(indices: ArrayLike<number>): Dataset<Row> {
    return this.#with(Array.from(indices, (index) => this.rows[index] as Row));
  }

  /** Other rows of the same kind. */
  #with(rows: readonly Row[]): Dataset<Row> {
    return new Dataset(rows, { features: this.declared, format: this.format });
  }

  /** The classes that are declared for columns which new rows still have, as whole numbers. */
  #classes(rows: readonly unknown[]): Features {
    const [first] = rows;
    if (typeof first !== 'object' || first === null) return {};
    const values = first as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(this.declared).filter(
        ([name, { type }]) => type === 'ClassLabel' && Number.isInteger(values[name]),
      ),
    );
  }

  /**
   * The rows of several data sets, one after the other.
   *
   * @internal `concatenateDatasets` is the public form.
   */
  static concatenate<Row>(datasets: readonly Dataset<Row>[]): Dataset<Row> {
    const [first] = datasets;
    const features = first === undefined ? {} : first.declared;
    const rows = datasets.flatMap((dataset) => dataset.rows);
    return new Dataset(rows, { features });
  }
}
