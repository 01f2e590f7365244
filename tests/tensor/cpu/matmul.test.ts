// Matrix products against sums in float64. Products of float32 values are summed in float32, in some blocked order, so an element is
// off by at most k roundings of partial sums, each at most k * max|a| * max|b|; in practice errors are random: allowed is
// 2^-24 * Σ|a b| * (2 + sqrt(k)), with a few roundings more for alpha, bias and residual.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Activation, MatmulRequest } from '../../../packages/tensor/src/backend/requests.js';
import { erf } from '../../../packages/tensor/src/ops/pointwise/error-function.js';
import { eachBuild, type Machine, noise } from './machine.js';

interface Case {
  batch: number[];
  m: number;
  n: number;
  k: number;
  /** Dense along rows, or along columns. */
  aTurned: boolean;
  bTurned: boolean;
  /** Batch dims in which an operand repeats. */
  aShared: boolean;
  bShared: boolean;
  alpha: number;
  bias: boolean;
  activation: Activation;
  residual: boolean;
  offset: number;
}

const plain: Case = {
  batch: [],
  m: 1,
  n: 1,
  k: 1,
  aTurned: false,
  bTurned: false,
  aShared: false,
  bShared: false,
  alpha: 1,
  bias: false,
  activation: 'none',
  residual: false,
  offset: 0,
};

const activations: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Strides in elements of stacked matrices of `size` elements. */
function batchStrides(batch: readonly number[], size: number, shared: boolean): number[] {
  return batch.map((_, d) => (shared ? 0 : size * product(batch.slice(d + 1))));
}

async function check(machine: Machine, settings: Partial<Case>): Promise<void> {
  const c = { ...plain, ...settings };
  const { batch, m, n, k, offset } = c;
  const matrices = product(batch);
  const a = noise((c.aShared ? 1 : matrices) * m * k, 1);
  const b = noise((c.bShared ? 1 : matrices) * k * n, 2);
  const bias = noise(n, 3);
  const residual = noise(matrices * m * n, 4);
  const out = machine.room(matrices * m * n + 8, 'float32', offset);
  const operands = [
    machine.put(a, 'float32', offset),
    machine.put(b, 'float32', offset + 1),
    machine.put(bias, 'float32', 3),
    machine.put(residual, 'float32', 5),
  ] as const;
  const request: MatmulRequest = {
    kind: 'matmul',
    batch,
    m,
    n,
    k,
    a: {
      ...operands[0],
      rowStride: c.aTurned ? 1 : k,
      columnStride: c.aTurned ? m : 1,
      batchStrides: batchStrides(batch, m * k, c.aShared),
    },
    b: {
      ...operands[1],
      rowStride: c.bTurned ? 1 : n,
      columnStride: c.bTurned ? k : 1,
      batchStrides: batchStrides(batch, k * n, c.bShared),
    },
    alpha: c.alpha,
    ...(c.bias && { bias: operands[2] }),
    activation: c.activation,
    ...(c.residual && { residual: operands[3] }),
    out,
  };
  machine.run(request);
  const got = await machine.get(out, matrices * m * n + 8);
  for (const operand of [...operands, out]) machine.backend.free(operand.buffer);
  let worst = { excess: 0, text: '' };
  for (let matrix = 0; matrix < matrices; matrix++) {
    const aStart = c.aShared ? 0 : matrix * m * k;
    const bStart = c.bShared ? 0 : matrix * k * n;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        let size = 0;
        for (let l = 0; l < k; l++) {
          const x =
            (a[aStart + (c.aTurned ? l * m + i : i * k + l)] ?? 0) *
            (b[bStart + (c.bTurned ? j * k + l : l * n + j)] ?? 0);
          sum += x;
          size += Math.abs(x);
        }
        const at = (matrix * m + i) * n + j;
        const before = sum * c.alpha + (c.bias ? (bias[j] ?? 0) : 0);
        const want = activations[c.activation](before) + (c.residual ? (residual[at] ?? 0) : 0);
        const allowed = 2 ** -24 * ((size * Math.abs(c.alpha) + 4) * (2 + Math.sqrt(k)));
        const error = Math.abs((got[at] ?? Number.NaN) - want);
        if (!(error <= allowed * Math.max(worst.excess, 1))) {
          worst = {
            excess: error / allowed,
            text: `[${matrix}, ${i}, ${j}]: got ${got[at]}, expected ${want}, allowed ${allowed}`,
          };
        }
      }
    }
  }
  expect(worst.text, JSON.stringify(c)).toBe('');
  // What lies behind the output is untouched.
  expect(got.slice(-8)).toEqual(new Array(8).fill(Math.fround(12345.678)));
}

const SIZES = [1, 3, 5, 7, 8, 17, 63, 64, 65, 127, 129];

eachBuild('matmul', (machine) => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('multiplies at every odd size (a turned %s, b turned %s)', async (aTurned, bTurned) => {
    for (const [i, m] of SIZES.entries()) {
      for (const [j, n] of SIZES.entries()) {
        const k = SIZES[(3 * i + 5 * j) % SIZES.length] ?? 1;
        await check(machine(), { m, n, k, aTurned, bTurned });
      }
    }
  });

  it('crosses the borders of its blocks of rows, columns and k', async () => {
    for (const [m, n, k] of [
      [257, 9, 33],
      [9, 257, 40],
      [65, 129, 513],
      [66, 30, 1500],
      [300, 140, 1025],
    ] as const) {
      for (const aTurned of [false, true])
        await check(machine(), { m, n, k, aTurned, bTurned: !aTurned, alpha: 0.5, bias: true });
    }
  });

  it('turns rows that lie as columns once for many groups of columns', async () => {
    for (const [m, n, k] of [
      [9, 257, 3],
      [70, 300, 801],
      [65, 264, 64],
    ] as const)
      await check(machine(), { m, n, k, aTurned: true, bias: true, activation: 'relu', residual: true });
  });

  it('takes sizes of zero: nothing to do, or sums of nothing', async () => {
    for (const sizes of [{ m: 0 }, { n: 0 }, { batch: [0] }]) await check(machine(), { m: 3, n: 4, k: 5, ...sizes });
    for (const [m, n] of [
      [3, 4],
      [20, 20],
      [20, 2],
    ] as const) {
      await check(machine(), { m, n, k: 0, bias: true, residual: true, activation: 'gelu' });
    }
  });

  it('finishes with alpha, bias, activation and residual', async () => {
    for (const activation of ['none', 'relu', 'gelu', 'geluTanh'] as const) {
      for (const [m, n] of [
        [1, 1],
        [3, 130],
        [70, 5],
        [33, 66],
      ] as const) {
        await check(machine(), { m, n, k: 31, alpha: -1.5, bias: true, activation, residual: true, offset: 3 });
        await check(machine(), { m, n, k: 31, bTurned: true, bias: true, activation });
        await check(machine(), { m, n, k: 31, activation, residual: true });
      }
    }
  });

  it('walks batches, those in which an operand repeats included', async () => {
    for (const [m, n, k] of [
      [1, 9, 16],
      [5, 17, 12],
      [16, 16, 32],
      [33, 10, 8],
      [19, 1, 7],
    ] as const) {
      for (const turned of [false, true]) {
        await check(machine(), { batch: [3], m, n, k, aTurned: turned, bTurned: !turned, bias: true, residual: true });
        await check(machine(), { batch: [2, 3], m, n, k, aTurned: turned, bTurned: turned, bShared: true });
        await check(machine(), { batch: [2, 1, 2], m, n, k, aShared: true, bTurned: turned });
      }
    }
  });

  it('reads the heads of an attention in place', async () => {
    // q and k of shape [batch, time, heads, width], multiplied per head: [batch, heads, time, time].
    const [batch, time, heads, width] = [2, 11, 3, 8];
    const count = batch * time * heads * width;
    const q = noise(count, 5);
    const key = noise(count, 6);
    const out = machine().room(batch * heads * time * time);
    const strides = { batchStrides: [time * heads * width, width] };
    machine().run({
      kind: 'matmul',
      batch: [batch, heads],
      m: time,
      n: time,
      k: width,
      a: { ...machine().put(q), rowStride: heads * width, columnStride: 1, ...strides },
      b: { ...machine().put(key), rowStride: 1, columnStride: heads * width, ...strides },
      alpha: 1,
      activation: 'none',
      out,
    });
    const at = (x: number[], b: number, t: number, h: number, d: number) =>
      x[((b * time + t) * heads + h) * width + d] ?? 0;
    const want: number[] = [];
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < time; i++) {
          for (let j = 0; j < time; j++) {
            let sum = 0;
            for (let d = 0; d < width; d++) sum += at(q, b, i, h, d) * at(key, b, j, h, d);
            want.push(sum);
          }
        }
      }
    }
    // Eight products of at most 1: eight roundings of sums of at most 8.
    expect(await machine().get(out, want.length)).toBeClose(want, { atol: 8 * 8 * 2 ** -24 });
  });

  it('carries NaN and infinity to the elements they belong to, and to no other', async () => {
    for (const [m, n] of [
      [2, 20],
      [20, 20],
      [20, 3],
    ] as const) {
      const k = 9;
      const a = noise(m * k, 1);
      const b = noise(k * n, 2);
      a[k] = Number.NaN; // Row 1.
      b[n - 1] = Number.POSITIVE_INFINITY; // The last column.
      const out = machine().room(m * n);
      machine().run({
        kind: 'matmul',
        batch: [],
        m,
        n,
        k,
        a: { ...machine().put(a), rowStride: k, columnStride: 1, batchStrides: [] },
        b: { ...machine().put(b), rowStride: n, columnStride: 1, batchStrides: [] },
        alpha: 1,
        activation: 'none',
        out,
      });
      const got = await machine().get(out, m * n);
      for (const [at, value] of got.entries()) {
        const [i, j] = [Math.floor(at / n), at % n];
        if (i === 1) expect(value).toBeNaN();
        else if (j === n - 1) expect(Math.abs(value)).toBe(Number.POSITIVE_INFINITY);
        else expect(Number.isFinite(value)).toBe(true);
      }
    }
  });

  it('multiplies whatever shapes and strides it is given', async () => {
    const dim = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(31, 32, 33, 64, 70, 130));
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
          m: dim,
          n: dim,
          k: dim,
          aTurned: fc.boolean(),
          bTurned: fc.boolean(),
          aShared: fc.boolean(),
          bShared: fc.boolean(),
          alpha: fc.constantFrom(1, 0.125, -2),
          bias: fc.boolean(),
          activation: fc.constantFrom('none', 'relu', 'gelu'),
          residual: fc.boolean(),
          offset: fc.integer({ min: 0, max: 5 }),
        } satisfies { [Key in keyof Case]: fc.Arbitrary<Case[Key]> }),
        (settings) => check(machine(), settings),
      ),
      { seed: 7, numRuns: 80 },
    );
  });
});
