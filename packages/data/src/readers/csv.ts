/**
 * CSV and TSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)). Papa Parse takes the records apart; around it stand what
 * training data needs: bounded memory, exact line numbers, and no forgiveness for rows that do not fit the header.
 */
import { ArgumentError } from '@course/tensor';
import Papa from 'papaparse';
import { lineError, MAX_LINE_BYTES, readBlocks } from './blocks.js';
import type { SourceRow } from './source.js';

/** How a CSV file is written. */
export interface CsvOptions {
  /** What separates fields; by default a tab in `.tsv` files, else the one of `,` tab `;` `|` that the first line has. */
  readonly delimiter?: string;
  /**
   * true (the default): the first row holds the names of the columns. An array: these are the names and the file has no such row.
   * false: no such row; the columns are '0', '1', ….
   */
  readonly header?: boolean | readonly string[];
  /** Whether `"` encloses fields; true by default. Tab-separated corpora often mean it literally: false. */
  readonly quotes?: boolean;
}

/**
 * Reads the rows of a CSV file, block by block, with every value a string. Blank lines are skipped; CRLF inside quoted fields
 * becomes LF.
 *
 * @throws FormatError naming file and line for a column named twice, a row of more or fewer fields than there are columns, and
 * unclosed or stray quotes; and as `readBlocks`.
 */
export async function* readCsv(
  file: string,
  options: CsvOptions = {},
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<SourceRow[], void, undefined> {
  const { header = true } = options;
  let names: readonly string[] | undefined;
  if (typeof header === 'object') names = checkNames(header, file, 0);
  for await (const records of readRecords(file, options, maxLineBytes)) {
    const rows: SourceRow[] = [];
    for (const { fields, line } of records) {
      if (names === undefined) {
        names = header === false ? fields.map((_, i) => String(i)) : checkNames(fields, file, line);
        if (header !== false) continue;
      }
      if (fields.length !== names.length) {
        throw lineError(
          file,
          line,
          `${fields.length} fields where there are ${names.length} columns (${names.join(', ')})`,
        );
      }
      const columns = names;
      rows.push({ row: Object.fromEntries(fields.map((field, i) => [columns[i] ?? '', field])), line });
    }
    yield rows;
  }
}

function checkNames(names: readonly string[], file: string, line: number): readonly string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      const message = `the column ${JSON.stringify(name)} occurs twice`;
      throw line === 0 ? new ArgumentError(`header: ${message}`) : lineError(file, line, message);
    }
    seen.add(name);
  }
  return names;
}

interface CsvRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

async function* readRecords(
  file: string,
  options: CsvOptions,
  maxLineBytes: number,
): AsyncGenerator<CsvRecord[], void, undefined> {
  let parser: RecordParser | undefined;
  let pending = '';
  let line = 1;
  // A quoted field may span blocks. While one is open, try again only when the text has doubled, or an unclosed quote would
  // make this quadratic.
  let worthParsing = 0;
  for await (const block of readBlocks(file, maxLineBytes)) {
    pending += block.text.replaceAll('\r\n', '\n');
    parser ??= new RecordParser(file, options.delimiter ?? delimiterOf(file, pending), options.quotes ?? true);
    if (pending.length < worthParsing) continue;
    const { records, consumed, nextLine } = parser.parse(pending, line, false);
    pending = pending.slice(consumed);
    line = nextLine;
    worthParsing = consumed > 0 ? 0 : 2 * pending.length;
    if (pending.length > maxLineBytes) {
      throw lineError(file, line, `a row that has no end within ${maxLineBytes} bytes: is a quote not closed?`);
    }
    yield records;
  }
  if (parser !== undefined && pending !== '') yield parser.parse(pending, line, true).records;
}

/** The delimiter that a file's name, or else its first line, speaks for. */
function delimiterOf(file: string, text: string): string {
  if (/\.(tsv|tab)(\.gz)?$/i.test(file)) return '\t';
  const header = text.split('\n').find((line) => line.trim() !== '') ?? '';
  const unquoted = header.replace(/"[^"]*"/g, '');
  return [',', '\t', ';', '|'].find((delimiter) => unquoted.includes(delimiter)) ?? ',';
}

class RecordParser {
  readonly #file: string;
  readonly #parser: Papa.Parser;

  constructor(file: string, delimiter: string, quotes: boolean) {
    if (delimiter.length !== 1 || delimiter === '"' || delimiter === '\n') {
      throw new ArgumentError(
        `delimiter must be one character other than a quote or line end, got ${JSON.stringify(delimiter)}`,
      );
    }
    this.#file = file;
    // Papa Parse's fast mode splits at delimiters and knows no quotes; undefined lets it look for quotes by itself.
    this.#parser = new Papa.Parser({ delimiter, newline: '\n', ...(quotes ? {} : { fastMode: true }) });
  }

  /**
   * The records of `text`, which starts at line `line`; the last one only if `final` or if it is complete.
   *
   * @returns The records, how much of the text they take, and the line after them.
   */
  parse(text: string, line: number, final: boolean): { records: CsvRecord[]; consumed: number; nextLine: number } {
    const { data, errors, meta } = this.#parser.parse(text, 0, !final) as Papa.ParseResult<string[]>;
    const [error] = errors;
    const records: CsvRecord[] = [];
    let at = line;
    for (const [i, fields] of data.entries()) {
      if (error?.row === i) break;
      if (fields.length > 1 || fields[0] !== '') records.push({ fields, line: at });
      at += 1 + fields.reduce((count, field) => count + field.split('\n').length - 1, 0);
    }
    if (error !== undefined) {
      const what = error.code === 'MissingQuotes' ? 'a quote that is not closed' : 'a stray quote after a quoted field';
      throw lineError(this.#file, at, what);
    }
    return { records, consumed: final ? text.length : meta.cursor, nextLine: at };
  }
}
