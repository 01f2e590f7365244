/** Plain text: every line is a row `{ text }`, empty ones too; line ends (LF or CRLF) are no part of it. */
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
