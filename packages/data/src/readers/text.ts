/**
 * Plain text: every line, paragraph or file is a row `{ text }`. Line ends are LF, CRLF or CR, as Python reads text; they are no part of a
 * line, and LF inside of longer rows.
 */
import { FormatError } from '@course/tensor';
import { lineError, MAX_LINE_BYTES, readBlocks } from './blocks.js';
import type { SourceRow } from './source.js';

/** V8's longest string has 24 characters less than this. */
const MAX_STRING = 2 ** 29 - 24;

/**
 * Reads the lines of a text file, block by block.
 *
 * @throws FormatError as `readBlocks`.
 */
export async function* readTextLines(
  file: string,
  maxLineBytes?: number,
): AsyncGenerator<SourceRow[], void, undefined> {
  for await (const block of readBlocks(file, maxLineBytes)) {
    const lines = block.text.split(/\r\n|\n|\r/);
    // What follows the last line end is no line.
    if (lines.at(-1) === '') lines.pop();
    yield lines.map((text, i) => ({ row: { text }, line: block.line + i }));
  }
}

/**
 * Reads the paragraphs of a text file: what blank lines part. As in Hugging Face's `datasets`, empty ones are left out, and the last one keeps
 * the end of its last line.
 *
 * @throws FormatError as `readBlocks`, and for a paragraph that is longer than a line may be.
 */
export async function* readParagraphs(
  file: string,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<SourceRow[], void, undefined> {
  // The paragraph that the block before ended in: pieces, joined once however many there are, and its last line end, for the next block may
  // begin with another.
  let pieces: string[] = [];
  let size = 0;
  let end = '';
  let line = 1;
  for await (const block of readBlocks(file, maxLineBytes)) {
    const parts = (end + block.text.replace(/\r\n?/g, '\n')).split('\n\n');
    const last = parts.pop() ?? '';
    const rows: SourceRow[] = [];
    for (const [i, part] of parts.entries()) {
      const text = i === 0 ? [...pieces, part].join('') : part;
      if (text !== '') rows.push({ row: { text }, line });
      line += text.split('\n').length + 1;
    }
    if (parts.length > 0) [pieces, size] = [[], 0];
    end = last.endsWith('\n') ? '\n' : '';
    pieces.push(end === '' ? last : last.slice(0, -1));
    size += last.length;
    if (size > maxLineBytes)
      throw lineError(
        file,
        line,
        `a paragraph longer than the ${maxLineBytes} bytes that a row may have (maxLineBytes)`,
      );
    yield rows;
  }
  const text = pieces.join('') + end;
  if (text !== '') yield [{ row: { text }, line }];
}

/**
 * Reads a text file as one row.
 *
 * @throws FormatError as `readBlocks`, and for a file that no string holds.
 */
export async function* readDocument(file: string): AsyncGenerator<SourceRow[], void, undefined> {
  const pieces: string[] = [];
  let size = 0;
  // A document has no limit to its lines but that of a string.
  for await (const { text } of readBlocks(file, MAX_STRING)) {
    pieces.push(text.replace(/\r\n?/g, '\n'));
    size += text.length;
    if (size >= MAX_STRING)
      throw new FormatError(`${file}: longer than the ${MAX_STRING} characters that one row can hold`);
  }
  yield [{ row: { text: pieces.join('') }, line: 1 }];
}
