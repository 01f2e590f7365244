/** JSON Lines (<https://jsonlines.org>): one JSON object a line; blank lines are skipped. */
import { lineError, readBlocks } from './blocks.js';
import type { SourceRow } from './source.js';

/**
 * Reads the rows of a JSON Lines file, block by block.
 *
 * @throws FormatError naming file and line for what is no JSON object, and as `readBlocks`.
 */
export async function* readJsonl(file: string, maxLineBytes?: number): AsyncGenerator<SourceRow[], void, undefined> {
  for await (const block of readBlocks(file, maxLineBytes)) {
    const rows: SourceRow[] = [];
    let { line } = block;
    for (const text of block.text.split('\n')) {
      if (text.trim() !== '') rows.push({ row: parseRow(text, file, line), line });
      line++;
    }
    yield rows;
  }
}

function parseRow(text: string, file: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Some engines count lines too, within this one line.
    const reason = String(error instanceof Error ? error.message : error).replace(/ \(line 1 column \d+\)/, '');
    throw lineError(file, line, `not valid JSON: ${reason}`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`;
    throw lineError(file, line, `expected a JSON object, found ${found}`);
  }
  return value as Record<string, unknown>;
}
