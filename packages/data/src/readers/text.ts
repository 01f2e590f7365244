/** Plain text: every line, or every file, is a row `{ text }`; line ends (LF or CRLF) are no part of a line. */
import { readBlocks } from './blocks.js';
import type { SourceRow } from './source.js';

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
    const lines = block.text.split('\n');
    // What follows the last line end is no line.
    if (lines.at(-1) === '') lines.pop();
    yield lines.map((text, i) => ({
      row: { text: text.endsWith('\r') ? text.slice(0, -1) : text },
      line: block.line + i,
    }));
  }
}

/** Reads a text file as one row. */
export async function* readDocument(file: string): AsyncGenerator<SourceRow[], void, undefined> {
  const pieces: string[] = [];
  // A document has no limit to its lines but that of a string.
  for await (const { text } of readBlocks(file, 2 ** 29)) pieces.push(text);
  yield [{ row: { text: pieces.join('') }, line: 1 }];
}
