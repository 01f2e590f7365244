// Texts for the examples about text: those of the file that --data names, or those that come with the examples.
import { type DatasetFormat, loadDataset } from '@course/data';
import type { Lesson } from '../course/lesson.js';
import { bookChapters } from './book.js';

const formats: Readonly<Record<string, DatasetFormat>> = { jsonl: 'json', csv: 'csv', tsv: 'csv' };

/** How rows of a file are read, by the end of its name; whatever is unknown is plain text, a row a line. */
export function formatOf(file: string): DatasetFormat {
  return formats[file.slice(file.lastIndexOf('.') + 1)] ?? 'text';
}

/**
 * The texts of `--data` (JSON lines, CSV, TSV with a column `text`, or plain text), else the paragraphs of the book.
 *
 * @throws FormatError that names the file, and the line where there is one.
 */
export async function textsFor({ options }: Lesson): Promise<string[]> {
  if (options.data === undefined) return (await bookChapters()).flat();
  const rows = await loadDataset<{ text: string }>(formatOf(options.data), {
    dataFiles: options.data,
    fields: ['text'],
    check: ({ text }) => (typeof text === 'string' ? undefined : 'the text is no string'),
  });
  return rows.column('text');
}
