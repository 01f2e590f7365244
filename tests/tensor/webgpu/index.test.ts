// Gathering rows and summing them back, and the optimizer's step, against float64.
import { describe, expect, it } from 'vitest';
import { integers, noise, U, useGpu } from './gpu.js';

describe('gather rows', () => {
  const gpu = useGpu();

  it.each([1, 3, 4, 17, 64, 65, 128])('of width %i', async (width) => {
    const [rows, tableRows] = [33, 11];
    const table = noise(tableRows * width, 1);
    const indices = integers(rows, tableRows, 2);
    for (const offset of [0, 3, 4]) {
      const out = gpu().room(rows * width, 'float32', offset);
      gpu().run({
        kind: 'gatherRows',
        rows,
        width,
        tableRows,
        table: gpu().put(table, 'float32', offset),
        indices: gpu().put(indices, 'int32', 1),
        out,
      });
      const expected = indices.flatMap((index) => table.slice(index * width, (index + 1) * width));
      expect(await gpu().get(out, rows * width)).toEqual(expected);
    }
  });

  it('gives zeros for an index outside the table, which it reports, and integers as they are', async () => {
    const out = gpu().room(8, 'int32');
    gpu().run({
      kind: 'gatherRows',
      rows: 4,
      width: 2,
      tableRows: 2,
      table: gpu().put([2 ** 30 + 1, -5, 7, 8], 'int32'),
      indices: gpu().put([1, -1, 2, 0], 'int32'),
      out,
    });
    await expect(gpu().get(out, 8)).rejects.toThrow(
      'embedding: index 2 is out of range for a table of 2 rows (0 to 1)',
    );
    expect(await gpu().get(out, 8)).toEqual([7, 8, 0, 0, 0, 0, 2 ** 30 + 1, -5]);
  });

  it('goes past 65,535 workgroups', async () => {
    const rows = 65_535 * 256 + 77;
    const out = { buffer: gpu().backend.allocate(rows * 4), dtype: 'float32', offset: 0 } as const;
    const indices = { buffer: gpu().backend.allocate(rows * 4), dtype: 'int32', offset: 0 } as const;
    gpu().backend.write(indices.buffer, 0, new Uint32Array(rows));
    gpu().backend.write(indices.buffer, (rows - 1) * 4, Uint32Array.of(2));
    gpu().run({ kind: 'gatherRows', rows, width: 1, tableRows: 3, table: gpu().put([1, 2, 3]), indices, out });
    expect(await gpu().get({ ...out, offset: rows - 1 }, 1)).toEqual([3]);
    for (const { buffer } of [out, indices]) gpu().backend.free(buffer);
  });
});

describe('scatter-add rows', () => {
  const gpu = useGpu();

  /** Sums in float64. */
  function reference(
    grad: readonly number[],
    indices: readonly number[],
    width: number,
    tableRows: number,
    paddingIndex: number,
  ): number[] {
    const table = new Float64Array(tableRows * width);
    const seen = new Set<number>();
    indices.forEach((index, row) => {
      if (index === paddingIndex || index < 0 || index >= tableRows) return;
      for (let c = 0; c < width; c++) {
        const value = grad[row * width + c] ?? 0;
        table[index * width + c] = seen.has(index) ? (table[index * width + c] ?? 0) + value : value;
      }
      seen.add(index);
    });
    return Array.from(table);
  }

  async function check(
    rows: number,
    width: number,
    tableRows: number,
    indices: readonly number[],
    paddingIndex = -1,
    offset = 0,
  ): Promise<void> {
    const grad = noise(rows * width, 1);
    const out = gpu().room(tableRows * width, 'float32', offset);
    gpu().run({
      kind: 'scatterAddRows',
      rows,
      width,
      tableRows,
      paddingIndex,
      grad: gpu().put(grad, 'float32', offset),
      indices: gpu().put(indices, 'int32', 3),
      out,
    });
    // At most `rows` terms below 1 meet in an element, in an order of the kernel's own.
    const found = await gpu().get(out, tableRows * width);
    expect(found).toBeClose(reference(grad, indices, width, tableRows, paddingIndex), {
      rtol: 0,
      atol: rows * rows * U,
    });
  }

  it.each([1, 3, 4, 17, 64, 65])('of width %i', async (width) => {
    await check(129, width, 23, integers(129, 23, 2));
    await check(63, width, 1000, integers(63, 1000, 3), -1, 1);
  });

  it('of one index only, of none, and around the padding', async () => {
    await check(500, 8, 4, new Array(500).fill(2));
    await check(0, 8, 4, []);
    await check(100, 5, 7, integers(100, 7, 4), 3);
    await expect(check(6, 4, 3, [0, -1, 3, 2, 2, 100])).rejects.toThrow(
      'embeddingBackward: index 3 is out of range for a table of 3 rows (0 to 2)',
    );
  });

  it('gives the same bits at every run', async () => {
    const indices = integers(2000, 50, 5);
    const grad = gpu().put(noise(2000 * 16, 6));
    const operand = gpu().put(indices, 'int32');
    const runs: number[][] = [];
    for (let i = 0; i < 3; i++) {
      const out = gpu().room(50 * 16);
      gpu().run({
        kind: 'scatterAddRows',
        rows: 2000,
        width: 16,
        tableRows: 50,
        paddingIndex: -1,
        grad,
        indices: operand,
        out,
      });
      runs.push(await gpu().get(out, 50 * 16));
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });
});

describe('adam', () => {
  const gpu = useGpu();
  const settings = {
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.1,
    biasCorrection1: 1 - 0.9 ** 3,
    biasCorrection2: 1 - 0.999 ** 3,
  };

  it.each([
    [1, 0, 0],
    [63, 0, 0],
    [64, 0, 0],
    [65, 4, 3],
    [129, 3, 0],
    [130, 4, 0],
  ])('steps %i parameters from offset %i with %i more behind', async (count, offset, after) => {
    for (const decoupled of [true, false]) {
      const param = noise(count, 1);
      const grad = noise(count, 2);
      const m = noise(count, 3);
      const v = noise(count, 4).map((x) => Math.fround(x * x));
      const operands = {
        param: gpu().put(param, 'float32', offset, after),
        grad: gpu().put(grad, 'float32', offset, after),
        expAvg: gpu().put(m, 'float32', offset, after),
        expAvgSq: gpu().put(v, 'float32', offset, after),
      };
      const behind = { ...operands.param, offset: offset + count };
      const before = await gpu().get(behind, after);
      gpu().run({ kind: 'adam', count, decoupled, ...settings, ...operands });
      const { lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2 } = settings;
      const expected = param.map((p, i) => {
        const weight = decoupled ? p * (1 - lr * weightDecay) : p;
        const g = (grad[i] ?? 0) + (decoupled ? 0 : weightDecay * p);
        const newM = beta1 * (m[i] ?? 0) + (1 - beta1) * g;
        const newV = beta2 * (v[i] ?? 0) + (1 - beta2) * g * g;
        return {
          m: newM,
          v: newV,
          p: weight - ((lr / biasCorrection1) * newM) / (Math.sqrt(newV) / Math.sqrt(biasCorrection2) + eps),
        };
      });
      // A handful of roundings of values below 1; the step itself is at most lr * 10 / sqrt(v) with v of 1e-4 or more here.
      expect(await gpu().get(operands.expAvg, count)).toBeClose(
        expected.map((e) => e.m),
        { atol: 4 * U },
      );
      expect(await gpu().get(operands.expAvgSq, count)).toBeClose(
        expected.map((e) => e.v),
        { atol: 4 * U },
      );
      expect(await gpu().get(operands.param, count)).toBeClose(
        expected.map((e) => e.p),
        { atol: 4 * U, rtol: 32 * U },
      );
      expect(await gpu().get(behind, after), 'what lies behind').toEqual(before);
    }
  });

  it('does nothing to no parameters', async () => {
    const none = gpu().put([]);
    gpu().run({
      kind: 'adam',
      count: 0,
      decoupled: true,
      ...settings,
      param: none,
      grad: none,
      expAvg: none,
      expAvgSq: none,
    });
    await gpu().backend.synchronize();
  });
});
