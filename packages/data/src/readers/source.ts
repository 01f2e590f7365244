/** What all readers yield: rows with the lines that they stand on, so that whatever is wrong with a row can be found. */
import { FormatError } from '@course/tensor';

/** A row of a file. */
export interface SourceRow {
  readonly row: Record<string, unknown>;
  /** Number of the line that the row starts on, or of the row where a format has no lines, from 1. */
  readonly line: number;
}

/** An error about one row of a file that has no lines. */
export function rowError(file: string, row: number, message: string, cause?: unknown): FormatError {
  return new FormatError(`${file}, row ${row}: ${message}`, { cause });
}
