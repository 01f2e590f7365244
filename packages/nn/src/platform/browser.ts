/** A page has no terminal; the counterpart of `node.ts`, function by function. */
import { ArgumentError } from '@course/tensor';
import type { Bar } from './node.js';

/** There is no terminal here: progress is printed in lines. */
export function openBar(_total: number, _done: number): Bar | null {
  return null;
}

/** There are no files here to write a page into. */
export async function readCharts(): Promise<string> {
  throw new ArgumentError('a page cannot write pages: draw what the Trainer logs in a callback of your own');
}
