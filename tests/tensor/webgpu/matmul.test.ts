// Matrix products against float64, for both kernels: odd sizes, transposes, strides, offsets, broadcast batches, epilogues. Each tile of the
// tuning table on its own is tested in matmul-tiles.test.ts.
import { describe, expect, it } from 'vitest';
import { tuningTable } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import { eachTuning, noise, U, useGpu } from './gpu.js';
import { check, transposes } from './products.js';

const sizes = [1, 3, 4, 5, 17, 63, 64, 65, 127, 128, 129];

eachTuning('matmul', (gpu) => {
  describe.each(transposes)('transposed a: %s, b: %s', (transposeA, transposeB) => {
    it.each(sizes)('multiplies square matrices of %i', async (size) => {
      await check(gpu(), { m: size, n: size, k: size, transposeA, transposeB });
    });

    it.each([
      [1, 65, 17],
      [65, 1, 17],
      [17, 65, 1],
      [1, 1, 129],
      [5, 3, 2],
      [2, 130, 64],
      [130, 2, 64],
      [64, 64, 3],
    ])('multiplies %i x %i over %i', async (m, n, k) => {
      await check(gpu(), { m, n, k, transposeA, transposeB });
    });

    it.each([
      [1, 0],
      [4, 4],
      [0, 3],
      [7, 1],
    ])('reads from offset %i with %i elements between lines', async (offset, gap) => {
      await check(gpu(), { m: 20, n: 24, k: 28, transposeA, transposeB, offset, gap });
      await check(gpu(), { m: 19, n: 21, k: 23, transposeA, transposeB, offset, gap });
    });

    it('walks batches, repeated ones too', async () => {
      const batch = [2, 3];
      const sizesOfBatch = { m: 9, n: 8, k: 12, transposeA, transposeB, batch };
      await check(gpu(), sizesOfBatch);
      await check(gpu(), { ...sizesOfBatch, repeatA: [true, false] });
      await check(gpu(), { ...sizesOfBatch, repeatB: [false, true] });
      await check(gpu(), { ...sizesOfBatch, repeatA: [true, true], repeatB: [true, false] });
      await check(gpu(), { ...sizesOfBatch, n: 7, k: 5 });
    });
  });

  it.each(['none', 'relu', 'gelu', 'geluTanh'] as const)(
    'applies alpha, bias, %s and a residual',
    async (activation) => {
      await check(gpu(), { m: 33, n: 36, k: 20, alpha: 0.5, activation });
      await check(gpu(), { m: 33, n: 36, k: 20, bias: true, activation });
      await check(gpu(), { m: 33, n: 35, k: 20, bias: true, residual: true, alpha: -2, activation });
      await check(gpu(), { m: 33, n: 36, k: 20, residual: true, activation, batch: [2], offset: 4 });
      await check(gpu(), { m: 33, n: 36, k: 20, bias: true, residual: true, activation, offset: 3 });
    },
  );

  it('splits heads without a copy', async () => {
    // [batch, time, heads, dim] seen as [batch, heads, time, dim]: q @ kᵀ.
    const [batch, time, heads, dim] = [2, 7, 3, 8];
    const q = noise(batch * time * heads * dim, 1);
    const k = noise(batch * time * heads * dim, 2);
    const view = { batchStrides: [time * heads * dim, dim] };
    const out = gpu().room(batch * heads * time * time);
    gpu().run({
      kind: 'matmul',
      batch: [batch, heads],
      m: time,
      n: time,
      k: dim,
      a: { ...gpu().put(q), ...view, rowStride: heads * dim, columnStride: 1 },
      b: { ...gpu().put(k), ...view, rowStride: 1, columnStride: heads * dim },
      alpha: 1,
      activation: 'none',
      out,
    });
    const at = (values: number[], b: number, t: number, h: number, d: number) =>
      values[((b * time + t) * heads + h) * dim + d] ?? 0;
    const expected: number[] = [];
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++)
        for (let i = 0; i < time; i++)
          for (let j = 0; j < time; j++) {
            let dot = 0;
            for (let d = 0; d < dim; d++) dot += at(q, b, i, h, d) * at(k, b, j, h, d);
            expected.push(dot);
          }
    // 8 products below 1.
    expect(await gpu().get(out, expected.length)).toBeClose(expected, { atol: 9 * 8 * U });
  });

  it('gives the epilogue alone where k is zero, and nothing where m or n is', async () => {
    await check(gpu(), { m: 5, n: 6, k: 0, bias: true, residual: true });
    await check(gpu(), { m: 5, n: 7, k: 0 });
    await check(gpu(), { m: 0, n: 6, k: 3 });
    await check(gpu(), { m: 5, n: 0, k: 3 });
    await check(gpu(), { m: 5, n: 4, k: 3, batch: [0, 2] });
  });

  it('reads one buffer as both operands', async () => {
    const values = noise(6 * 5, 9);
    const x = gpu().put(values);
    const out = gpu().room(36);
    gpu().run({
      kind: 'matmul',
      batch: [],
      m: 6,
      n: 6,
      k: 5,
      a: { ...x, rowStride: 5, columnStride: 1, batchStrides: [] },
      b: { ...x, rowStride: 1, columnStride: 5, batchStrides: [] },
      alpha: 1,
      activation: 'none',
      out,
    });
    const expected = Array.from({ length: 36 }, (_, i) => {
      let dot = 0;
      for (let j = 0; j < 5; j++) dot += (values[Math.floor(i / 6) * 5 + j] ?? 0) * (values[(i % 6) * 5 + j] ?? 0);
      return dot;
    });
    expect(await gpu().get(out, 36)).toBeClose(expected, { atol: 6 * 5 * U });
  });

  it('compiles nothing new for new sizes of the same alignment', async () => {
    await check(gpu(), { m: 200, n: 200, k: 40 });
    const before = gpu().backend.compiledKernels;
    await check(gpu(), { m: 204, n: 208, k: 44 });
    await check(gpu(), { m: 201, n: 212, k: 48 });
    expect(gpu().backend.compiledKernels).toBe(before);
  });
});

describe.each(['registers', 'shared'] as const)('matmul in many %s tiles', (memory) => {
  // Small workgroups: 70,000 large ones take a software adapter minutes.
  const tile = { memory, rows: 4, columns: 4, groupRows: 2, groupColumns: 2, depth: 4 };
  const gpu = useGpu({ ...tuningTable.swiftshader, matmul: { tiles: [tile], workgroups: 1 } });

  it('goes past 65,535 workgroups', async () => {
    await check(gpu(), { m: 1, n: 2, k: 1, batch: [70_000] });
  });
});

// Small, so that any software adapter compiles it soon, whatever the size of its subgroups.
describe('matmul by swapping in quads', () => {
  const others = { memory: 'registers', rows: 1, columns: 4, groupRows: 1, groupColumns: 4, depth: 0 } as const;
  const tile = { memory: 'quads', rows: 16, columns: 4, groupRows: 1, groupColumns: 4, depth: 4 } as const;
  const gpu = useGpu({ ...tuningTable.swiftshader, matmul: { tiles: [others, tile], workgroups: 1 } });

  it.each(transposes)('multiplies, transposed a: %s, b: %s', async (transposeA, transposeB) => {
    await check(gpu(), { m: 38, n: 36, k: 28, transposeA, transposeB, bias: true });
    await check(gpu(), { m: 21, n: 39, k: 19, transposeA, transposeB, residual: true, batch: [2], offset: 1 });
    await check(gpu(), { m: 20, n: 44, k: 1031, transposeA, transposeB, activation: 'gelu', alpha: 0.5 });
  });

  // Lavapipe, whose row of the table has no such tile, compiles that for a minute.
  it.skipIf(process.env.COURSE_ADAPTER === 'lavapipe')(
    'computes up to three products of one operand together',
    async () => {
      await check(gpu(), { m: 68, n: 76, k: 44, products: 2, activation: 'relu' });
      await check(gpu(), { m: 68, n: 76, k: 44, transposeB: true, products: 3, bias: true });
      await check(gpu(), { m: 35, n: 19, k: 13, transposeA: true, products: 3 });
      await check(gpu(), { m: 8, n: 8, k: 8, products: 4 });
    },
  );
});

// Few outputs, many steps of k: workgroups share the steps, a second kernel adds up and does the epilogue.
eachTuning('matmul in slices of k', (gpu) => {
  it.each(transposes)('adds up its slices, transposed a: %s, b: %s', async (transposeA, transposeB) => {
    await check(gpu(), { m: 4, n: 4, k: 4096, transposeA, transposeB });
    await check(gpu(), { m: 9, n: 7, k: 2049, transposeA, transposeB, alpha: 0.5, bias: true, activation: 'gelu' });
    await check(gpu(), { m: 8, n: 12, k: 1030, transposeA, transposeB, residual: true, batch: [2], offset: 4 });
    await check(gpu(), { m: 1, n: 33, k: 1537, transposeA, transposeB, bias: true, offset: 1, gap: 3 });
  });

  it('gives the same bits at every run', async () => {
    const [a, b] = [gpu().put(noise(9 * 3000, 1)), gpu().put(noise(3000 * 9, 2))];
    const results: number[][] = [];
    for (let i = 0; i < 3; i++) {
      const out = gpu().room(81);
      gpu().run({
        kind: 'matmul',
        batch: [],
        m: 9,
        n: 9,
        k: 3000,
        a: { ...a, rowStride: 3000, columnStride: 1, batchStrides: [] },
        b: { ...b, rowStride: 9, columnStride: 1, batchStrides: [] },
        alpha: 1,
        activation: 'none',
        out,
      });
      results.push(await gpu().get(out, 81));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});
