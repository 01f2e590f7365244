/** Curves of a training run in a terminal: one line a quantity, drawn with the block characters of Unicode. */
import { checkSizes } from '../sizes.js';
import type { LogEntry, TrainerCallback, TrainerHandle } from '../training/callbacks.js';
import { seriesOf } from './series.js';

const BLOCKS = '▁▂▃▄▅▆▇█';

/**
 * Numbers as a line of `width` characters at most, the least at the bottom and the largest at the top; where there are more numbers than
 * characters, means of neighbours. What is not finite is a gap.
 *
 * @example
 * sparkline([1, 5, 3]); // '▁█▅'
 */
export function sparkline(values: readonly number[], width = 40): string {
  checkSizes('sparkline', { width });
  const count = Math.min(width, values.length);
  const means = Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * values.length) / count);
    const part = values.slice(from, Math.max(from + 1, Math.floor(((i + 1) * values.length) / count)));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const finite = means.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const top = BLOCKS.length - 1;
  return means
    .map((value) => {
      if (!Number.isFinite(value)) return ' ';
      return BLOCKS[most > least ? Math.round(((value - least) / (most - least)) * top) : 0];
    })
    .join('');
}

/** Options of {@link Sparkline}. */
export interface SparklineOptions {
  /** The quantities to show, by their names in the log. Default: all but the learning rate and the norm of the gradients. */
  readonly metrics?: readonly string[];
  /** Characters of a curve. Default 40. */
  readonly width?: number;
}

/**
 * Draws what a Trainer logs as lines in the terminal, anew with every entry of the log.
 *
 * @example
 * const trainer = new Trainer({ model: classifier, tokenizer, trainDataset, callbacks: [new Sparkline()] });
 */
export class Sparkline implements TrainerCallback {
  readonly #metrics: readonly string[] | null;
  readonly #width: number;

  constructor({ metrics, width = 40 }: SparklineOptions = {}) {
    this.#metrics = metrics ?? null;
    this.#width = width;
    sparkline([], width);
  }

  /** A line for each quantity of the entry. */
  onLog(trainer: TrainerHandle, entry: LogEntry): void {
    const own = seriesOf(trainer.state.logHistory).filter(({ name }) => name in entry && this.#shows(name));
    const widest = Math.max(0, ...own.map(({ name }) => name.length));
    for (const { name, points } of own) {
      const values = points.map(([, value]) => value);
      const last = Number((values.at(-1) ?? Number.NaN).toPrecision(4));
      trainer.print(`${name.padEnd(widest)} ${sparkline(values, this.#width).padEnd(this.#width)} ${last}`);
    }
  }

  #shows(name: string): boolean {
    return this.#metrics ? this.#metrics.includes(name) : !/^(learningRate|gradNorm|lossScale)$/.test(name);
  }
}
