/**
 * From rows to a batch: plain columns by default, padded int32 tensors for tokenized text. A batch owns its tensors; whoever
 * consumes it frees them, by a `scope` or by letting them go.
 */
import { ArgumentError, type Tensor } from '@course/tensor';
import { hostTensor } from '../host-array.js';
import { padToMatrix } from './pad-sequences.js';

/** Makes a batch of some rows. */
export interface Collator<in Row, out Batch> {
  /** The batch of some rows. */
  collate(rows: readonly Row[]): Batch | Promise<Batch>;
}

/** A `Collator`, or just its function. */
export type Collate<Row, Batch> = Collator<Row, Batch> | ((rows: readonly Row[]) => Batch | Promise<Batch>);

/** A tokenized row, as `{ ...tokenizer.encode(text), label }`. */
export interface EncodedRow {
  readonly inputIds: ArrayLike<number>;
  readonly attentionMask?: ArrayLike<number>;
  readonly tokenTypeIds?: ArrayLike<number>;
  /** The class of the row. */
  readonly label?: number;
  /** The class of the row, or one for each token. */
  readonly labels?: number | ArrayLike<number>;
}

/** A padded batch: int32 tensors of shape [batch, length]. */
export interface PaddedBatch {
  readonly inputIds: Tensor;
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

/** A padded batch with labels: [batch], or [batch, length] where rows have one for each token (-100 at padding). */
export interface LabelledBatch extends PaddedBatch {
  readonly labels: Tensor;
}

/** The batch that rows of a type become. */
export type BatchOf<Row> = Row extends { readonly label: number } | { readonly labels: number | ArrayLike<number> }
  ? LabelledBatch
  : PaddedBatch;

/** What padding needs to know of a tokenizer. */
export interface PaddingTokenizer {
  readonly padTokenId: number;
  readonly paddingSide: 'left' | 'right';
}

/** Options of `DataCollatorWithPadding`. */
export interface PaddingOptions {
  /** The padded length is a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Pad every batch to this length instead of to its longest row. */
  readonly maxLength?: number;
}

/** The label of padding, which losses leave out, as in PyTorch. */
const IGNORED_LABEL = -100;

/**
 * Pads tokenized rows to the longest of their batch ("dynamic padding"), after
 * [DataCollatorWithPadding](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorWithPadding).
 * Columns other than `inputIds`, `attentionMask`, `tokenTypeIds`, `label` and `labels` are left out.
 *
 * @example
 * const loader = new DataLoader(tokenized, { batchSize: 16, collate: new DataCollatorWithPadding(tokenizer) });
 * for await (const batch of loader) batch.inputIds.shape; // [16, longest]
 */
export class DataCollatorWithPadding<Row extends EncodedRow = EncodedRow> implements Collator<Row, BatchOf<Row>> {
  readonly #tokenizer: PaddingTokenizer;
  readonly #options: PaddingOptions;

  /** @throws ArgumentError when an option is not a positive whole number. */
  constructor(tokenizer: PaddingTokenizer, options: PaddingOptions = {}) {
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
        throw new ArgumentError(`DataCollatorWithPadding: ${name} must be a positive whole number, got ${value}`);
      }
    }
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  /**
   * The padded batch of some rows.
   *
   * @throws ArgumentError when there are no rows, some have labels and some do not, or a row is longer than `maxLength`.
   */
  collate(rows: readonly Row[]): BatchOf<Row> {
    const [first] = rows;
    if (first === undefined) throw new ArgumentError('DataCollatorWithPadding: no rows to make a batch of');
    const length = this.#lengthOf(rows);
    const side = this.#tokenizer.paddingSide;
    const matrix = (name: string, value: number, columnOf: (row: Row) => ArrayLike<number>): Tensor =>
      hostTensor({
        data: padToMatrix(
          rows.map((row, i) => sameLength(row, i, name, columnOf(row))),
          length,
          value,
          side,
        ),
        shape: [rows.length, length],
      });
    const batch: PaddedBatch = {
      inputIds: matrix('inputIds', this.#tokenizer.padTokenId, (row) => row.inputIds),
      attentionMask: matrix('attentionMask', 0, (row) => row.attentionMask ?? fill(row.inputIds.length, 1)),
      tokenTypeIds: matrix('tokenTypeIds', 0, (row) => row.tokenTypeIds ?? fill(row.inputIds.length, 0)),
    };
    const labels = rows.map((row) => row.labels ?? row.label);
    if (labels.every((label) => label === undefined)) return batch as BatchOf<Row>;
    return { ...batch, labels: this.#labelTensor(rows, labels, length) } as BatchOf<Row>;
  }

  #lengthOf(rows: readonly Row[]): number {
    const { padToMultipleOf: multiple = 1, maxLength } = this.#options;
    const longest = rows.reduce((most, row) => Math.max(most, row.inputIds.length), 0);
    if (maxLength !== undefined && longest > maxLength) {
      throw new ArgumentError(
        `DataCollatorWithPadding: a row of ${longest} tokens is longer than maxLength ${maxLength}; truncate when encoding`,
      );
    }
    return Math.ceil((maxLength ?? longest) / multiple) * multiple;
  }

  #labelTensor(
    rows: readonly Row[],
    labels: readonly (number | ArrayLike<number> | undefined)[],
    length: number,
  ): Tensor {
    const wrong = (i: number, what: string): ArgumentError =>
      new ArgumentError(`DataCollatorWithPadding: row ${i} of the batch has ${what}, unlike the rows beside it`);
    const missing = labels.indexOf(undefined);
    if (missing !== -1) throw wrong(missing, 'no label');
    if (typeof labels[0] !== 'number') {
      const perToken = rows.map((row, i) => {
        const label = labels[i];
        if (typeof label === 'object') return sameLength(row, i, 'labels', label);
        throw wrong(i, 'one label');
      });
      const data = padToMatrix(perToken, length, IGNORED_LABEL, this.#tokenizer.paddingSide);
      return hostTensor({ data, shape: [rows.length, length] });
    }
    const perRow = labels.map((label, i) => {
      if (typeof label !== 'number') throw wrong(i, 'several labels');
      if (Number.isInteger(label)) return label;
      throw new ArgumentError(
        `DataCollatorWithPadding: the label of row ${i} of the batch must be a whole number, got ${label}`,
      );
    });
    return hostTensor({ data: Int32Array.from(perRow), shape: [rows.length] });
  }
}

function sameLength(row: EncodedRow, index: number, name: string, column: ArrayLike<number>): ArrayLike<number> {
  if (column.length === row.inputIds.length) return column;
  throw new ArgumentError(
    `DataCollatorWithPadding: row ${index} of the batch has ${row.inputIds.length} inputIds but ${column.length} ${name}`,
  );
}

function fill(length: number, value: number): number[] {
  return new Array<number>(length).fill(value);
}
