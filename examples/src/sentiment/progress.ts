// Progress while training: a bar that redraws itself in a terminal; for a file or a pipe a plain line at once and one every tenth.
import { SingleBar } from 'cli-progress';
import type { Output } from './job.js';
import { clock, count } from './numbers.js';
import type { TrainingState } from './training.js';

/** Shows where training stands. */
export interface Progress {
  show(state: TrainingState): void;
  /** Takes a bar off the screen, so that lines can be printed; the next `show` brings it back. */
  clear(): void;
}

/** The progress display that suits a stream. */
export function progressOn(stream: Output): Progress {
  return stream.isTTY ? new Bar(stream as NodeJS.WriteStream) : new Lines(stream);
}

class Bar implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(state: TrainingState): void {
    const { epoch, epochs, step, totalSteps } = state;
    const payload = { epoch, epochs, facts: facts(state) };
    if (this.#bar) {
      this.#bar.update(step, payload);
      return;
    }
    this.#bar = new SingleBar({
      stream: this.#stream,
      format: 'epoch {epoch}/{epochs} {bar} {percentage} % · {facts}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      // The words take some 70 columns; in a narrow terminal the end of the line is cut, not wrapped.
      barsize: Math.min(30, Math.max(8, this.#stream.columns - 75)),
      hideCursor: true,
      clearOnComplete: true,
    });
    this.#bar.start(totalSteps, step, payload);
  }

  clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

class Lines implements Progress {
  readonly #stream: Output;
  #tenths = -1;

  constructor(stream: Output) {
    this.#stream = stream;
  }

  show(state: TrainingState): void {
    const { epoch, epochs, step, totalSteps } = state;
    const tenths = Math.floor((10 * step) / totalSteps);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    this.#stream.write(`epoch ${epoch}/${epochs} · step ${count(step)} of ${count(totalSteps)} · ${facts(state)}\n`);
  }

  clear(): void {}
}

function facts({ loss, samplesPerSecond, secondsLeft }: TrainingState): string {
  return `loss ${loss.toFixed(3)} · ${count(samplesPerSecond)} samples/s · ${clock(secondsLeft)} left`;
}
