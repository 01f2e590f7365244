/** How many threads to compute on. */
import { availableThreads, environment } from '#platform';
import { ArgumentError } from '../../errors.js';

/** More than this cannot be asked for. */
export const MOST_THREADS = 64;
/** More than this are not taken unasked: kernels are limited by memory long before. */
const MOST_UNASKED = 16;

/**
 * The number of threads: `COURSE_THREADS` where it is set, else what the program wishes, else as many as the process may use.
 *
 * @throws ArgumentError for anything but a whole number from 1 to 64.
 */
export function chooseThreads(wish?: number): number {
  const text = environment('COURSE_THREADS');
  if (text !== undefined) return checked('COURSE_THREADS', /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN, text);
  if (wish !== undefined) return checked('init: threads', wish, wish);
  return Math.min(availableThreads(), MOST_UNASKED);
}

function checked(name: string, count: number, given: unknown): number {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_THREADS) return count;
  throw new ArgumentError(`${name}: expected a whole number from 1 to ${MOST_THREADS}, got '${given}'`);
}
