// Every example of the courses: its name, a line for the list, the notebook cell that it answers, and where it is. Notebooks are named as
// the course index in docs/courses.md names them.
import type { Example } from './lesson.js';

/** An example in the list. */
export interface Entry {
  /** What it shows, in a line. */
  readonly line: string;
  /** The notebook and its cell. */
  readonly answers: string;
  load(): Promise<{ readonly example: Example }>;
}

const entry = <Parts extends object>(
  line: string,
  answers: string,
  load: () => Promise<{ readonly example: Example<Parts> }>,
): Entry => ({ line, answers, load: load as unknown as Entry['load'] });

/** The examples by name. */
export const catalogue: Readonly<Record<string, Entry>> = {
  'attention-matrix': entry(
    'queries, keys and values of four tokens, and who attends to whom',
    'UCI day 3, 2.1, exercise 1',
    () => import('../attention-matrix/example.js'),
  ),
  'scaled-dot-product': entry(
    'scaled dot-product attention with and without a mask',
    'AICC303 4.2, 1.1',
    () => import('../scaled-dot-product/example.js'),
  ),
};
