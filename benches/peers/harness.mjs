// What the peers' files share: medians over at least seven runs after a warm-up, one line of JSON a workload.
const wanted = new Set(process.argv.slice(3));
let seed = 1;

/** Deterministic numbers in [-scale, scale). */
export function numbers(count, scale = 1) {
  return Float32Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed / 2 ** 32 - 0.5) * 2 * scale;
  });
}

export async function bench(name, prepare) {
  if (!wanted.has(name)) return;
  try {
    const run = await prepare();
    for (let i = 0; i < 3; i++) await run();
    const times = [];
    const start = performance.now();
    while (times.length < 7 || (performance.now() - start < 800 && times.length < 200)) {
      const before = performance.now();
      await run();
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    console.log(JSON.stringify({ name, ms: times[times.length >> 1], runs: times.length }));
  } catch (error) {
    console.log(JSON.stringify({ name, error: String(error?.message ?? error) }));
  }
}
