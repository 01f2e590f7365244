// A progress bar for whatever takes its time: in a terminal it moves, into a file or a pipe goes a line at every tenth.
import { SingleBar } from 'cli-progress';
import type { Output } from '../sentiment/job.js';

/** Shows how far something is. */
export interface Bar {
  /** So many more steps are done; `facts` stand beside the bar, such as a loss. */
  advance(steps?: number, facts?: string): void;
  /** Takes the bar off the screen. */
  stop(): void;
}

/** The bar that suits a stream. */
export function barOn(out: Output, what: string, total: number): Bar {
  return out.isTTY ? terminalBar(out as NodeJS.WriteStream, what, total) : lines(out, what, total);
}

function terminalBar(stream: NodeJS.WriteStream, what: string, total: number): Bar {
  const bar = new SingleBar({
    stream,
    format: `${what} {bar} {percentage} % · {value}/{total}{facts}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.min(30, Math.max(8, stream.columns - what.length - 40)),
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(total, 0, { facts: '' });
  return {
    advance: (steps = 1, facts = '') => bar.increment(steps, { facts: facts && ` · ${facts}` }),
    stop: () => bar.stop(),
  };
}

function lines(out: Output, what: string, total: number): Bar {
  let [done, tenths] = [0, 0];
  return {
    advance(steps = 1, facts = '') {
      done += steps;
      const now = Math.floor((10 * done) / total);
      if (now === tenths) return;
      tenths = now;
      out.write(`${what}: ${done} of ${total}${facts && ` · ${facts}`}\n`);
    },
    stop: () => undefined,
  };
}
