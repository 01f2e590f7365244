/**
 * The reading half of a data set: its rows, what its columns hold, and the format in which they are seen. `Dataset` adds what makes another data
 * set of one.
 */
import { ArgumentError } from '@course/tensor';
import { checkSize } from './checks.js';
import { type Columns, toColumns } from './columns.js';
import { common, type Feature, type Features, featureOfValue } from './features.js';
import { type FormatOptions, RowFormat } from './format.js';

/** Options of `iter`. */
export interface IterOptions {
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLastBatch?: boolean;
}

/** What a table knows beside its rows. */
export interface RowTableExtras {
  readonly features?: Features;
  readonly format?: RowFormat | undefined;
}

/** Rows that can be read, one by one, by column, in batches. */
export abstract class RowTable<Row> implements Iterable<Row> {
  /** The rows as they are kept, in no format. */
  protected readonly rows: readonly Row[];
  /** What was declared of the columns; what was not is seen in the rows. */
  protected readonly declared: Features;
  protected format: RowFormat | undefined;
  #columns: readonly string[] | undefined;

  protected constructor(rows: readonly Row[], { features = {}, format }: RowTableExtras = {}) {
    this.rows = rows;
    this.declared = features;
    this.format = format;
  }

  /** Number of rows. */
  get length(): number {
    return this.rows.length;
  }

  /** The names of the columns, in the order in which the rows first have them. */
  get columns(): readonly string[] {
    if (this.#columns === undefined) {
      const names = new Set<string>();
      for (const row of this.rows) {
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
        common(this.rows.map((row) => featureOfValue((row as Readonly<Record<string, unknown>>)[name])));
      return [name, this.declared[name] ?? seen()];
    });
    return Object.fromEntries(entries);
  }

  /**
   * The row at an index; negative ones count from the end.
   *
   * @throws ArgumentError for an index out of range.
   */
  at(index: number): Row {
    return this.view(this.rows[this.checkIndex(index)] as Row);
  }

  /** The rows, in order. */
  *[Symbol.iterator](): IterableIterator<Row> {
    for (const row of this.rows) yield this.view(row);
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
      yield toColumns(this.rows.slice(from, from + batchSize).map((row) => this.view(row)));
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
    this.format = new RowFormat(options, this.columns);
  }

  /** Undoes `setFormat`. */
  resetFormat(): void {
    this.format = undefined;
  }

  toString(): string {
    return `Dataset({ columns: [${this.columns.map((name) => `'${name}'`).join(', ')}], length: ${this.length} })`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** The place of an index, which may count from the end. */
  protected checkIndex(index: number): number {
    if (!(Number.isInteger(index) && index >= -this.length && index < this.length)) {
      throw new ArgumentError(`index ${index} is out of range for a data set of ${this.length} rows`);
    }
    return index < 0 ? index + this.length : index;
  }

  /** A row in the format. */
  protected view(row: Row): Row {
    return this.format === undefined ? row : (this.format.row(row) as Row);
  }
}
