// What the machine could do at most, measured in this run: fused multiply-adds that never leave the registers, and copies of memory too large
// for any cache, on one thread and on all. No kernel of ours or of a peer takes part; the limit is that of 128-bit SIMD in this engine.
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import asc from 'assemblyscript/asc';

export interface Roofline {
  readonly threads: number;
  /** GFLOP/s of float32. */
  readonly gflopsOne: number;
  readonly gflopsAll: number;
  /** GB/s, read and written bytes together. */
  readonly gigabytesOne: number;
  readonly gigabytesAll: number;
}

/** Eight independent chains of multiply-adds hide the latency of every current core. */
const SOURCE = `
const HALF: usize = 64 << 20;
memory.grow(2050);
export function multiply(rounds: i32): f32 {
  let a = f32x4.splat(1), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const x = f32x4.splat(0.5), y = x;
  for (let i = 0; i < rounds; i++) {
    a = madd(a, x, y); b = madd(b, x, y); c = madd(c, x, y); d = madd(d, x, y);
    e = madd(e, x, y); f = madd(f, x, y); g = madd(g, x, y); h = madd(h, x, y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return f32x4.extract_lane(sum, 0);
}
// @ts-ignore: decorator
@inline
function madd(a: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, x, y);
  return f32x4.add(f32x4.mul(a, x), y);
}
export function copy(): void {
  memory.copy(65536 + HALF, 65536, HALF);
}`;
const FLOP_A_ROUND = 8 * 4 * 2;
const ROUNDS = 400_000;
const COPIED_BYTES = 2 * (64 << 20);

/** Runs in a worker: starts on a message, so that all measure at the same time, and answers with the best of its rates. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { multiply, copy } = new WebAssembly.Instance(new WebAssembly.Module(workerData.binary), {
  env: { abort() {} },
}).exports;
function rate(run, work) {
  // The engine compiles what runs often a second time, better, and meanwhile goes on with what it has.
  const warm = performance.now() + 300;
  while (performance.now() < warm) run();
  const until = performance.now() + 400;
  let best = 0;
  while (performance.now() < until) {
    const start = performance.now();
    run();
    best = Math.max(best, work / (performance.now() - start) / 1e6);
  }
  return best;
}
parentPort.on('message', (what) => {
  parentPort.postMessage(
    what === 'multiply'
      ? rate(() => multiply(workerData.rounds), workerData.flop)
      : rate(copy, workerData.bytes),
  );
});
parentPort.postMessage(0);`;

function next(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function compile(relaxed: boolean): Promise<Uint8Array> {
  const { error, binary, stderr } = await asc.compileString(SOURCE, {
    optimizeLevel: 3,
    runtime: 'stub',
    enable: relaxed ? ['simd', 'relaxed-simd'] : ['simd'],
  });
  if (error || !binary) throw new TypeError(`the roofline did not compile: ${stderr.toString()}`);
  return binary;
}

/** Measures it with relaxed SIMD where the kernels are built for that. */
export async function measureRoofline(relaxed: boolean): Promise<Roofline> {
  if (relaxed && process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
  const binary = await compile(relaxed);
  const threads = availableParallelism();
  const workerData = { binary, rounds: ROUNDS, flop: ROUNDS * FLOP_A_ROUND, bytes: COPIED_BYTES };
  const workers = Array.from({ length: threads }, () => new Worker(WORKER, { eval: true, workerData }));
  await Promise.all(workers.map(next));
  const together = async (what: string, count: number) => {
    const rates = await Promise.all(
      workers.slice(0, count).map((worker) => {
        const answer = next(worker);
        worker.postMessage(what);
        return answer;
      }),
    );
    return rates.reduce((a, b) => a + b, 0);
  };
  const roofline = {
    threads,
    gflopsOne: await together('multiply', 1),
    gflopsAll: await together('multiply', threads),
    gigabytesOne: await together('copy', 1),
    gigabytesAll: await together('copy', threads),
  };
  await Promise.all(workers.map((worker) => worker.terminate()));
  return roofline;
}
