/** What all readers yield: rows with the lines that they stand on, so that whatever is wrong with a row can be found. */

/** A row of a file. */
export interface SourceRow {
  readonly row: Record<string, unknown>;
  /** Number of the line that the row starts on, from 1. */
  readonly line: number;
}
