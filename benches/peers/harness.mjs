// What the peers' files share: they read names of workloads from standard input, one a line, and answer each with a line of JSON, the
// median over at least seven runs after a warm-up. So a peer stays warm while others take their turn at the same workload.
import { createInterface } from 'node:readline';

let seed = 1;

/** Deterministic numbers in [-scale, scale). */
export function numbers(count, scale = 1) {
  return Float32Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed / 2 ** 32 - 0.5) * 2 * scale;
  });
}

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function measure(prepare) {
  const run = await prepare();
  try {
    for (let i = 0; i < 3; i++) await run();
    const times = [];
    const start = performance.now();
    while (times.length < 7 || (performance.now() - start < 800 && times.length < 200)) {
      const before = performance.now();
      await run();
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    return { ms: times[times.length >> 1], runs: times.length };
  } finally {
    await run.release?.();
  }
}

/**
 * Measures the workloads that are asked for until standard input ends. `workloads` maps a name to a function that prepares the operands and
 * returns the run, which may have a `release`.
 */
export async function serve(workloads) {
  answer({ ready: true });
  for await (const name of createInterface({ input: process.stdin })) {
    const prepare = workloads[name];
    if (prepare === undefined) answer({ name });
    else {
      try {
        answer({ name, ...(await measure(prepare)) });
      } catch (error) {
        answer({ name, error: String(error?.message ?? error) });
      }
    }
  }
  process.exit(0);
}
