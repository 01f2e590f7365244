/**
 * `loadDataset`: files of rows into data sets in memory. What is wrong with a file is found here, once, and named with file and
 * line, so that training never meets a row without a label.
 */
import { ArgumentError, FormatError } from '@course/tensor';
import { lineError, MAX_LINE_BYTES } from '../readers/blocks.js';
import { type CsvOptions, readCsv } from '../readers/csv.js';
import { type CsvType, convertColumns } from '../readers/csv-types.js';
import { readJsonl } from '../readers/jsonl.js';
import type { SourceRow } from '../readers/source.js';
import { readTextLines } from '../readers/text.js';
import { Dataset } from './dataset.js';

/** The formats: 'json' is JSON Lines, 'csv' also reads TSV, 'text' makes each line a row `{ text }`. */
export type DatasetFormat = 'json' | 'csv' | 'text';

/** One file, or several whose rows follow each other. */
export type DataFiles = string | readonly string[];

/** Options of `loadDataset`, but for the files. */
export interface LoadDatasetOptions<Row> extends CsvOptions {
  /** Columns that every row must have. */
  readonly fields?: readonly (keyof Row & string)[];
  /** Looks at each row; a sentence it returns becomes the error about the row's line. */
  readonly check?: (row: Row) => string | undefined;
  /** CSV: the types of columns that should not be left to their values. */
  readonly types?: { readonly [Name in keyof Row & string]?: CsvType };
  /** Longest line, in bytes; 64 MiB by default. Nothing longer is ever held in memory. */
  readonly maxLineBytes?: number;
}

/** Files by the name of their split. */
export type SplitFiles<Split extends string> = { readonly [Name in Split]: DataFiles };

/** Data sets by the name of their split. */
export type Splits<Split extends string, Row> = { readonly [Name in Split]: Dataset<Row> };

/** What a row is when nothing is said about it. */
export type AnyRow = Record<string, unknown>;

type Load<Row, Files> = LoadDatasetOptions<Row> & { readonly dataFiles: Files };

/**
 * Loads rows from files, as `datasets.load_dataset` of
 * [Hugging Face](https://huggingface.co/docs/datasets/loading#local-and-remote-files).
 *
 * @param format 'json' (JSON Lines), 'csv' (or TSV), or 'text'.
 * @param options `dataFiles` is a path, several paths, or an object of them by split (`train`, `validation`, `test`, or any name).
 * @returns A data set, or an object of data sets by split.
 * @throws FormatError naming file and line when a file is missing, empty, not UTF-8 or malformed, or a row lacks one of `fields`
 * or fails `check`.
 * @example
 * const dataset = await loadDataset<{ text: string; label: number }>('json', {
 *   dataFiles: { train: 'train.jsonl', test: 'dev.jsonl' },
 *   fields: ['text', 'label'],
 * });
 * dataset.train.length;
 */
export function loadDataset<Row = AnyRow>(format: DatasetFormat, options: Load<Row, DataFiles>): Promise<Dataset<Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train'>>,
): Promise<Splits<'train', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'test'>>,
): Promise<Splits<'train' | 'test', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'validation'>>,
): Promise<Splits<'train' | 'validation', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'validation' | 'test'>>,
): Promise<Splits<'train' | 'validation' | 'test', Row>>;
export function loadDataset<Row = AnyRow, Split extends string = string>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<Split>>,
): Promise<Splits<Split, Row>>;
export async function loadDataset<Row>(
  format: DatasetFormat,
  options: Load<Row, DataFiles | SplitFiles<string>>,
): Promise<Dataset<Row> | Splits<string, Row>> {
  checkOptions(format, options);
  const { dataFiles } = options;
  if (isFiles(dataFiles)) return loadFiles(format, dataFiles, options);
  const splits: Record<string, Dataset<Row>> = {};
  for (const [name, files] of Object.entries(dataFiles)) splits[name] = await loadFiles(format, files, options);
  return splits;
}

function isFiles(files: DataFiles | SplitFiles<string>): files is DataFiles {
  return typeof files === 'string' || Array.isArray(files);
}

function checkOptions<Row>(format: DatasetFormat, options: LoadDatasetOptions<Row>): void {
  if (format !== 'json' && format !== 'csv' && format !== 'text') {
    throw new ArgumentError(`loadDataset: the format must be 'json', 'csv' or 'text', got ${JSON.stringify(format)}`);
  }
  for (const name of ['delimiter', 'header', 'quotes', 'types'] as const) {
    if (format !== 'csv' && options[name] !== undefined) {
      throw new ArgumentError(`loadDataset: ${name} is an option of 'csv', not of '${format}'`);
    }
  }
}

async function loadFiles<Row>(
  format: DatasetFormat,
  files: DataFiles,
  options: LoadDatasetOptions<Row>,
): Promise<Dataset<Row>> {
  const rows: Row[] = [];
  for (const file of typeof files === 'string' ? [files] : files) {
    const read: SourceRow[] = [];
    for await (const block of readRows(format, file, options)) for (const row of block) read.push(row);
    if (read.length === 0) throw new FormatError(`${file}: no rows in this file`);
    if (format === 'csv') convertColumns(read, options.types ?? {}, file);
    for (const { row, line } of read) {
      checkRow(row as Row & AnyRow, line, file, options);
      rows.push(row as Row);
    }
  }
  return Dataset.fromRows(rows);
}

function readRows<Row>(
  format: DatasetFormat,
  file: string,
  options: LoadDatasetOptions<Row>,
): AsyncGenerator<SourceRow[], void, undefined> {
  const { maxLineBytes = MAX_LINE_BYTES } = options;
  if (format === 'json') return readJsonl(file, maxLineBytes);
  return format === 'csv' ? readCsv(file, options, maxLineBytes) : readTextLines(file, maxLineBytes);
}

function checkRow<Row>(row: Row & AnyRow, line: number, file: string, options: LoadDatasetOptions<Row>): void {
  for (const name of options.fields ?? []) {
    if (!Object.hasOwn(row, name)) {
      const has = Object.keys(row).map((key) => JSON.stringify(key));
      throw lineError(file, line, `no field ${JSON.stringify(name)}; the row has ${has.join(', ') || 'none'}`);
    }
  }
  const complaint = options.check?.(row);
  if (complaint !== undefined) throw lineError(file, line, complaint);
}
