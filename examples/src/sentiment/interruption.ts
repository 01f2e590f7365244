// Ctrl-C. A signal is only noticed when JavaScript returns to its event loop, which hours of computing on the CPU never do
// by themselves: long work breathes between its steps, and that is also where an interrupted run ends.
import { setImmediate } from 'node:timers/promises';
import { CourseError } from '@course/tensor';

/** The reason of a run's abort signal: a signal of the system, with the exit code that goes with it. */
export class Interruption extends CourseError {
  /** @param saved The folder to go on from and how far the run had come, if it could be saved. */
  constructor(
    readonly signal: 'SIGINT' | 'SIGTERM',
    readonly exitCode: number,
    readonly saved?: { readonly out: string; readonly step: number; readonly totalSteps: number },
  ) {
    super(`interrupted by ${signal}`);
  }
}

/**
 * Lets the event loop turn once.
 *
 * @throws Interruption, the reason of the signal, if the run is to end.
 */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}

/** What to type to go on with a run that was to save its model in a folder. */
export function resumeCommand(out: string): string {
  const path = /^[\w./~:\\-]+$/.test(out) ? out : `'${out.replaceAll("'", `'\\''`)}'`;
  return `npm start -- --resume ${path}`;
}
