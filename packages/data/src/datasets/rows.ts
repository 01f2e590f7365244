/** The rows of one file, whatever its format, checked one by one. */
import { FormatError } from '@course/tensor';
import { lineError, MAX_LINE_BYTES } from '../readers/blocks.js';
import { type CsvOptions, readCsv } from '../readers/csv.js';
import { ColumnTypes, type CsvType } from '../readers/csv-types.js';
import { readJson } from '../readers/json.js';
import { parquetFeatures, readParquet } from '../readers/parquet.js';
import { rowError, type SourceRow } from '../readers/source.js';
import { readDocument, readParagraphs, readTextLines } from '../readers/text.js';
import type { Features } from './features.js';
import { readTextFolder, type TextFolder } from './text-folder.js';

/** What is said of rows and their files, whatever the format. */
export interface RowOptions<Row> extends CsvOptions {
  readonly fields?: readonly (keyof Row & string)[];
  readonly check?: (row: Row) => string | undefined;
  readonly types?: { readonly [Name in keyof Row & string]?: CsvType };
  readonly field?: string;
  readonly sampleBy?: 'line' | 'paragraph' | 'document';
  readonly maxLineBytes?: number;
}

/** A file, and how it is read. */
export interface RowFile {
  readonly path: string;
  readonly format: 'json' | 'csv' | 'text' | 'parquet' | 'textfolder';
  /** The listed folder, of 'textfolder'. */
  readonly folder?: TextFolder;
  /** Its name, where the path in a cache may not tell it. */
  readonly name?: string;
}

/** The rows of a file in blocks, as the format has them. */
function readBlocksOf<Row>(file: RowFile, options: RowOptions<Row>): AsyncGenerator<SourceRow[], void, undefined> {
  const { path, name = path, folder = { files: [], classes: [] } } = file;
  const { maxLineBytes = MAX_LINE_BYTES, field } = options;
  switch (file.format) {
    case 'json':
      return readJson(path, field === undefined ? {} : { field }, maxLineBytes);
    case 'csv': {
      const isTabs = options.delimiter === undefined && /\.(tsv|tab)(\.gz)?$/i.test(name);
      return readCsv(path, isTabs ? { ...options, delimiter: '\t' } : options, maxLineBytes);
    }
    case 'parquet':
      return readParquet(path);
    case 'textfolder':
      return readTextFolder(folder);
    case 'text':
      if (options.sampleBy === 'document') return readDocument(path);
      return options.sampleBy === 'paragraph' ? readParagraphs(path, maxLineBytes) : readTextLines(path, maxLineBytes);
  }
}

/**
 * The rows of a file. In a stream, the first block of a CSV file settles the types of its columns; else all rows do.
 *
 * @throws FormatError naming the file and the place in it.
 */
export async function* readFileRows<Row>(
  file: RowFile,
  options: RowOptions<Row>,
  streaming: boolean,
): AsyncGenerator<Row, void, undefined> {
  const types: Readonly<Record<string, CsvType | undefined>> = options.types ?? {};
  const isCsv = file.format === 'csv';
  const held: SourceRow[] = [];
  let columns: ColumnTypes | undefined;
  let none = true;
  for await (const block of readBlocksOf(file, options)) {
    if (block.length === 0) continue;
    none = false;
    if (isCsv && !streaming) {
      for (const row of block) held.push(row);
      continue;
    }
    if (isCsv) {
      columns ??= new ColumnTypes(block, types, file.path);
      columns.convert(block);
    }
    for (const row of block) yield checked(row, file, options);
  }
  if (none) throw new FormatError(`${file.path}: no rows in this file`);
  if (held.length === 0) return;
  new ColumnTypes(held, types, file.path).convert(held);
  for (const row of held) yield checked(row, file, options);
}

/** What a file itself says of its columns. */
export async function featuresOfFile({ path, format, folder }: RowFile): Promise<Features> {
  if (folder !== undefined) return { label: { type: 'ClassLabel', names: folder.classes } };
  return format === 'parquet' ? parquetFeatures(path) : {};
}

function checked<Row>({ row, line }: SourceRow, { path, format }: RowFile, options: RowOptions<Row>): Row {
  const wrong = (message: string): FormatError =>
    format === 'parquet' || format === 'textfolder' ? rowError(path, line, message) : lineError(path, line, message);
  for (const name of options.fields ?? []) {
    if (!Object.hasOwn(row, name)) {
      const has = Object.keys(row).map((key) => JSON.stringify(key));
      throw wrong(`no field ${JSON.stringify(name)}; the row has ${has.join(', ') || 'none'}`);
    }
  }
  const complaint = options.check?.(row as Row);
  if (complaint !== undefined) throw wrong(complaint);
  return row as Row;
}
