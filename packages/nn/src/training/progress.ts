/** What a training run shows: a bar with loss, speed and time left in a terminal, and a line for every log entry; lines alone elsewhere. */
import { type Bar, openBar } from '#platform';
import type { LogEntry, TrainerState } from './callbacks.js';

export class ProgressView {
  readonly #bar: Bar | null;
  readonly #total: number;
  readonly #first: number;
  readonly #start = performance.now();
  #text = '';

  constructor({ maxSteps, globalStep }: TrainerState) {
    [this.#total, this.#first] = [maxSteps, globalStep];
    this.#bar = openBar(maxSteps, globalStep);
  }

  /** Moves on to a step, with numbers to show beside the bar. */
  step(step: number, shown: Readonly<Record<string, number>>): void {
    const values = Object.entries(shown).map(([name, value]) => `${name} ${format(value)}`);
    if (values.length > 0) this.#text = values.join(', ');
    this.#bar?.update(step, [this.#text, this.#speed(step)].filter(Boolean).join(', '));
  }

  /** A line for an entry of the log. */
  entry(entry: LogEntry): void {
    const { step, epoch, ...rest } = entry;
    const values = Object.entries(rest).map(([name, value]) => `${name} ${format(value)}`);
    const line = [`step ${step}/${this.#total}`, `epoch ${epoch.toFixed(2)}`, ...values, this.#speed(step)]
      .filter(Boolean)
      .join(', ');
    this.print(line);
  }

  /** A line above the bar. */
  print(line: string): void {
    if (this.#bar) this.#bar.log(line);
    else console.log(line);
  }

  stop(): void {
    this.#bar?.stop();
  }

  #speed(step: number): string {
    const seconds = (performance.now() - this.#start) / 1000;
    const done = step - this.#first;
    if (done <= 0 || seconds <= 0) return '';
    return `${format(done / seconds)} steps/s, ${duration(((this.#total - step) * seconds) / done)} left`;
  }
}

/** Four digits, small numbers by exponent. */
function format(value: number): string {
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
