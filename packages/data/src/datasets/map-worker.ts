/**
 * `map` on several threads. A function cannot be sent to a worker, a module can: each worker imports it and applies what it exports as
 * default to pieces of the rows. Rows travel as structured clones.
 */
import { WorkerPool } from '../workers/pool.js';
import type { RowsJob } from '../workers/program.js';

/** Pieces for each worker: one that is slow leaves its share to the others. */
const PIECES_EACH = 4;

/**
 * The rows that a module's function makes of rows, in order.
 *
 * @throws ArgumentError when the module cannot be imported, or its function fails.
 */
export async function mapInWorkers(rows: readonly unknown[], module: URL, threads: number): Promise<unknown[]> {
  const size = Math.max(1, Math.ceil(rows.length / (PIECES_EACH * threads)));
  const firsts = Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => i * size);
  const pool = new WorkerPool<RowsJob, unknown[]>(
    'map',
    { kind: 'module', href: module.href, each: true },
    Math.min(threads, firsts.length),
  );
  try {
    const pieces = firsts.map((first) => pool.run({ first, rows: rows.slice(first, first + size) }));
    return (await Promise.all(pieces)).flat();
  } finally {
    pool.close();
  }
}
