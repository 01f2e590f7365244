/**
 * What collators do with numbers on the host: padding, checks, labels. It runs here or in a worker (it is a part of the workers' program, so it
 * knows no tensors); the collator that it belongs to makes tensors of the result, and draws what there is to draw, where the program runs.
 */
import { ArgumentError } from '@course/tensor';
import { toColumns } from '../datasets/columns.js';
import type { HostArray } from '../host-array.js';
import { padToMatrix } from './pad-to-matrix.js';

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

/** How rows are padded, as plain data. */
export interface PaddingRecipe {
  readonly padTokenId: number;
  readonly side: 'left' | 'right';
  readonly padToMultipleOf?: number | undefined;
  readonly maxLength?: number | undefined;
}

/** A collator's work on the host, as plain data: sent to a worker, it is done there. */
export type CollateRecipe =
  /** Rows become columns. */
  | { readonly kind: 'columns' }
  | { readonly kind: 'padding'; readonly padding: PaddingRecipe }
  /** Rows without their labels; `protect` are tokens that are never hidden, undefined where nothing is. */
  | {
      readonly kind: 'language-modeling';
      readonly padding: PaddingRecipe;
      readonly protect: readonly number[] | undefined;
    }
  /** Rows without their labels, and how long each was. */
  | { readonly kind: 'whole-word'; readonly padding: PaddingRecipe }
  | {
      readonly kind: 'seq2seq';
      readonly padding: PaddingRecipe;
      readonly labelPadTokenId: number;
      readonly decoderStartTokenId: number | undefined;
    };

/** A batch on the host: arrays that become tensors, by name. */
export type HostBatch = Readonly<Record<string, HostArray>>;

/** The label of padding, which losses leave out, as in PyTorch. */
export const IGNORED_LABEL = -100;

/**
 * The batch that a recipe makes of rows; for 'columns', the columns.
 *
 * @throws ArgumentError for rows that do not fit together.
 */
export function hostCollate(recipe: CollateRecipe, rows: readonly object[]): HostBatch | Record<string, unknown[]> {
  const encoded = rows as readonly EncodedRow[];
  switch (recipe.kind) {
    case 'columns':
      return toColumns(rows as readonly Record<string, unknown>[]);
    case 'padding':
      return padded(encoded, recipe.padding);
    case 'language-modeling':
      return languageModeling(encoded, recipe.padding, recipe.protect);
    case 'whole-word': {
      const lengths = Int32Array.from(encoded, (row) => row.inputIds.length);
      return { ...padded(withoutLabels(encoded), recipe.padding), lengths: { data: lengths, shape: [rows.length] } };
    }
    case 'seq2seq':
      return seq2seq(encoded, recipe);
  }
}

function withoutLabels(rows: readonly EncodedRow[]): EncodedRow[] {
  return rows.map(({ inputIds, attentionMask, tokenTypeIds }) => ({
    inputIds,
    ...(attentionMask && { attentionMask }),
    ...(tokenTypeIds && { tokenTypeIds }),
  }));
}

function padded(rows: readonly EncodedRow[], padding: PaddingRecipe): HostBatch {
  const [first] = rows;
  if (first === undefined) throw new ArgumentError('DataCollatorWithPadding: no rows to make a batch of');
  const length = lengthOf(rows, padding);
  const matrix = (name: string, value: number, columnOf: (row: EncodedRow) => ArrayLike<number>): HostArray => ({
    data: padToMatrix(
      rows.map((row, i) => sameLength(row, i, name, columnOf(row))),
      length,
      value,
      padding.side,
    ),
    shape: [rows.length, length],
  });
  const batch = {
    inputIds: matrix('inputIds', padding.padTokenId, (row) => row.inputIds),
    attentionMask: matrix('attentionMask', 0, (row) => row.attentionMask ?? fill(row.inputIds.length, 1)),
    tokenTypeIds: matrix('tokenTypeIds', 0, (row) => row.tokenTypeIds ?? fill(row.inputIds.length, 0)),
  };
  const labels = rows.map((row) => row.labels ?? row.label);
  if (labels.every((label) => label === undefined)) return batch;
  return { ...batch, labels: labelArray(rows, labels, length, padding.side) };
}

function lengthOf(rows: readonly EncodedRow[], { padToMultipleOf: multiple = 1, maxLength }: PaddingRecipe): number {
  const longest = rows.reduce((most, row) => Math.max(most, row.inputIds.length), 0);
  if (maxLength !== undefined && longest > maxLength) {
    throw new ArgumentError(
      `DataCollatorWithPadding: a row of ${longest} tokens is longer than maxLength ${maxLength}; truncate when encoding`,
    );
  }
  return Math.ceil((maxLength ?? longest) / multiple) * multiple;
}

function labelArray(
  rows: readonly EncodedRow[],
  labels: readonly (number | ArrayLike<number> | undefined)[],
  length: number,
  side: 'left' | 'right',
): HostArray {
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
    return { data: padToMatrix(perToken, length, IGNORED_LABEL, side), shape: [rows.length, length] };
  }
  const perRow = labels.map((label, i) => {
    if (typeof label !== 'number') throw wrong(i, 'several labels');
    if (Number.isInteger(label)) return label;
    throw new ArgumentError(
      `DataCollatorWithPadding: the label of row ${i} of the batch must be a whole number, got ${label}`,
    );
  });
  return { data: Int32Array.from(perRow), shape: [rows.length] };
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

/** What a row of a language model may have beside an encoding. */
interface LanguageRow extends EncodedRow {
  readonly specialTokensMask?: ArrayLike<number>;
  readonly nextSentenceLabel?: number;
}

/** The padded rows; `mayHide` is 1 for tokens that may be hidden, where any may. */
function languageModeling(
  rows: readonly LanguageRow[],
  padding: PaddingRecipe,
  protect: readonly number[] | undefined,
): HostBatch {
  const batch = padded(withoutLabels(rows), padding);
  return {
    ...batch,
    ...(protect && { mayHide: mayHide(rows, batch.inputIds?.shape ?? [], padding.side, new Set(protect)) }),
    ...nextSentenceLabels(rows),
  };
}

function mayHide(
  rows: readonly LanguageRow[],
  shape: readonly number[],
  side: 'left' | 'right',
  special: ReadonlySet<number>,
): HostArray {
  const masks = rows.map(({ inputIds, specialTokensMask }, i) => {
    if (specialTokensMask && specialTokensMask.length !== inputIds.length)
      throw new ArgumentError(
        `DataCollatorForLanguageModeling: row ${i} of the batch has ${inputIds.length} inputIds but ${specialTokensMask.length} specialTokensMask`,
      );
    return Array.from(specialTokensMask ?? inputIds, (value) =>
      specialTokensMask ? 1 - value : Number(!special.has(value)),
    );
  });
  return { data: padToMatrix(masks, shape[1] ?? 0, 0, side), shape };
}

function nextSentenceLabels(rows: readonly LanguageRow[]): HostBatch {
  const labels = rows.flatMap(({ nextSentenceLabel: label }) => (label === undefined ? [] : [label]));
  if (labels.length === 0) return {};
  if (labels.length < rows.length)
    throw new ArgumentError(
      `DataCollatorForLanguageModeling: ${labels.length} of the ${rows.length} rows of the batch have a nextSentenceLabel: all must, or none`,
    );
  return { nextSentenceLabel: { data: Int32Array.from(labels), shape: [labels.length] } };
}

function seq2seq(rows: readonly EncodedRow[], recipe: CollateRecipe & { readonly kind: 'seq2seq' }): HostBatch {
  const { padding, labelPadTokenId, decoderStartTokenId } = recipe;
  const targets = rows.map(({ labels }, i) => {
    if (typeof labels === 'object') return labels;
    throw new ArgumentError(`DataCollatorForSeq2Seq: row ${i} of the batch has no labels`);
  });
  const batch = padded(withoutLabels(rows), padding);
  const { padToMultipleOf: multiple = 1 } = padding;
  const longest = targets.reduce((most, labels) => Math.max(most, labels.length), 0);
  const length = Math.ceil(longest / multiple) * multiple;
  const shape = [rows.length, length];
  const labels = padToMatrix(targets, length, labelPadTokenId, padding.side);
  if (decoderStartTokenId === undefined) return { ...batch, labels: { data: labels, shape } };
  const shifted = labels.map((_, i) => {
    if (i % length === 0) return decoderStartTokenId;
    const before = labels[i - 1] ?? 0;
    return before === labelPadTokenId ? padding.padTokenId : before;
  });
  return { ...batch, labels: { data: labels, shape }, decoderInputIds: { data: shifted, shape } };
}
