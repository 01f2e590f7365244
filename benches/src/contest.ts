// Tunings against each other: requests that stand for what a row of the tuning table decides, and who is fastest with them. Candidates take turns
// and the minimum counts, so that other work on the machine disturbs all alike; the present row takes part, and one must win clearly to replace it.

// A backend's own files: no program needs them, and a tuner cannot do without.
import type { KernelRequest, Strided } from '../../packages/tensor/dist/backend/requests.js';
import { WebGpuBackend } from '../../packages/tensor/dist/backend/webgpu/backend.js';
import type { Tuning } from '../../packages/tensor/dist/backend/webgpu/tuning.js';
import { Program } from '../../packages/tensor/dist/fuse/program.js';

/** What a candidate must save to take the place of the present row's. */
const CLEARLY = 0.95;
/** Turns of a candidate. */
export const ROUNDS = 7;
/** A round of a candidate repeats its requests for so long, in ms: a GPU is done with one before a clock notices. */
const ROUND = 4;

/** A request over memory of a backend. */
export type Request = (backend: WebGpuBackend) => KernelRequest;

const operand = (backend: WebGpuBackend, ...shape: number[]): Strided => {
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
  const count = shape.reduce((a, b) => a * b, 1);
  const buffer = backend.allocate(count * 4);
  backend.write(buffer, 0, numbers(count));
  return { buffer, dtype: 'float32', offset: 0, strides };
};

/** The same numbers for all, in [-1, 1]; made once for each length. */
const made = new Map<number, Uint32Array>();
const numbers = (count: number): Uint32Array => {
  const known = made.get(count);
  if (known !== undefined) return known;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = ((i * 7919) % 9973) / 4986 - 1;
  const words = new Uint32Array(values.buffer);
  made.set(count, words);
  return words;
};

export const product =
  (m: number, n: number, k: number): Request =>
  (backend) => {
    const matrix = (rows: number, columns: number) => ({
      ...operand(backend, rows, columns),
      rowStride: columns,
      columnStride: 1,
      batchStrides: [],
    });
    const [a, b, out] = [matrix(m, k), matrix(k, n), operand(backend, m, n)];
    return { kind: 'matmul', batch: [], m, n, k, a, b, alpha: 1, activation: 'none', out };
  };

export const rowSoftmax: Request = (backend) => {
  const shape = [1024, 512];
  return {
    kind: 'softmax',
    shape,
    log: false,
    scale: 1,
    input: operand(backend, ...shape),
    out: operand(backend, ...shape),
  };
};

export const attend =
  (queries: number): Request =>
  (backend) => {
    const [batch, keys, width] = [[2, 4], 128, 64];
    const of = (rows: number) => operand(backend, ...batch, rows, width);
    return {
      kind: 'attention',
      ...{ batch, queries, keys, width, valueWidth: width, scale: 0.125, isCausal: false },
      ...{ query: of(queries), key: of(keys), value: of(keys), out: of(queries) },
    };
  };

export const total: Request = (backend) => ({
  kind: 'reduce',
  op: 'sum',
  ...{ outer: 1, length: 2 ** 20, inner: 1, scale: 1 },
  input: operand(backend, 2 ** 20),
  out: operand(backend, 4),
});

export const gelu: Request = (backend) => {
  const shape = [2 ** 20];
  const program = new Program({
    inputs: ['float32'],
    scalars: [],
    steps: [{ op: 'gelu', type: 'float32', dtype: 'float32', args: [0] }],
    outputs: [1],
  });
  return {
    kind: 'pointwise',
    program,
    shape,
    scalars: [],
    inputs: [operand(backend, ...shape)],
    outputs: [operand(backend, ...shape)],
  };
};

/** Runs of a candidate, on a backend of its own. */
class Contestant {
  /** Of the requests once, at best. */
  time = Number.POSITIVE_INFINITY;
  #repetitions = 1;

  private constructor(
    readonly backend: WebGpuBackend,
    private readonly requests: readonly KernelRequest[],
  ) {}

  static async enter(tuning: Tuning, requests: readonly Request[]): Promise<Contestant> {
    const backend = await WebGpuBackend.create({ allowSoftware: true, tuning });
    const contestant = new Contestant(
      backend,
      requests.map((request) => request(backend)),
    );
    // The first run compiles, the second tells how long one takes.
    await contestant.run();
    contestant.time = Number.POSITIVE_INFINITY;
    await contestant.run();
    contestant.#repetitions = Math.max(1, Math.min(100, Math.ceil(ROUND / contestant.time)));
    contestant.time = Number.POSITIVE_INFINITY;
    return contestant;
  }

  async run(): Promise<void> {
    const start = performance.now();
    for (let i = 0; i < this.#repetitions; i++) for (const request of this.requests) this.backend.run(request);
    await this.backend.synchronize();
    this.time = Math.min(this.time, (performance.now() - start) / this.#repetitions);
  }
}

/** The best of several tunings, of which the first is the present one, and their times. */
export async function contest(
  tunings: readonly Tuning[],
  requests: readonly Request[],
): Promise<{ best: Tuning; times: number[] }> {
  const contestants: Contestant[] = [];
  for (const tuning of tunings) contestants.push(await Contestant.enter(tuning, requests));
  for (let round = 0; round < ROUNDS; round++) {
    const best = Math.min(...contestants.map(({ time }) => time));
    // Who is far behind need not run again.
    for (const contestant of contestants) if (round === 0 || contestant.time < 2 * best) await contestant.run();
  }
  for (const { backend } of contestants) backend.destroy();
  const times = contestants.map(({ time }) => time);
  const present = times[0] ?? Number.POSITIVE_INFINITY;
  const fastest = Math.min(...times);
  const chosen = fastest < present * CLEARLY ? times.indexOf(fastest) : 0;
  return { best: tunings[chosen] as Tuning, times };
}
