// What the CPU backend draws itself, in both builds and on any number of threads, against the host's loops, which the goldens of
// PyTorch's stream hold (tests/tensor/random.test.ts): the same bits, and the stream left at the same place.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import type { SimdBuild } from '../../../packages/tensor/src/backend/cpu/module.js';
import type { Draw } from '../../../packages/tensor/src/backend/draw.js';
import { ArgumentError } from '../../../packages/tensor/src/errors.js';
import { drawnStorage, fill } from '../../../packages/tensor/src/random/draw.js';
import { Generator } from '../../../packages/tensor/src/random/generator.js';

const INT_MIN = -(2 ** 31);
const DRAWS: readonly [Draw, 'float32' | 'int32'][] = [
  [{ kind: 'uniform', from: 0, to: 1 }, 'float32'],
  [{ kind: 'uniform', from: -1.3, to: 2.7 }, 'float32'],
  [{ kind: 'uniform', from: -0, to: 1e-40 }, 'float32'],
  [{ kind: 'double' }, 'float32'],
  [{ kind: 'normal', mean: 0, std: 1 }, 'float32'],
  [{ kind: 'normal', mean: -0, std: 1 }, 'float32'],
  [{ kind: 'normal', mean: 3.7, std: 0.02 }, 'float32'],
  [{ kind: 'normal', mean: 1, std: 0 }, 'float32'],
  [{ kind: 'bernoulli', p: 0.3 }, 'float32'],
  [{ kind: 'bernoulli', p: 0 }, 'float32'],
  [{ kind: 'bernoulli', p: 1 }, 'float32'],
  [{ kind: 'bernoulli', p: Number.MIN_VALUE }, 'float32'],
  [{ kind: 'exponential', rate: 1.7 }, 'float32'],
  [{ kind: 'integers', low: 0, high: 10 }, 'int32'],
  [{ kind: 'integers', low: -5, high: 30_517 }, 'int32'],
  [{ kind: 'integers', low: 3, high: 67 }, 'int32'],
  [{ kind: 'integers', low: 7, high: 8 }, 'int32'],
  [{ kind: 'integers', low: INT_MIN, high: 2 ** 31 }, 'int32'],
  [{ kind: 'integers', low: INT_MIN, high: 2 ** 31 - 1 }, 'int32'],
  [{ kind: 'integers', low: INT_MIN, high: 0 }, 'int32'],
  [{ kind: 'permutation' }, 'int32'],
];
/** Few enough for the host; groups of normals whole and not; more than a part of the words that lie in scratch memory. */
const COUNTS = [0, 255, 256, 257, 271, 623, 624, 5000, 130_561, 300_001];

const bits = (values: Float32Array | Int32Array): Uint32Array => new Uint32Array(values.buffer);

describe.each<SimdBuild>(['simd', 'relaxed-simd'])('numbers drawn by the CPU backend, %s', (build) => {
  let backend: CpuBackend;
  beforeAll(async () => {
    backend = await CpuBackend.create({ build });
    await backend.startThreads();
  });
  afterAll(() => backend.destroy());

  it.each(DRAWS)('%o have the bits of the host', async (draw, dtype) => {
    const [ours, host] = [new Generator(1234), new Generator(1234)];
    for (const count of COUNTS) {
      const storage = drawnStorage(backend, dtype, count, draw, ours, { name: 'draw', shape: [count] });
      const want = dtype === 'float32' ? new Float32Array(count) : new Int32Array(count);
      fill(want, draw, host);
      const got = new Uint32Array(await backend.read(storage.buffer, 0, count * 4));
      // Compared as bytes: element by element takes the most of the time.
      expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(bits(want).buffer)), `${count} numbers`).toBe(0);
      storage.release();
      // The next draws begin somewhere inside a block.
      expect(ours.random()).toBe(host.random());
      expect(ours.getState()).toEqual(host.getState());
    }
  });

  it('are the same on one thread', async () => {
    const single = await CpuBackend.create({ build, share: false });
    for (const [draw, dtype] of DRAWS) {
      const [a, b] = [backend, single].map((each) =>
        drawnStorage(each, dtype, 100_003, draw, new Generator(5), { name: 'draw', shape: [100_003] }),
      );
      if (!a || !b) throw new ArgumentError('two backends draw');
      const [x, y] = [await backend.read(a.buffer, 0, 400_012), await single.read(b.buffer, 0, 400_012)];
      expect(Buffer.compare(Buffer.from(x), Buffer.from(y))).toBe(0);
      a.release();
      b.release();
    }
    single.destroy();
  });

  it('are refused as the host refuses them, and the stream does not move', () => {
    const [ours, host] = [new Generator(9), new Generator(9)];
    const wrong: readonly [Draw, 'float32' | 'int32'][] = [
      [{ kind: 'uniform', from: 1, to: 0 }, 'float32'],
      [{ kind: 'normal', mean: 0, std: -1 }, 'float32'],
      [{ kind: 'bernoulli', p: 1.5 }, 'float32'],
      [{ kind: 'exponential', rate: 0 }, 'float32'],
      [{ kind: 'integers', low: 3, high: 3 }, 'int32'],
      [{ kind: 'integers', low: 0, high: 2 ** 31 + 1 }, 'int32'],
    ];
    const { bytes } = backend.statistics();
    for (const [draw, dtype] of wrong) {
      expect(() => drawnStorage(backend, dtype, 1000, draw, ours, { name: 'draw', shape: [1000] })).toThrow(
        ArgumentError,
      );
    }
    expect(ours.getState()).toEqual(host.getState());
    expect(backend.statistics().bytes).toBe(bytes);
  });
});
