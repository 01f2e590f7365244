/**
 * A data set in memory: a list of rows with the operations that prepare them for training. Every operation returns a new data set
 * (`setFormat` alone changes how this one is read); rows are shared, not copied, so treat them as read-only.
 */
import { ArgumentError, defaultGenerator } from '@course/tensor';
import { NumpyGenerator, numpyPermutation } from '../random/numpy.js';
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
import { common, type Feature, type Features, featureOfValue } from './features.js';
import { type FormatOptions, type Formatted, RowFormat } from './format.js';
import {
  type BatchedMapOptions,
  type BatchTransform,
  isPromiseLike,
  type MapOptions,
  mapRows,
  type RowTransform,
} from './map.js';
import { type SortOptions, sortedOrder } from './sort.js';
import { stratifiedSplit } from './stratify.js';

/** Options of `shuffle`. */
export interface ShuffleOptions {
  /** A whole number in [0, 2^53); without one, it is drawn from the default generator, which `manualSeed` sets. */
  readonly seed?: number;
}

/** Options of `trainTestSplit`. */
export interface SplitOptions<Name extends PropertyKey = string> extends ShuffleOptions {
  /** The share (below 1, rounded up to whole rows) or the number of rows for the test part; 0.25 by default. */
  readonly testSize?: number;
  /** The share (rounded down) or the number of rows for the training part; by default all others. */
  readonly trainSize?: number;
  /** Whether rows are shuffled first; true by default. */
  readonly shuffle?: boolean;
  /** A column of classes, each of which has its share of both parts. */
  readonly stratifyByColumn?: Name;
}

/** Options of `iter`. */
export interface IterOptions {
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLastBatch?: boolean;
}

/** What a data set knows beside its rows. */
interface Extras {
  readonly features?: Features;
  readonly format?: RowFormat | undefined;
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
  /** What was declared of the columns; what was not is seen in the rows. */
  readonly #declared: Features;
  #format: RowFormat | undefined;
  #columns: readonly string[] | undefined;

  private constructor(rows: readonly Row[], { features = {}, format }: Extras = {}) {
    this.#rows = rows;
    this.#declared = features;
    this.#format = format;
  }

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

  /** The names of the columns: `columns` by the name that Python has for it. */
  get columnNames(): readonly string[] {
    return this.columns;
  }

  /** Number of rows: `length` by the name that Python has for it. */
  get numRows(): number {
    return this.length;
  }

  /**
   * What the columns hold: as a file declared it, else as the rows show it.
   *
   * @example
   * dataset.features.text; // { type: 'Value', dtype: 'string' }
   */
  get features(): Features {
    const entries = this.columns.map((name): [string, Feature] => {
      const seen = (): Feature =>
        common(this.#rows.map((row) => featureOfValue((row as Readonly<Record<string, unknown>>)[name])));
      return [name, this.#declared[name] ?? seen()];
    });
    return Object.fromEntries(entries);
  }

  /**
   * The row at an index; negative ones count from the end.
   *
   * @throws ArgumentError for an index out of range.
   */
  at(index: number): Row {
    return this.#view(this.#rows[this.#checkIndex(index)] as Row);
  }

  /** The rows, in order. */
  *[Symbol.iterator](): IterableIterator<Row> {
    for (const row of this.#rows) yield this.#view(row);
  }

  /**
   * The columns of each `batchSize` rows.
   *
   * @throws ArgumentError as `batch`.
   * @example
   * for (const { text, label } of dataset.iter({ batchSize: 2 })) text.length === label.length; // true
   */
  *iter({ batchSize, dropLastBatch = false }: IterOptions): IterableIterator<Columns<Row>> {
    checkSize('iter', batchSize);
    for (let from = 0; from < this.length; from += batchSize) {
      if (dropLastBatch && from + batchSize > this.length) return;
      yield toColumns(this.#rows.slice(from, from + batchSize).map((row) => this.#view(row)));
    }
  }

  /**
   * The values of one column.
   *
   * @throws ArgumentError when a row has no such column.
   */
  column<Name extends keyof Row>(name: Name): Row[Name][] {
    return Array.from(this, (row, i) => {
      if (typeof row === 'object' && row !== null && name in row) return row[name];
      throw new ArgumentError(`column: row ${i} has no ${String(name)}; the columns are ${this.columns.join(', ')}`);
    });
  }

  /**
   * The different values of a column, in the order in which they first occur.
   *
   * @throws ArgumentError when a row has no such column, or a value is an array or object.
   */
  unique<Name extends keyof Row>(name: Name): Row[Name][] {
    const values = new Set(this.column(name));
    for (const value of values) {
      if (typeof value === 'object' && value !== null)
        throw new ArgumentError(`unique: the values of ${String(name)} are arrays or objects`);
    }
    return [...values];
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
  map<Out = Record<string, unknown>>(module: URL, options?: MapOptions): Promise<Dataset<Out>>;
  async map<Out>(
    transform: RowTransform<Row, Out> | BatchTransform<Row, Out> | URL,
    options: MapOptions | BatchedMapOptions = {},
  ): Promise<Dataset<Out>> {
    const { removeColumns = [] } = options;
    const rows = await mapRows<Row, Out>([...this], transform, options);
    const mapped = new Dataset<Out>(rows, { features: this.#classes(rows) });
    const removed = typeof removeColumns === 'string' ? [removeColumns] : removeColumns;
    return removed.length === 0 ? mapped : (mapped.removeColumns(removed as never) as unknown as Dataset<Out>);
  }

  /** The rows for which `predicate` holds. */
  async filter(predicate: (row: Row, index: number) => boolean | PromiseLike<boolean>): Promise<Dataset<Row>> {
    const kept: number[] = [];
    for (const [i, row] of this.#rows.entries()) {
      const result = predicate(this.#view(row), i);
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
    const values = (name: keyof Row): unknown[] => this.#rows.map((row) => row[name]);
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
    const features = Object.entries(this.#declared).map(([key, feature]) => [key === old ? name : key, feature]);
    const rows = this.#rows.map((row) => renamedRow(row, old, name));
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
    const features = Object.fromEntries(Object.entries(this.#declared).filter(([name]) => !gone.has(name)));
    return new Dataset(
      this.#rows.map((row) => withoutColumns<Row, Name>(row, gone)),
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
    const features = Object.fromEntries(Object.entries(this.#declared).filter(([name]) => list.includes(name as Name)));
    return new Dataset(
      this.#rows.map((row) => withColumns(row, list)),
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
    const rows = this.#rows.map((row, i) => ({ ...row, [name]: values[i] }) as Row & { [N in Name]: Value });
    return new Dataset(rows, { features: this.#declared });
  }

  /**
   * Changes how the rows of this data set are read: which columns they have, and whether numbers come as tensors. As in Python, the data
   * set itself changes, so its type stays; `withFormat` gives a new one with the type to it.
   *
   * @throws ArgumentError for a type or column that is not there.
   * @example
   * const both = dataset.skip(0);
   * both.setFormat({ columns: ['label'] });
   * both.at(0); // { label: 1 }
   */
  setFormat(options: FormatOptions<keyof Row & string> = {}): void {
    this.#format = new RowFormat(options, this.columns);
  }

  /** Undoes `setFormat`. */
  resetFormat(): void {
    this.#format = undefined;
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
    const rows = this.#rows as unknown as readonly Formatted<Row, Name, Type, All>[];
    return new Dataset(rows, { features: this.#declared, format });
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
    return this.#with(this.#rows.slice(0, checkCount('take', count)));
  }

  /** All but the first `count` rows. */
  skip(count: number): Dataset<Row> {
    return this.#with(this.#rows.slice(checkCount('skip', count)));
  }

  /**
   * Splits the rows at random into two parts: the same parts that `train_test_split` of Hugging Face's `datasets` makes.
   *
   * @throws ArgumentError when one part would be empty, or when classes cannot be stratified.
   * @example
   * const { train, test } = dataset.trainTestSplit({ testSize: 0.5, seed: 42, stratifyByColumn: 'label' });
   */
  trainTestSplit(options: SplitOptions<keyof Row> = {}): { train: Dataset<Row>; test: Dataset<Row> } {
    const { shuffle = true, stratifyByColumn } = options;
    const [trains, tests] = splitSizes(options, this.length);
    if (!shuffle) {
      if (stratifyByColumn !== undefined) throw new ArgumentError('trainTestSplit: stratifyByColumn needs shuffle');
      return { train: this.take(trains), test: this.skip(trains).take(tests) };
    }
    const generator = new NumpyGenerator(options.seed ?? drawSeed());
    if (stratifyByColumn !== undefined) {
      const rows = stratifiedSplit(this.column(stratifyByColumn), trains, tests, generator);
      return { train: this.#pick(rows.train), test: this.#pick(rows.test) };
    }
    const order = generator.permutation(this.length);
    return { train: this.#pick(order.subarray(tests, tests + trains)), test: this.#pick(order.subarray(0, tests)) };
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
      batches.push(toColumns(this.#rows.slice(from, from + size).map((row) => this.#view(row))));
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
    return this.#with(Array.from(indices, (index) => this.#rows[index] as Row));
  }

  /** Other rows of the same kind. */
  #with(rows: readonly Row[]): Dataset<Row> {
    return new Dataset(rows, { features: this.#declared, format: this.#format });
  }

  #view(row: Row): Row {
    return this.#format === undefined ? row : (this.#format.row(row) as Row);
  }

  /** The classes that are declared for columns which new rows still have, as whole numbers. */
  #classes(rows: readonly unknown[]): Features {
    const [first] = rows;
    if (typeof first !== 'object' || first === null) return {};
    const values = first as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(this.#declared).filter(
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
    const features = first === undefined ? {} : first.#declared;
    const rows = datasets.flatMap((dataset) => dataset.#rows);
    return new Dataset(rows, { features });
  }
}

/**
 * The rows of several data sets with the same columns, one after the other, as
 * [concatenate_datasets](https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.concatenate_datasets).
 *
 * @throws ArgumentError when there is none, or their columns differ.
 * @example
 * concatenateDatasets([dataset, dataset.take(1)]).length === dataset.length + 1; // true
 */
export function concatenateDatasets<Row>(datasets: readonly Dataset<Row>[]): Dataset<Row> {
  const [first] = datasets;
  if (first === undefined) throw new ArgumentError('concatenateDatasets: no data sets');
  const names = [...first.columns].sort().join(', ');
  for (const [i, { columns }] of datasets.entries()) {
    if ([...columns].sort().join(', ') === names) continue;
    throw new ArgumentError(
      `concatenateDatasets: data set ${i} has the columns ${columns.join(', ')}, the first has ${first.columns.join(', ')}`,
    );
  }
  return Dataset.concatenate(datasets);
}

/** Numbers of rows of both parts. */
function splitSizes({ testSize, trainSize }: SplitOptions<PropertyKey>, length: number): [train: number, test: number] {
  const rows = (size: number, round: (rows: number) => number): number => (size < 1 ? round(size * length) : size);
  const train = trainSize === undefined ? undefined : rows(trainSize, Math.floor);
  const asked = testSize ?? (train === undefined ? 0.25 : undefined);
  const test = asked === undefined ? length - (train ?? 0) : rows(asked, Math.ceil);
  const rest = train ?? length - test;
  if (Number.isInteger(test) && Number.isInteger(rest) && test > 0 && rest > 0 && test + rest <= length)
    return [rest, test];
  const sizes = `testSize ${testSize ?? asked ?? 'the rest'}${trainSize === undefined ? '' : ` and trainSize ${trainSize}`}`;
  throw new ArgumentError(
    `trainTestSplit: ${sizes} of ${length} rows leaves a part empty; ` +
      'it must be a share in (0, 1) or a number of rows',
  );
}

function checkSize(name: string, size: number): void {
  if (Number.isInteger(size) && size > 0) return;
  throw new ArgumentError(`${name}: the size must be a positive whole number, got ${size}`);
}

function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 0) return count;
  throw new ArgumentError(`${name}: the number of rows must be a whole number, got ${count}`);
}

function drawSeed(): number {
  return defaultGenerator().random();
}
