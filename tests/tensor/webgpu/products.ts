// Products on a backend under test, and what float64 makes of them: for the suites of matmul kernels.
import { expect } from 'vitest';
import type { Activation, Dense, Matrices } from '../../../packages/tensor/src/backend/requests.js';
import { float16FromFloat32, float16ToFloat32 } from '../../../packages/tensor/src/half.js';
import { type Gpu, integers, noise, U } from './gpu.js';

export interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly batch?: readonly number[];
  /** Which batch dims either operand repeats over. */
  readonly repeatA?: readonly boolean[];
  readonly repeatB?: readonly boolean[];
  readonly alpha?: number;
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly activation?: Activation;
  /** Products of one A in a request: each has a B, a bias and an output of its own. Without a residual. */
  readonly products?: number;
  /** Elements before each operand, and between the lines of A and B. */
  readonly offset?: number;
  readonly gap?: number;
  /** Of every operand. Default float32. */
  readonly dtype?: 'float32' | 'float16';
}

interface Operand {
  readonly values: number[];
  readonly matrices: Matrices;
}

function matrices(
  gpu: Gpu,
  rows: number,
  columns: number,
  transposed: boolean,
  batch: readonly number[],
  repeat: readonly boolean[],
  { offset = 0, gap = 0, dtype = 'float32' }: Case,
  seed: number,
): Operand {
  const [lines, line] = transposed ? [columns, rows] : [rows, columns];
  const stride = line + gap;
  let step = lines * stride;
  const batchStrides = new Array<number>(batch.length).fill(0);
  for (let d = batch.length - 1; d >= 0; d--) {
    if (repeat[d]) continue;
    batchStrides[d] = step;
    step *= batch[d] ?? 1;
  }
  const values = noiseOf(dtype, offset + step, seed);
  const dense = { ...gpu.put(values, dtype), offset };
  return {
    values,
    matrices: { ...dense, rowStride: transposed ? 1 : stride, columnStride: transposed ? stride : 1, batchStrides },
  };
}

const elementOf = (
  { values, matrices: { offset, rowStride, columnStride, batchStrides } }: Operand,
  batch: readonly number[],
  row: number,
  column: number,
) =>
  values[
    batch.reduce((place, i, d) => place + i * (batchStrides[d] ?? 0), offset + row * rowStride + column * columnStride)
  ] ?? Number.NaN;

// erf to 1e-7 (Abramowitz & Stegun 7.1.26) is all that the tolerance below needs.
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

const activations: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** Reproducible numbers that the dtype holds. */
function noiseOf(dtype: 'float32' | 'float16', length: number, seed: number): number[] {
  const values = noise(length, seed);
  return dtype === 'float32' ? values : Array.from(float16ToFloat32(float16FromFloat32(Float32Array.from(values))));
}

/** Runs a product and compares it with float64, element by element. */
export async function check(gpu: Gpu, c: Case): Promise<void> {
  const {
    m,
    n,
    k,
    transposeA = false,
    transposeB = false,
    batch = [],
    repeatA = [],
    repeatB = [],
    alpha = 1,
    activation = 'none',
    products = 1,
    offset = 0,
    dtype = 'float32',
  } = c;
  const a = matrices(gpu, m, k, transposeA, batch, repeatA, c, 1);
  const batches = batch.reduce((x, y) => x * y, 1);
  const residualValues = noiseOf(dtype, batches * m * n, 4);
  const residual: Dense | undefined = c.residual ? gpu.put(residualValues, dtype, offset) : undefined;
  const guard = 5;
  const each = Array.from({ length: products }, (_, i) => {
    const biasValues = noiseOf(dtype, n, 3 + 10 * i);
    return {
      b: matrices(gpu, k, n, transposeB, batch, repeatB, c, 2 + 10 * i),
      biasValues,
      bias: c.bias ? gpu.put(biasValues, dtype, offset) : undefined,
      out: gpu.room(batches * m * n + guard, dtype, offset),
    };
  });
  const [first, ...more] = each.map(({ b, bias, out }) => ({ b: b.matrices, out, ...(bias && { bias }) }));
  if (first === undefined) throw new Error('a request has a product');
  gpu.run({
    kind: 'matmul',
    batch,
    m,
    n,
    k,
    a: a.matrices,
    ...first,
    alpha,
    activation,
    ...(residual && { residual }),
    ...(more.length > 0 && { more }),
  });

  // All elements of small outputs, a sample of large ones.
  const total = batches * m * n;
  const places =
    total <= 40_000 ? Array.from({ length: total }, (_, i) => i) : [0, total - 1, n - 1, ...integers(2000, total, 6)];
  for (const { b, biasValues, out } of each) {
    const actual = await gpu.get(out, total + guard);
    expect(actual.slice(-guard), 'what lies behind the output').toEqual(new Array(guard).fill(Number.NaN));
    for (const place of places) {
      const column = place % n;
      const row = Math.floor(place / n) % m;
      const index: number[] = [];
      let rest = Math.floor(place / (n * m));
      for (let d = batch.length - 1; d >= 0; d--) {
        index[d] = rest % (batch[d] ?? 1);
        rest = Math.floor(rest / (batch[d] ?? 1));
      }
      let dot = 0;
      let magnitude = 0;
      for (let i = 0; i < k; i++) {
        const product = elementOf(a, index, row, i) * elementOf(b, index, i, column);
        dot += product;
        magnitude += Math.abs(product);
      }
      const sum = alpha * dot + (c.bias ? (biasValues[column] ?? 0) : 0);
      const expected = activations[activation](sum) + (c.residual ? (residualValues[place] ?? 0) : 0);
      // k products and k - 1 sums round once each, at most; then alpha, bias and residual. The activations have slopes of at most
      // 1.13; GELU's own bound in the pointwise table is 16 ulp and 4e-6.
      const sums = (k + 1) * U * Math.abs(alpha) * magnitude + 3 * U * (Math.abs(sum) + Math.abs(expected) + 1);
      // What is stored as float16 rounds once more: half a unit in its last place, or of its smallest.
      const rounding = dtype === 'float32' ? sums : sums + 2 ** -11 * (Math.abs(expected) + sums) + 2 ** -25;
      const allowed =
        activation === 'none' || activation === 'relu'
          ? rounding
          : 1.13 * rounding + 4e-6 + 16 * 2 * U * Math.abs(expected);
      const error = Math.abs((actual[place] ?? Number.NaN) - expected);
      if (!(error <= allowed)) {
        expect.fail(
          `out[${[...index, row, column]}] = ${actual[place]}, expected ${expected}: ${error} off, allowed ${allowed}`,
        );
      }
    }
  }
}

export const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;
