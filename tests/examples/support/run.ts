// Runs the main job in this process with its output kept.
import type { Output } from '../../../examples/src/sentiment/job.js';
import { run } from '../../../examples/src/sentiment/run.js';

/** Options that make a model small enough to train in a second. */
export const tiny = [
  ...['--dim', '16', '--layers', '1', '--heads', '2', '--epochs', '2', '--batch-size', '16'],
  ...['--vocab-size', '300', '--max-length', '32', '--device', 'cpu'],
] as const;

export interface Captured {
  /** What was written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Calls a function with everything that is written to standard output from now on. */
  onStdout(listener: (text: string) => void): void;
  /** The same for standard error. */
  onStderr(listener: (text: string) => void): void;
  /** Runs the job; resolves to its exit code. */
  run(...args: readonly string[]): Promise<number>;
  runWith(signal: AbortSignal | undefined, ...args: readonly string[]): Promise<number>;
}

/** Streams that keep what is written; `terminal` says what the streams of a terminal say of themselves. */
export function captured(terminal: { readonly isTTY?: boolean; readonly columns?: number } = {}): Captured {
  const written = { out: '', err: '' };
  const listeners: Record<'out' | 'err', (text: string) => void> = { out: () => undefined, err: () => undefined };
  const out: Output = {
    ...terminal,
    write: (text) => {
      written.out += text;
      listeners.out(text);
    },
  };
  const err: Output = {
    ...terminal,
    write: (text) => {
      written.err += text;
      listeners.err(text);
    },
  };
  const runWith = (signal: AbortSignal | undefined, ...args: readonly string[]): Promise<number> =>
    run(args, { out, err }, signal);
  return {
    get stdout() {
      return written.out;
    },
    get stderr() {
      return written.err;
    },
    onStdout: (added) => {
      listeners.out = added;
    },
    onStderr: (added) => {
      listeners.err = added;
    },
    run: (...args) => runWith(undefined, ...args),
    runWith,
  };
}

/** Runs the job once, without a terminal. */
export async function runCaptured(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = captured();
  const code = await io.run(...args);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

/** Rows as JSON Lines. */
export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
