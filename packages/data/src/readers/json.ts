/**
 * JSON: a file that is one array of objects, or one object with such an array under `field`, is read whole; everything else is JSON
 * Lines, which are read block by block.
 */
import { FormatError } from '@course/tensor';
import { MAX_LINE_BYTES, readBlocks } from './blocks.js';
import { readJsonl } from './jsonl.js';
import { rowError, type SourceRow } from './source.js';

/** Longest text that is parsed whole: what an engine's string can hold, with a margin. */
const LONGEST = 2 ** 29 - 2 ** 20;

/** How a JSON file is laid out. */
export interface JsonOptions {
  /** The field of the one object in the file that holds the rows. */
  readonly field?: string;
}

/**
 * Reads the rows of a JSON or JSON Lines file.
 *
 * @throws FormatError naming file and line, or the row of an array, for what is no JSON object; and as `readBlocks`.
 */
export async function* readJson(
  file: string,
  { field }: JsonOptions = {},
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<SourceRow[], void, undefined> {
  if (field === undefined && !(await beginsWithArray(file, maxLineBytes))) return yield* readJsonl(file, maxLineBytes);
  const pieces: string[] = [];
  let length = 0;
  // What is read whole has no limit to its lines but that to its length.
  for await (const { text } of readBlocks(file, 2 ** 29)) {
    pieces.push(text);
    length += text.length;
    if (length > LONGEST) throw new FormatError(`${file}: too long for one JSON text; write it as JSON Lines`);
  }
  yield rowsOf(parse(pieces.join(''), file), field, file).map((row, i) => ({
    row: checkRow(row, file, i + 1),
    line: i + 1,
  }));
}

async function beginsWithArray(file: string, maxLineBytes: number): Promise<boolean> {
  for await (const { text } of readBlocks(file, maxLineBytes)) {
    const start = text.trimStart();
    if (start !== '') return start.startsWith('[');
  }
  return false;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${file}: not valid JSON: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function rowsOf(value: unknown, field: string | undefined, file: string): unknown[] {
  let rows = value;
  if (field !== undefined) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) {
      const has = typeof value === 'object' && value !== null ? Object.keys(value).join(', ') : 'no object';
      throw new FormatError(`${file}: no field ${JSON.stringify(field)}; there is ${has}`);
    }
    rows = (value as Record<string, unknown>)[field];
  }
  if (Array.isArray(rows)) return rows;
  throw new FormatError(
    `${file}: expected an array of rows${field === undefined ? '' : ` under ${JSON.stringify(field)}`}`,
  );
}

function checkRow(row: unknown, file: string, index: number): Record<string, unknown> {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Record<string, unknown>;
  const found = Array.isArray(row) ? 'an array' : row === null ? 'null' : `a ${typeof row}`;
  throw rowError(file, index, `expected a JSON object, found ${found}`);
}
