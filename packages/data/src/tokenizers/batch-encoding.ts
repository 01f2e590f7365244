/**
 * The encodings of several texts. They stay columns of typed arrays until somebody asks for more: tensors are filled from them,
 * plain rows are made on demand.
 */
import { ShapeError, type Tensor } from '@course/tensor';
import { intTensor } from '../int-tensor.js';
import type { Encoding } from './encoding.js';
import { type EncodingTable, type RowPadding, SPECIAL } from './encoding-table.js';

/** The columns of a batch that a model reads, as int32 tensors of shape [batch, length]. */
export interface EncodedTensors {
  readonly inputIds: Tensor;
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

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
    return this.#rows(this.#table.ids, this.#padding?.id ?? 0);
  }

  /** 1 for tokens, 0 for padding; row by row. */
  get attentionMask(): number[][] {
    return this.#rows(undefined, 0);
  }

  /** 0 for first texts, 1 for second ones; row by row. */
  get tokenTypeIds(): number[][] {
    return this.#rows(this.#table.types, this.#padding?.typeId ?? 0);
  }

  /** The number of the text that each row is of: 0, 1, 2, … unless there are several windows over one text. */
  get overflowToSampleMapping(): number[] {
    return Array.from(this.#table.samples.subarray(0, this.length));
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
      inputIds: this.#tensor(this.#table.ids, this.#padding?.id ?? 0),
      attentionMask: this.#tensor(undefined, 0),
      tokenTypeIds: this.#tensor(this.#table.types, this.#padding?.typeId ?? 0),
    };
  }

  /**
   * The mask of special tokens and padding as an int32 tensor of shape [batch, length].
   *
   * @throws ShapeError when the rows differ in length.
   */
  specialTokensMaskTensor(): Tensor {
    const marks = this.#table.sequences.map((sequence) => (sequence === SPECIAL ? 1 : 0));
    return this.#tensor(marks, 1);
  }

  #encoding(row: number): Encoding {
    return this.#table.encoding(row, this.#vocab, this.#padding);
  }

  /** A column divided into padded rows; no column is a column of ones. */
  #rows(column: ArrayLike<number> | undefined, fill: number): number[][] {
    return Array.from({ length: this.length }, (_, row) => {
      const out = new Array<number>(this.#paddedLength(row)).fill(fill);
      this.#fillRow(out, 0, out.length, column, row);
      return out;
    });
  }

  #tensor(column: ArrayLike<number> | undefined, fill: number): Tensor {
    const length = this.length === 0 ? 0 : this.#paddedLength(0);
    const data = new Int32Array(this.length * length);
    if (fill !== 0) data.fill(fill);
    for (let row = 0; row < this.length; row++) {
      if (this.#paddedLength(row) !== length) {
        throw new ShapeError(
          `toTensors: texts of ${length} and ${this.#paddedLength(row)} tokens do not make a tensor; ` +
            `encode them with padding: 'longest'`,
        );
      }
      this.#fillRow(data, row * length, length, column, row);
    }
    return intTensor(data, [this.length, length]);
  }

  #paddedLength(row: number): number {
    return Math.max(this.#table.rowLength(row), this.#padding?.length ?? 0);
  }

  #fillRow(
    out: Int32Array | number[],
    at: number,
    length: number,
    column: ArrayLike<number> | undefined,
    row: number,
  ): void {
    const from = this.#table.bounds[row] as number;
    const count = this.#table.rowLength(row);
    const start = at + (this.#padding?.side === 'left' ? length - count : 0);
    for (let i = 0; i < count; i++) out[start + i] = column === undefined ? 1 : (column[from + i] as number);
  }
}
