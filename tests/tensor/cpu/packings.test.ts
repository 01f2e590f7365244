// Copies of weights that matmul keeps: whatever happens to a weight between two products, the next one sees it. Random histories are compared
// with sums in float64 (the bound is that of matmul.test.ts), and with the bits of a product whose weight was never used before.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import type { Dense, KernelRequest, MatmulRequest } from '../../../packages/tensor/src/backend/requests.js';
import { eachBuild, Machine, noise, toWords } from './machine.js';

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function product({ m, k, n }: Sizes, a: Dense, b: Dense, turned: boolean, out: Dense): MatmulRequest {
  return {
    kind: 'matmul',
    batch: [],
    m,
    n,
    k,
    a: { ...a, rowStride: k, columnStride: 1, batchStrides: [] },
    b: { ...b, rowStride: turned ? 1 : n, columnStride: turned ? k : 1, batchStrides: [] },
    alpha: 1,
    activation: 'none',
    out,
  };
}

/** Requests that write to a square weight of `size`, by way of other operands of the same size. */
function writers(size: number, weight: Dense, other: Dense, spare: Dense): Record<string, KernelRequest> {
  const count = size * size;
  const place = { offset: 0, strides: [0, 1, 0] };
  const adam = {
    lr: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    weightDecay: 0,
    biasCorrection1: 0.1,
    biasCorrection2: 0.1,
  };
  return {
    matmul: product({ m: size, k: size, n: size }, other, other, false, weight),
    softmax: { kind: 'softmax', log: false, shape: [size, size], scale: 1, input: other, out: weight },
    scan: { kind: 'scan', reverse: false, outer: 1, length: count, inner: 1, terms: other, out: weight },
    scatter: {
      kind: 'scatter',
      name: 'indexAdd',
      dim: 0,
      add: true,
      outer: 1,
      size,
      inner: size,
      count: 1,
      table: weight,
      index: { ...spare, dtype: 'int32', ...place },
      values: other,
    },
    adam: { kind: 'adam', count, decoupled: true, ...adam, param: weight, grad: other, expAvg: spare, expAvgSq: spare },
    'adam among others': {
      kind: 'adam',
      decoupled: true,
      ...adam,
      ...{ count: 0, param: spare, grad: other, expAvg: spare, expAvgSq: spare },
      more: [{ count, param: weight, grad: other, expAvg: spare, expAvgSq: spare }],
    },
    descend: { kind: 'descend', rule: 'sgd', lr: 0.1, weightDecay: 0, count, param: weight, grad: other },
    clip: {
      kind: 'clip',
      norm: spare,
      maxNorm: 1e-7,
      targets: [
        { count: 0, data: spare },
        { count, data: weight },
      ],
    },
    'the state of a step': {
      kind: 'descend',
      ...{ rule: 'rmsprop', lr: 0.1, weightDecay: 0, alpha: 0.9, eps: 1e-8 },
      ...{ count: 0, param: spare, grad: other, square: spare, mean: spare },
      more: [{ count, param: spare, grad: other, square: spare, mean: weight }],
    },
    layerNorm: {
      kind: 'layerNorm',
      rows: size,
      width: size,
      eps: 1e-5,
      input: other,
      out: weight,
      mean: spare,
      rstd: { ...spare, offset: size },
    },
  };
}

eachBuild('packed weights', (machine) => {
  it('are copied at the second use and forgotten at a write or with their buffer', () => {
    const { backend } = machine();
    const sizes = { m: 9, k: 33, n: 20 };
    const a = machine().put(noise(sizes.m * sizes.k, 1));
    const b = machine().put(noise(sizes.k * sizes.n, 2));
    const out = machine().room(sizes.m * sizes.n);
    const cached = () => backend.statistics().cachedBytes;
    const multiply = () => machine().run(product(sizes, a, b, false, out));
    const { bytes } = backend.statistics();
    multiply();
    expect(cached()).toBe(0);
    multiply();
    // 33 rows of three panels of 8 columns, in units of 64 bytes.
    expect(cached()).toBe(Math.ceil((33 * 24 * 4) / 64) * 64);
    multiply();
    expect(cached()).toBe(Math.ceil((33 * 24 * 4) / 64) * 64);
    expect(backend.statistics().bytes).toBe(bytes);
    backend.write(b.buffer, 0, toWords('float32', [5]));
    expect(cached()).toBe(0);
    multiply();
    multiply();
    expect(cached()).toBeGreaterThan(0);
    backend.free(b.buffer);
    expect(cached()).toBe(0);
    for (const { buffer } of [a, out]) backend.free(buffer);
  });

  it('see every kernel that writes to them', async () => {
    const size = 24;
    const sizes = { m: 17, k: size, n: size };
    const count = size * size;
    const zeros = new Array<number>(count).fill(0);
    const [a, weight, other, spare, out] = [
      machine().put(noise(sizes.m * size, 1)),
      machine().put(noise(count, 2)),
      machine().put(noise(count, 3)),
      machine().put(zeros),
      machine().room(sizes.m * size),
    ];
    for (const [name, request] of Object.entries(writers(size, weight, other, spare))) {
      for (let use = 0; use < 3; use++) machine().run(product(sizes, a, weight, false, out));
      expect(machine().backend.statistics().cachedBytes, name).toBeGreaterThan(0);
      const stale = await machine().get(out, sizes.m * size);
      machine().backend.write(spare.buffer, 0, toWords('float32', zeros));
      machine().run(request);
      machine().run(product(sizes, a, weight, false, out));
      const got = await machine().get(out, sizes.m * size);
      const fresh = machine().put(await machine().get(weight, count));
      machine().run(product(sizes, a, fresh, false, out));
      expect(got, name).toEqual(await machine().get(out, sizes.m * size));
      expect(got, name).not.toEqual(stale);
      machine().backend.free(fresh.buffer);
    }
    for (const { buffer } of [a, weight, other, spare, out]) machine().backend.free(buffer);
  });

  it('give the sums of what the weight holds now, whatever happened before', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          op: fc.constant('multiply' as const),
          turned: fc.boolean(),
          m: fc.integer({ min: 8, max: 40 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('write' as const), at: fc.nat(99), seed: fc.nat(99) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('renew' as const), seed: fc.nat(99) }) },
    );
    const size = fc.integer({ min: 9, max: 70 });
    const history = fc.array(step, { minLength: 3, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(size, size, history, async (k, n, steps) => {
        let values = noise(k * n, 7);
        let weight = machine().put(values);
        for (const each of steps) {
          if (each.op === 'renew') {
            machine().backend.free(weight.buffer);
            values = noise(k * n, each.seed);
            weight = machine().put(values);
          } else if (each.op === 'write') {
            const at = each.at % (k * n);
            values[at] = Math.fround(each.seed / 7);
            machine().backend.write(weight.buffer, at * 4, toWords('float32', [values[at]]));
          } else {
            const { m, turned } = each;
            const left = noise(m * k, 5);
            const [a, out] = [machine().put(left), machine().room(m * n)];
            machine().run(product({ m, k, n }, a, weight, turned, out));
            const got = await machine().get(out, m * n);
            for (const { buffer } of [a, out]) machine().backend.free(buffer);
            for (let i = 0; i < m * n; i++) {
              const [row, column] = [Math.floor(i / n), i % n];
              let [sum, magnitude] = [0, 0];
              for (let l = 0; l < k; l++) {
                const x = (left[row * k + l] ?? 0) * (values[turned ? column * k + l : l * n + column] ?? 0);
                sum += x;
                magnitude += Math.abs(x);
              }
              const allowed = 2 ** -24 * (magnitude + 4) * (2 + Math.sqrt(k));
              expect(Math.abs((got[i] ?? Number.NaN) - sum)).toBeLessThanOrEqual(allowed);
            }
          }
        }
        machine().backend.free(weight.buffer);
        expect(machine().backend.statistics().cachedBytes).toBe(0);
      }),
      { numRuns: 40, seed: 6 },
    );
  });
});

it('copies of weights make room when memory runs short', async () => {
  // Without threads, whatever COURSE_THREADS says: their scratch memory would be in the way.
  const backend = await CpuBackend.create({ maximumBytes: 32 * 2 ** 20, share: false });
  const machine = new Machine(backend);
  const sizes = { m: 8, k: 1024, n: 1024 };
  const a = machine.put(noise(sizes.m * sizes.k, 1));
  const b = machine.put(noise(sizes.k * sizes.n, 2));
  const out = machine.room(sizes.m * sizes.n);
  for (let use = 0; use < 2; use++) machine.run(product(sizes, a, b, false, out));
  const want = await machine.get(out, sizes.m * sizes.n);
  expect(backend.statistics().cachedBytes).toBe(4 * 2 ** 20);
  // The weight takes 4 MiB and its copy as much: 24 MiB more fit only without the copy.
  backend.allocate(24 * 2 ** 20);
  expect(backend.statistics().cachedBytes).toBe(0);
  for (let use = 0; use < 3; use++) machine.run(product(sizes, a, b, false, out));
  expect(await machine.get(out, sizes.m * sizes.n)).toEqual(want);
  backend.destroy();
});
