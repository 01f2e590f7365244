// What every job of the program is given: where words go, and the signal that ends it. A run writes to two streams that it is
// given, never to the process's own, so that tests read what users see.

/** A stream to write to; what a terminal adds is optional. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Standard output and standard error of a run. */
export interface Io {
  readonly out: Output;
  readonly err: Output;
}

/** What a job is given beside its options. */
export interface Job {
  readonly io: Io;
  /** Prints a line for people: on standard output, or with --json on standard error. */
  readonly say: (line: string) => void;
  /** Width of what `say` prints to. */
  readonly columns: number;
  /** Aborted with an `Interruption` when the run is to end. */
  readonly signal: AbortSignal;
}
