/**
 * The encodings of several texts. They stay columns of typed arrays until somebody asks for more: tensors are filled from them,
 * plain rows are made on demand.
 */
import { ArgumentError, ShapeError, type Tensor } from '@course/tensor';
import { type HostArray, hostTensor } from '../host-array.js';
import type { Encoding } from './encoding.js';
import { EncodingTable, type RowPadding, SPECIAL } from './encoding-table.js';

/** The columns of a batch that a model reads, as int32 tensors of shape [batch, length]. */
export interface EncodedTensors {
  readonly inputIds: Tensor;
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

/** The columns of numbers. */
export type NumberColumn = 'inputIds' | 'attentionMask' | 'tokenTypeIds' | 'specialTokensMask';

/** The encodings of several texts, in their order; with `returnOverflowingTokens`, a row for each window. */
export class BatchEncoding implements Iterable<Encoding> {
  readonly #table: EncodingTable;
  readonly #vocab: readonly string[];
  readonly #padding: RowPadding | undefined;
  #encodings: readonly Encoding[] | undefined;

  /** @internal Made by tokenizers. */
  constructor(table: EncodingTable, vocab: readonly string[], padding?: RowPadding) {
    this.#table = table;
    this.#vocab = vocab;
    this.#padding = padding;
  }

  /** Number of rows. */
  get length(): number {
    return this.#table.rows;
  }

  /** The rows as plain data, made at the first use. */
  get encodings(): readonly Encoding[] {
    this.#encodings ??= Array.from({ length: this.length }, (_, row) => this.#encoding(row));
    return this.#encodings;
  }

  /** A row as plain data; negative numbers count from the end. */
  at(row: number): Encoding | undefined {
    const place = row < 0 ? row + this.length : row;
    if (!(Number.isInteger(place) && place >= 0 && place < this.length)) return undefined;
    return this.#encodings?.[place] ?? this.#encoding(place);
  }

  /** Token ids, row by row. */
  get inputIds(): number[][] {
    return this.#rows('inputIds');
  }

  /** 1 for tokens, 0 for padding; row by row. */
  get attentionMask(): number[][] {
    return this.#rows('attentionMask');
  }

  /** 0 for first texts, 1 for second ones; row by row. */
  get tokenTypeIds(): number[][] {
    return this.#rows('tokenTypeIds');
  }

  /** 1 for special tokens and padding; row by row. */
  get specialTokensMask(): number[][] {
    return this.#rows('specialTokensMask');
  }

  /** Where each token stands in its text, [0, 0] for special tokens and padding; row by row. */
  get offsets(): [start: number, end: number][][] {
    const { starts, ends, bounds } = this.#table;
    return Array.from({ length: this.length }, (_, row) => {
      const out = Array.from({ length: this.#paddedLength(row) }, (): [number, number] => [0, 0]);
      const from = bounds[row] as number;
      const shift = this.#shift(row);
      for (let i = 0; i < this.#table.rowLength(row); i++)
        out[shift + i] = [starts[from + i] as number, ends[from + i] as number];
      return out;
    });
  }

  /** The number of the text that each row is of: 0, 1, 2, … unless there are several windows over one text. */
  get overflowToSampleMapping(): number[] {
    return Array.from(this.#table.samples.subarray(0, this.length));
  }

  /** Tokens of each row, special ones too, without padding. */
  get lengths(): number[] {
    return Array.from({ length: this.length }, (_, row) => this.#table.rowLength(row));
  }

  /**
   * Some rows, in the order asked for, padded (where this batch is) no further than to the longest of them: how texts are encoded at once
   * and go through a model in batches of like length. `overflowToSampleMapping` counts the texts of this batch.
   *
   * @throws ArgumentError for a row that is not there.
   * @example
   * const all = tokenizer.encodeBatch(['one', 'two or three', 'four'], { padding: 'longest' });
   * all.select([2, 0]).toTensors().inputIds; // int32 [2, 3]
   */
  select(rows: readonly number[]): BatchEncoding {
    const table = new EncodingTable();
    for (const row of rows) {
      if (!(Number.isInteger(row) && row >= 0 && row < this.length))
        throw new ArgumentError(`select: there is no row ${row} among ${this.length}`);
      table.appendRow(this.#table, row);
    }
    return new BatchEncoding(table, this.#vocab, this.#padding && { ...this.#padding, length: table.longestRow() });
  }

  /** For each token of a row: 0 or 1 for the first or second text, null for special tokens and padding. */
  sequenceIds(row: number): (number | null)[] {
    const from = this.#table.bounds[row] ?? 0;
    const count = row >= 0 && row < this.length ? this.#table.rowLength(row) : 0;
    const own = Array.from(this.#table.sequences.subarray(from, from + count), (sequence) =>
      sequence === SPECIAL ? null : sequence,
    );
    const fill = new Array<null>(Math.max(0, (this.#padding?.length ?? 0) - count)).fill(null);
    return this.#padding?.side === 'left' ? [...fill, ...own] : [...own, ...fill];
  }

  /** The rows, in order. */
  *[Symbol.iterator](): Iterator<Encoding> {
    for (let row = 0; row < this.length; row++) yield this.#encodings?.[row] ?? this.#encoding(row);
  }

  /**
   * The batch as int32 tensors of shape [batch, length].
   *
   * @throws ShapeError when the rows differ in length: encode with `padding`.
   */
  toTensors(): EncodedTensors {
    return {
      inputIds: hostTensor(this.hostColumn('inputIds')),
      attentionMask: hostTensor(this.hostColumn('attentionMask')),
      tokenTypeIds: hostTensor(this.hostColumn('tokenTypeIds')),
    };
  }

  /**
   * The mask of special tokens and padding as an int32 tensor of shape [batch, length].
   *
   * @throws ShapeError when the rows differ in length.
   */
  specialTokensMaskTensor(): Tensor {
    return hostTensor(this.hostColumn('specialTokensMask'));
  }

  /**
   * A column of shape [batch, length] on the host.
   *
   * @internal
   * @throws ShapeError when the rows differ in length.
   */
  hostColumn(name: NumberColumn): HostArray {
    const [column, fill] = this.#column(name);
    const length = this.#commonLength();
    const data = new Int32Array(this.length * length);
    if (fill !== 0) data.fill(fill);
    for (let row = 0; row < this.length; row++) this.#fillRow(data, row * length, column, row);
    return { data, shape: [this.length, length] };
  }

  /**
   * Where tokens stand in their texts, on the host: [batch, length, 2].
   *
   * @internal
   * @throws ShapeError when the rows differ in length.
   */
  hostOffsets(): HostArray {
    const length = this.#commonLength();
    return { data: Int32Array.from(this.offsets.flat(2)), shape: [this.length, length, 2] };
  }

  /** The number of rows, and how long they are. */
  toString(): string {
    const lengths = Array.from({ length: this.length }, (_, row) => this.#paddedLength(row));
    const least = lengths.reduce((a, b) => Math.min(a, b), Infinity);
    const most = lengths.reduce((a, b) => Math.max(a, b), 0);
    const tokens = least === most ? `${most}` : `${least} to ${most}`;
    return `BatchEncoding(rows: ${this.length}${this.length === 0 ? '' : `, tokens: ${tokens}`})`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  #encoding(row: number): Encoding {
    return this.#table.encoding(row, this.#vocab, this.#padding);
  }

  /** The values of a column, and what its padding consists of; no column is one of ones. */
  #column(name: NumberColumn): [values: ArrayLike<number> | undefined, fill: number] {
    switch (name) {
      case 'inputIds':
        return [this.#table.ids, this.#padding?.id ?? 0];
      case 'attentionMask':
        return [undefined, 0];
      case 'tokenTypeIds':
        return [this.#table.types, this.#padding?.typeId ?? 0];
      case 'specialTokensMask':
        return [this.#table.sequences.map((sequence) => (sequence === SPECIAL ? 1 : 0)), 1];
    }
  }

  /** A column divided into padded rows. */
  #rows(name: NumberColumn): number[][] {
    const [column, fill] = this.#column(name);
    return Array.from({ length: this.length }, (_, row) => {
      const out = new Array<number>(this.#paddedLength(row)).fill(fill);
      this.#fillRow(out, 0, column, row);
      return out;
    });
  }

  /** The length that all rows have. */
  #commonLength(): number {
    const length = this.length === 0 ? 0 : this.#paddedLength(0);
    for (let row = 1; row < this.length; row++) {
      if (this.#paddedLength(row) === length) continue;
      throw new ShapeError(
        `toTensors: texts of ${length} and ${this.#paddedLength(row)} tokens do not make a tensor; ` +
          `encode them with padding: 'longest'`,
      );
    }
    return length;
  }

  #paddedLength(row: number): number {
    return Math.max(this.#table.rowLength(row), this.#padding?.length ?? 0);
  }

  /** Where the tokens of a row begin. */
  #shift(row: number): number {
    return this.#padding?.side === 'left' ? this.#paddedLength(row) - this.#table.rowLength(row) : 0;
  }

  #fillRow(out: Int32Array | number[], at: number, column: ArrayLike<number> | undefined, row: number): void {
    const from = this.#table.bounds[row] as number;
    const start = at + this.#shift(row);
    for (let i = 0; i < this.#table.rowLength(row); i++)
      out[start + i] = column === undefined ? 1 : (column[from + i] as number);
  }
}
