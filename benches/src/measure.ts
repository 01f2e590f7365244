// Medians by tinybench, and the table that sets them beside those of peers.
import { Bench } from 'tinybench';
import type { Workload } from './workload.js';

/** The median time of a run, in milliseconds. */
export async function measure(workload: Workload): Promise<number> {
  const run = workload.prepare();
  const bench = new Bench({ time: 800, iterations: 7, warmupTime: 200, warmupIterations: 3 });
  bench.add(workload.name, run);
  const [task] = await bench.run();
  const result = task?.result;
  if (result?.state !== 'completed')
    throw task?.result && 'error' in task.result
      ? task.result.error
      : new TypeError(`${workload.name} was not measured`);
  return result.latency.p50;
}

/** Medians by workload. */
export type Medians = Readonly<Record<string, number>>;

/** One line a workload: our figure, then each peer's with the ratio peer / ours (above 1: ours is faster). */
export function table(workloads: readonly Workload[], ours: Medians, peers: Readonly<Record<string, Medians>>): string {
  const names = Object.keys(peers);
  const rows = workloads.flatMap((workload) => {
    const own = ours[workload.name];
    if (own === undefined) return [];
    const cells = names.map((name) => {
      const theirs = peers[name]?.[workload.name];
      return theirs === undefined ? '-' : `${figure(workload, theirs)} (${(theirs / own).toFixed(2)}x)`;
    });
    return [[workload.name, figure(workload, own), ...cells]];
  });
  const all = [['', 'ours', ...names], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function figure({ flop, repeats }: Workload, milliseconds: number): string {
  if (flop) return `${(flop / milliseconds / 1e6).toFixed(1)} GFLOP/s`;
  if (repeats) return `${((milliseconds * 1000) / repeats).toFixed(2)} µs`;
  return `${milliseconds.toPrecision(3)} ms`;
}
