/** Curves from the history of a training run's log: one chart for each quantity, with its values in training and in evaluation together. */
import type { LogEntry } from '../training/callbacks.js';

/** A quantity over the steps. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

/** Series of one quantity. */
export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
}

/** What tells where the run stands or how fast it is, not what it has learned. */
const OTHER = /^(step|epoch)$|(Runtime|PerSecond)$/;

/** Every quantity of a log, in the order in which it first appeared. */
export function seriesOf(history: readonly LogEntry[]): Series[] {
  const all = new Map<string, [number, number][]>();
  for (const entry of history)
    for (const [name, value] of Object.entries(entry)) {
      if (OTHER.test(name)) continue;
      const points = all.get(name) ?? [];
      all.set(name, points);
      points.push([entry.step, value]);
    }
  return [...all].map(([name, points]) => ({ name, points }));
}

/** Series by quantity: `loss` and `evalLoss`, `train_acc` and `val_acc` share a chart. */
export function chartsOf(history: readonly LogEntry[]): Chart[] {
  const charts = new Map<string, Series[]>();
  for (const series of seriesOf(history)) {
    const bare = series.name.replace(/^(eval|test)(?=[A-Z])|^(train|val|eval|test)_/, '').replace(/_(step|epoch)$/, '');
    const title = `${bare.charAt(0).toLowerCase()}${bare.slice(1)}`;
    charts.set(title, [...(charts.get(title) ?? []), series]);
  }
  return [...charts].map(([title, series]) => ({ title, series }));
}
