// What an exercise has in place of the lines to be written. Running an exercise stops at the first gap that is still open and names it.
import { ArgumentError, CourseError } from '@course/tensor';

/** An exercise ran into a gap that is still open. */
export class GapError extends CourseError {
  constructor(
    /** What is to be written. */
    readonly gap: string,
    hint: string,
  ) {
    super(`the gap '${gap}' is still open: ${hint}`);
    this.name = 'GapError';
  }
}

/**
 * Stands where something is to be written.
 *
 * @param name What the gap is called.
 * @param hint What belongs there, in words.
 */
export function gap<T>(name: string, hint: string): T {
  throw new GapError(name, hint);
}

/**
 * Throws unless what was written is right; for checks that an exercise ends with.
 *
 * @throws ArgumentError that says what is wrong.
 */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new ArgumentError(`not yet right: ${what}`);
}
