/**
 * The terminal as Node has it. `browser.ts` offers the same functions in a page; `package.json` maps `#platform` to one or the other, so
 * nothing else in this package knows where it runs.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ArgumentError } from '@course/tensor';
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
    stop: () => {
      // Lines since the last redraw would be lost otherwise.
      bars.update();
      bars.stop();
    },
  };
}

/**
 * ECharts as one script that defines `echarts`.
 *
 * @throws ArgumentError if the package is not installed.
 */
export async function readCharts(): Promise<string> {
  try {
    const dist = dirname(createRequire(import.meta.url).resolve('echarts'));
    return await readFile(join(dist, 'echarts.min.js'), 'utf8');
  } catch (error) {
    throw new ArgumentError("a page with curves needs the package 'echarts': npm install echarts", { cause: error });
  }
}
