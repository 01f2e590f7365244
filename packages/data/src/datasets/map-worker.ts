/**
 * `map` on several threads. A function cannot be sent to a worker, a module can: each worker imports it and applies what it exports as
 * default to its share of the rows. Rows and columns travel as structured clones.
 */
import { WorkerPool } from '../workers/pool.js';
import type { ColumnsJob, RowsJob } from '../workers/program.js';
import { type Columns, toColumns, toRows } from './columns.js';

/** Pieces for each worker: one that is slow leaves its share to the others. */
const PIECES_EACH = 4;

/**
 * The rows that a module's function makes of rows, one by one, in order.
 *
 * @throws ArgumentError when the module cannot be imported, or its function fails.
 */
export async function mapInWorkers(rows: readonly unknown[], module: URL, threads: number): Promise<unknown[]> {
  const size = Math.max(1, Math.ceil(rows.length / (PIECES_EACH * threads)));
  const jobs = starts(rows.length, size).map((first): RowsJob => ({ first, rows: rows.slice(first, first + size) }));
  return (await runAll<RowsJob, unknown[]>(jobs, module, 'each row', threads)).flat();
}

/**
 * The rows that a module's function makes of the columns of every `size` rows, in order.
 *
 * @throws ArgumentError as `mapInWorkers`, and when the columns that it returns differ in length.
 */
export async function mapBatchesInWorkers(
  rows: readonly unknown[],
  module: URL,
  threads: number,
  size: number,
): Promise<unknown[]> {
  const jobs = starts(rows.length, size).map((first): ColumnsJob => {
    const some = rows.slice(first, first + size);
    return {
      columns: toColumns(some as readonly Record<string, unknown>[]),
      indices: some.map((_, i) => first + i),
    };
  });
  const answers = await runAll<ColumnsJob, Columns<unknown>>(jobs, module, 'columns', threads);
  return answers.flatMap((columns) => toRows<unknown>(columns));
}

function starts(length: number, size: number): number[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => i * size);
}

async function runAll<Job, Answer>(
  jobs: readonly Job[],
  module: URL,
  to: 'each row' | 'columns',
  threads: number,
): Promise<Answer[]> {
  const setup = { kind: 'module', href: module.href, to } as const;
  const pool = new WorkerPool<Job, Answer>('map', setup, Math.min(threads, jobs.length));
  try {
    return await Promise.all(jobs.map((job) => pool.run(job)));
  } finally {
    pool.close();
  }
}
