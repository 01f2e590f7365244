/** A page has no terminal; the counterpart of `node.ts`, function by function. */
import type { Bar } from './node.js';

/** There is no terminal here: progress is printed in lines. */
export function openBar(_total: number, _done: number): Bar | null {
  return null;
}
