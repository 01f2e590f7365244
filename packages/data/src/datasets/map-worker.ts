/**
 * `map` on several threads. A function cannot be sent to a worker, a module can: each worker imports it and applies what it exports as
 * default to pieces of the rows. Rows travel as structured clones.
 */
import { ArgumentError, CourseError } from '@course/tensor';
import { startWorker, type WorkerHandle } from '#platform';

/** What a piece of rows is answered with. */
type Answer = { readonly piece: number; readonly rows: unknown[] } | { readonly failure: string };

/** The workers' program. `serve` gets the messages of `startWorker`: first the module, then pieces of rows. */
const PROGRAM = `var courseTokenizer = {
  serve(post, listen) {
    let module;
    listen((message) => {
      if ('module' in message) { module = import(message.module); module.catch(() => {}); return; }
      (async () => {
        const { default: transform } = await module;
        if (typeof transform !== 'function') throw new TypeError('the module has no function as its default export');
        const rows = [];
        for (const [i, row] of message.rows.entries()) rows.push(await transform(row, message.first + i));
        post({ piece: message.piece, rows });
      })().catch((error) => post({ failure: String(error && error.message || error) }));
    });
  },
};`;

/** Pieces for each worker: one that is slow leaves its share to the others. */
const PIECES_EACH = 4;

/**
 * The rows that a module's function makes of rows, in order.
 *
 * @throws ArgumentError when the module cannot be imported, or its function fails.
 */
export async function mapInWorkers(rows: readonly unknown[], module: URL, threads: number): Promise<unknown[]> {
  const size = Math.max(1, Math.ceil(rows.length / (PIECES_EACH * threads)));
  const count = Math.ceil(rows.length / size);
  const results = new Array<unknown[]>(count);
  const workers: WorkerHandle[] = [];
  let next = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      let left = count;
      if (left === 0) resolve();
      const feed = (worker: WorkerHandle): void => {
        if (next >= count) return;
        const piece = next++;
        worker.post({ piece, first: piece * size, rows: rows.slice(piece * size, (piece + 1) * size) });
      };
      for (let i = 0; i < Math.min(threads, count); i++) {
        const worker: WorkerHandle = startWorker(
          PROGRAM,
          { module: module.href },
          {
            message: (message) => {
              const answer = message as Answer;
              if ('failure' in answer) return reject(new ArgumentError(`map: ${module.href}: ${answer.failure}`));
              results[answer.piece] = answer.rows;
              if (--left === 0) resolve();
              else feed(worker);
            },
            failure: (reason) => reject(new CourseError(`map: a worker ended: ${reason}`)),
          },
        );
        workers.push(worker);
        feed(worker);
      }
    });
  } finally {
    for (const worker of workers) worker.terminate();
  }
  return results.flat();
}
