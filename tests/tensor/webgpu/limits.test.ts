// Past a device's limits. Every kind of kernel with more than 65,535 workgroups, which fold into a second dimension: with one
// invocation a workgroup, so that 70,000 rows of few elements are enough, and every element is checked. And memory past what a kernel can bind.
import { describe, expect, it } from 'vitest';
import type { Dense } from '../../../packages/tensor/src/backend/requests.js';
import { WebGpuBackend } from '../../../packages/tensor/src/backend/webgpu/backend.js';
import type { Tuning } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { DeviceError } from '../../../packages/tensor/src/errors.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { Gpu, integers, noise, U, useGpu } from './gpu.js';

const ROWS = 70_000;

const single: Tuning = {
  pointwise: { workgroupSize: 1, perInvocation: 1 },
  rows: { workgroupSize: 1, lanes: 1 },
  reduce: { workgroupSize: 1, invocations: ROWS },
  matmul: {
    tiles: [{ memory: 'registers', rows: 1, columns: 4, groupRows: 1, groupColumns: 1, depth: 0 }],
    workgroups: 1,
  },
  attention: {
    tile: { rows: 1, groupRows: 1, groupColumns: 1 },
    few: { rows: 1, groupRows: 1, groupColumns: 1 },
    sums: 1,
  },
};

describe('more than 65,535 workgroups', () => {
  const gpu = useGpu(single);
  const put = (values: readonly number[], dtype: DType = 'float32') => gpu().put(values, dtype);
  const room = (length: number, dtype: DType = 'float32') => gpu().room(length, dtype);
  const of = (length: number, value: (i: number) => number) => Array.from({ length }, (_, i) => value(i));
  const x = noise(ROWS * 2, 1);
  const at = (values: readonly number[], i: number) => values[i] ?? Number.NaN;
  /** Two exponentials and a quotient, or a handful of additions, of values up to 2. */
  const close = { atol: 32 * U };

  async function expectRows(out: Dense, expected: readonly number[], tolerance = close): Promise<void> {
    expect(await gpu().get(out, expected.length)).toBeClose(expected, tolerance);
  }

  const softmaxes = of(ROWS * 2, (i) => 1 / (1 + Math.exp(at(x, i ^ 1) - at(x, i))));

  it('of attention and its backward', async () => {
    // Matrices of one query and two keys, of width 1.
    const grad = noise(ROWS, 2);
    const operand = (values: readonly number[], rows: number) => ({ ...put(values), strides: [rows, 1, 1] });
    const sizes = { batch: [ROWS], queries: 1, keys: 2, width: 1, valueWidth: 1, scale: 1, isCausal: false };
    const [query, key, value] = [
      operand(
        of(ROWS, () => 1),
        1,
      ),
      operand(x, 2),
      operand(x, 2),
    ];
    const [out, logSumExp] = [room(ROWS), room(ROWS)];
    const output = { ...out, strides: [1, 1, 1] };
    gpu().run({ kind: 'attention', ...sizes, query, key, value, out: output, logSumExp });
    const results = of(ROWS, (i) => at(softmaxes, 2 * i) * at(x, 2 * i) + at(softmaxes, 2 * i + 1) * at(x, 2 * i + 1));
    await expectRows(out, results);
    const gradValue = room(ROWS * 2);
    const into = { ...gradValue, strides: [2, 1, 1] };
    const request = { ...sizes, query, key, value, grad: operand(grad, 1), output, logSumExp };
    gpu().run({ kind: 'attentionBackward', ...request, gradValue: into });
    await expectRows(
      gradValue,
      of(ROWS * 2, (i) => at(softmaxes, i) * at(grad, i >> 1)),
    );
  });

  it('of pointwise', async () => {
    const out = room(ROWS);
    const program = new Program({ inputs: ['float32'], scalars: [], steps: [], outputs: [0] });
    const [from, to] = [
      { ...put(x), strides: [2] },
      { ...out, strides: [1] },
    ];
    gpu().run({ kind: 'pointwise', program, shape: [ROWS], inputs: [from], scalars: [], outputs: [to] });
    await expectRows(
      out,
      of(ROWS, (i) => at(x, 2 * i)),
      { atol: 0 },
    );
  });

  it.each([
    ['wide', ROWS, 1],
    ['in a batch', 1, ROWS],
  ])('of matmul, %s', async (_, m, batch) => {
    const out = room(ROWS);
    const a = { ...put(x), rowStride: 2, columnStride: 1, batchStrides: [2 * m] };
    const b = { ...put([3, 5]), rowStride: 1, columnStride: 1, batchStrides: [0] };
    const sizes = { batch: [batch], m, n: 1, k: 2, alpha: 1, activation: 'none' } as const;
    gpu().run({ kind: 'matmul', ...sizes, a, b, out });
    await expectRows(
      out,
      of(ROWS, (i) => 3 * at(x, 2 * i) + 5 * at(x, 2 * i + 1)),
    );
  });

  it.each(['sum', 'max', 'argmax'] as const)('of reduce: %s', async (op) => {
    const out = room(ROWS, op === 'argmax' ? 'int32' : 'float32');
    gpu().run({ kind: 'reduce', op, outer: ROWS, length: 2, inner: 1, scale: 1, input: put(x), out });
    const value = (a: number, b: number) => (op === 'sum' ? a + b : op === 'max' ? Math.max(a, b) : Number(b > a));
    await expectRows(
      out,
      of(ROWS, (i) => value(at(x, 2 * i), at(x, 2 * i + 1))),
    );
  });

  it('of softmax and its backward', async () => {
    const out = room(ROWS * 2);
    gpu().run({ kind: 'softmax', log: false, shape: [ROWS, 2], scale: 1, input: put(x), out });
    await expectRows(out, softmaxes);
    const grad = noise(ROWS * 2, 2);
    const back = room(ROWS * 2);
    const operands = { grad: put(grad), output: put(softmaxes), out: back };
    gpu().run({ kind: 'softmaxBackward', log: false, rows: ROWS, width: 2, scale: 1, ...operands });
    const dot = (i: number) => at(grad, i) * at(softmaxes, i) + at(grad, i ^ 1) * at(softmaxes, i ^ 1);
    await expectRows(
      back,
      of(ROWS * 2, (i) => at(softmaxes, i) * (at(grad, i) - dot(i))),
    );
  });

  it('of layer norm and its backward', async () => {
    const [out, mean, rstd] = [room(ROWS * 2), room(ROWS), room(ROWS)];
    gpu().run({ kind: 'layerNorm', rows: ROWS, width: 2, eps: 1, input: put(x), out, mean, rstd });
    const means = of(ROWS, (i) => (at(x, 2 * i) + at(x, 2 * i + 1)) / 2);
    const scales = of(ROWS, (i) => 1 / Math.sqrt(((at(x, 2 * i) - at(x, 2 * i + 1)) / 2) ** 2 + 1));
    const normal = of(ROWS * 2, (i) => (at(x, i) - at(means, i >> 1)) * at(scales, i >> 1));
    await expectRows(mean, means);
    await expectRows(rstd, scales);
    await expectRows(out, normal);
    const grad = noise(ROWS * 2, 3);
    const [gradInput, gradWeight, gradBias] = [room(ROWS * 2), room(2), room(2)];
    const operands = { grad: put(grad), input: put(x), mean: put(means), rstd: put(scales) };
    gpu().run({ kind: 'layerNormBackward', rows: ROWS, width: 2, ...operands, gradInput, gradWeight, gradBias });
    await expectRows(
      gradInput,
      of(ROWS * 2, (i) => {
        const average = (at(grad, i) + at(grad, i ^ 1)) / 2;
        const along = (at(grad, i) * at(normal, i) + at(grad, i ^ 1) * at(normal, i ^ 1)) / 2;
        return at(scales, i >> 1) * (at(grad, i) - average - at(normal, i) * along);
      }),
    );
    // Sums of 70,000 values below 1 in strips: the error of a sum of n terms in blocks is a few ulp of the sum of magnitudes.
    const total = of(2, (c) => of(ROWS, (i) => at(grad, 2 * i + c)).reduce((a, b) => a + b));
    await expectRows(gradBias, total, { atol: ROWS * 16 * U });
  });

  it('of gatherRows and gather', async () => {
    const indices = integers(ROWS, 100, 4);
    const table = noise(100, 5);
    const out = room(ROWS);
    const operands = { table: put(table), indices: put(indices, 'int32'), out };
    gpu().run({ kind: 'gatherRows', rows: ROWS, width: 1, tableRows: 100, ...operands });
    const expected = indices.map((i) => at(table, i));
    await expectRows(out, expected, { atol: 0 });
    const again = room(ROWS);
    const index = { ...put(indices, 'int32'), strides: [0, 1, 0] };
    const sizes = { name: 'gather', dim: 0, outer: 1, size: 100, inner: 1, count: ROWS };
    gpu().run({ kind: 'gather', ...sizes, table: put(table), index, out: again });
    await expectRows(again, expected, { atol: 0 });
  });

  it('of scatterAddRows and scatter', async () => {
    const order = of(ROWS, (i) => (i * 11) % ROWS);
    const values = noise(ROWS, 6);
    const expected = new Array<number>(ROWS).fill(0);
    order.forEach((to, i) => {
      expected[to] = at(values, i);
    });
    const out = room(ROWS);
    const indices = put(order, 'int32');
    const grad = put(values);
    gpu().run({ kind: 'scatterAddRows', rows: ROWS, width: 1, tableRows: ROWS, paddingIndex: -1, grad, indices, out });
    await expectRows(out, expected, { atol: 0 });

    const sizes = { name: 'scatter', dim: 0, outer: 1, size: ROWS, inner: 1, count: ROWS };
    const index = { ...indices, strides: [0, 1, 0] };
    const claimed = put(new Array<number>(ROWS).fill(0));
    gpu().run({ kind: 'scatter', ...sizes, add: false, table: claimed, index, values: grad });
    await expectRows(claimed, expected, { atol: 0 });

    const columns = { name: 'scatter', dim: 0, outer: ROWS, size: 2, inner: 1, count: 1 };
    const half = { ...put(integers(ROWS, 2, 7), 'int32'), strides: [1, 0, 0] };
    for (const add of [false, true]) {
      const table = put(new Array<number>(ROWS * 2).fill(0));
      gpu().run({ kind: 'scatter', ...columns, add, table, index: half, values: grad });
      const chosen = integers(ROWS, 2, 7);
      await expectRows(
        table,
        of(ROWS * 2, (i) => (at(chosen, i >> 1) === i % 2 ? at(values, i >> 1) : 0)),
        { atol: 0 },
      );
    }
  });

  it('of scan and sort', async () => {
    const out = room(ROWS * 2);
    gpu().run({ kind: 'scan', reverse: false, outer: ROWS, length: 2, inner: 1, terms: put(x), out });
    await expectRows(
      out,
      of(ROWS * 2, (i) => (i % 2 ? at(x, i - 1) + at(x, i) : at(x, i))),
    );
    const places = room(ROWS * 2, 'int32');
    gpu().run({ kind: 'sort', descending: false, rows: ROWS, length: 2, input: put(x), out: places });
    const isSwapped = (i: number) => at(x, i & ~1) > at(x, i | 1);
    await expectRows(
      places,
      of(ROWS * 2, (i) => (isSwapped(i) ? 1 - (i % 2) : i % 2)),
      { atol: 0 },
    );
  });

  it('of cross-entropy and its backward', async () => {
    const targets = put(integers(ROWS, 2, 8), 'int32');
    const chosen = integers(ROWS, 2, 8);
    const [losses, logSumExp] = [room(ROWS), room(ROWS)];
    const sizes = { rows: ROWS, classes: 2, ignoreIndex: -100 };
    gpu().run({ kind: 'crossEntropy', ...sizes, logits: put(x), targets, losses, logSumExp });
    await expectRows(
      losses,
      of(ROWS, (i) => -Math.log(at(softmaxes, 2 * i + at(chosen, i)))),
    );
    const sums = of(ROWS, (i) => Math.log(Math.exp(at(x, 2 * i)) + Math.exp(at(x, 2 * i + 1))));
    const out = room(ROWS * 2);
    const operands = {
      logits: put(x),
      targets,
      logSumExp: put(sums),
      gradRows: put(new Array<number>(ROWS).fill(1)),
      out,
    };
    gpu().run({ kind: 'crossEntropyBackward', ...sizes, ...operands });
    await expectRows(
      out,
      of(ROWS * 2, (i) => at(softmaxes, i) - Number(at(chosen, i >> 1) === i % 2)),
    );
  });

  it('of adam', async () => {
    const count = ROWS + 1; // Odd, so that an invocation has one parameter.
    const [param, grad] = [noise(count, 9), noise(count, 10)];
    const zero = new Array<number>(count).fill(0);
    const operands = { param: put(param), grad: put(grad), expAvg: put(zero), expAvgSq: put(zero) };
    const settings = { lr: 0.5, beta1: 0, beta2: 0, eps: 1, weightDecay: 0, biasCorrection1: 1, biasCorrection2: 1 };
    gpu().run({ kind: 'adam', count, decoupled: true, ...settings, ...operands });
    await expectRows(
      operands.param,
      of(count, (i) => at(param, i) - (0.5 * at(grad, i)) / (Math.abs(at(grad, i)) + 1)),
    );
  });

  it('of a step of SGD', async () => {
    const count = ROWS + 1; // Odd, so that an invocation has one parameter.
    const [param, grad] = [noise(count, 11), noise(count, 12)];
    const operands = { param: put(param), grad: put(grad) };
    gpu().run({ kind: 'descend', rule: 'sgd', count, lr: 0.5, weightDecay: 0, ...operands });
    await expectRows(
      operands.param,
      of(count, (i) => at(param, i) - 0.5 * at(grad, i)),
    );
  });
});

describe('memory past the binding limit', () => {
  it('is refused, and the limit named', async () => {
    const limits = { maxStorageBufferBindingSize: 4096 };
    const gpu = new Gpu(await WebGpuBackend.create({ allowSoftware: true, limits }));
    expect(() => gpu.backend.allocate(4100)).toThrow(DeviceError);
    expect(() => gpu.backend.allocate(4100)).toThrow(
      /a tensor of 4100 bytes .* at most 4096 bytes \(maxStorageBufferBindingSize\)/,
    );
    const values = Array.from({ length: 1024 }, (_, i) => i);
    const largest = gpu.put(values);
    expect(await gpu.get(largest, 1024), 'up to the limit it works').toEqual(values);
    expect(await gpu.get(gpu.put([1]), 1), 'and goes on').toEqual([1]);
    gpu.backend.destroy();
  });

  it('does not fail a scatter whose chunks would not fit', async () => {
    const limits = { maxStorageBufferBindingSize: 4096 };
    const gpu = new Gpu(await WebGpuBackend.create({ allowSoftware: true, limits }));
    const table = gpu.put(new Array<number>(512).fill(0));
    const places = integers(1024, 512, 1);
    const index = { ...gpu.put(places, 'int32'), strides: [0, 1, 0] };
    const sizes = { name: 'scatterAdd', dim: 0, outer: 1, size: 512, inner: 1, count: 1024 };
    gpu.run({ kind: 'scatter', ...sizes, add: true, table, index, values: gpu.put(new Array<number>(1024).fill(1)) });
    const expected = new Array<number>(512).fill(0);
    for (const to of places) expected[to] = (expected[to] ?? 0) + 1;
    expect(await gpu.get(table, 512)).toEqual(expected);
    gpu.backend.destroy();
  });
});
