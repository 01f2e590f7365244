// `npm start`: trains a transformer to tell the sentiment of texts. All that belongs to the process and not to the run is here:
// its arguments, streams, signals and exit code.
import { Interruption } from './interruption.js';
import { run } from './run.js';

const { stdout, stderr } = process;
const controller = new AbortController();
const signals = { SIGINT: 130, SIGTERM: 143 } as const;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // Who asks twice does not want to wait for the step at hand.
    if (controller.signal.aborted) process.exit(signals[name]);
    controller.abort(new Interruption(name, signals[name]));
  });
}
// `npm start | head` closes the pipe early: nobody is left to tell.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

process.exitCode = await run(process.argv.slice(2), { out: stdout, err: stderr }, controller.signal);
