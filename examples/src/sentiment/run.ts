// A whole run, from arguments to exit code: what `npm start` does, as a function that tests call.
import { explain } from './failure.js';
import type { Io, Job } from './job.js';
import { parseOptions } from './options.js';
import { trainModel } from './train-model.js';
import { useModel } from './use-model.js';

/** Width of output that goes to no terminal. */
const defaultColumns = 100;

/**
 * Runs the program.
 *
 * @param args The arguments, without the program's name.
 * @param signal Ends the run when it is aborted with an `Interruption`.
 * @returns The exit code. Nothing is thrown.
 */
export async function run(
  args: readonly string[],
  io: Io,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  try {
    const options = parseOptions(args, io.out.columns ?? defaultColumns);
    if ('help' in options) {
      io.out.write(options.help);
      return 0;
    }
    const words = options.json ? io.err : io.out;
    const job: Job = { io, signal, say: (line) => words.write(`${line}\n`), columns: words.columns ?? defaultColumns };
    const { load } = options;
    const result = await (load === undefined ? trainModel(options, job) : useModel(load, options, job));
    if (options.json) io.out.write(`${JSON.stringify(result)}\n`);
    return 0;
  } catch (error) {
    return explain(error, io.err);
  }
}
