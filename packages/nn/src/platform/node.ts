/**
 * The terminal as Node has it. `browser.ts` offers the same functions in a page; `package.json` maps `#platform` to one or the other, so
 * nothing else in this package knows where it runs.
 */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** A bar at the bottom of a terminal. */
export interface Bar {
  /** Moves it to `done`, with a text beside it. */
  update(done: number, text: string): void;
  /** Prints a line above it. */
  log(line: string): void;
  stop(): void;
}

/** A bar of `total` steps on the terminal; null where the output is no terminal. */
export function openBar(total: number, done: number): Bar | null {
  if (!process.stderr.isTTY) return null;
  const bars = new MultiBar(
    {
      format: '{bar} {value}/{total} {text}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      // Puts the cursor back when the run is interrupted.
      gracefulExit: true,
    },
    Presets.shades_classic,
  );
  const bar: SingleBar = bars.create(total, done, { text: '' });
  return {
    update: (at, text) => bar.update(at, { text }),
    log: (line) => bars.log(`${line}\n`),
    stop: () => bars.stop(),
  };
}
