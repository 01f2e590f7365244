// The kernels that work on rows, against float64: softmax, layer norm, cross-entropy, and their gradients.
import { describe, expect, it } from 'vitest';
import type { Dense } from '../../../packages/tensor/src/backend/requests.js';
import { eachTuning, type Gpu, integers, noise, U } from './gpu.js';

const widths = [1, 3, 5, 17, 63, 64, 65, 127, 128, 129, 1000];
const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: width > 0 ? values.length / width : 0 }, (_, r) => values.slice(r * width, (r + 1) * width));
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** One row of softmax in float64; masked entries count as -infinity, a row without keys gives zeros. */
function softmaxRow(row: readonly number[], keep: readonly boolean[], scale: number, log: boolean): number[] {
  const scaled = row.map((x, c) => (keep[c] ? Math.fround(scale) * x : -Infinity));
  if (!keep.includes(true)) return row.map(() => (log ? -Infinity : 0));
  const largest = Math.max(...scaled);
  const sum = total(scaled.map((x) => Math.exp(x - largest)));
  return scaled.map((x) => (log ? x - largest - Math.log(sum) : Math.exp(x - largest) / sum));
}

eachTuning('softmax', (gpu) => {
  /** `keep[row][column]` through a mask of its own strides. */
  async function check(
    values: readonly number[],
    shape: readonly number[],
    scale: number,
    log: boolean,
    mask?: { words: number[]; strides: number[]; offset?: number },
    offset = 0,
  ) {
    const width = shape.at(-1) ?? 1;
    const input = gpu().put(values, 'float32', offset);
    const out = gpu().room(values.length, 'float32', offset);
    const operand = mask && { ...gpu().put(mask.words, 'bool'), strides: mask.strides, offset: mask.offset ?? 0 };
    gpu().run({ kind: 'softmax', log, shape, scale, input, out, ...(operand && { mask: operand }) });
    const actual = rowsOf(await gpu().get(out, values.length), width);
    rowsOf(values, width).forEach((row, r) => {
      const keep = row.map((_, c) => {
        if (!mask) return true;
        let place = mask.offset ?? 0;
        let rest = r * width + c;
        for (let d = shape.length - 1; d >= 0; d--) {
          place += (rest % (shape[d] ?? 1)) * (mask.strides[d] ?? 0);
          rest = Math.floor(rest / (shape[d] ?? 1));
        }
        return mask.words[place] === 1;
      });
      const expected = softmaxRow(row, keep, scale, log);
      const spread = Math.max(...row.map(Math.abs)) * Math.abs(scale);
      // exp is good to 2 ulp of its argument's rounding (|x - largest| U), the sum to one rounding a term, the quotient to 2.5 ulp.
      const relative = (2 * spread + width + 8) * U;
      expect(actual[r], `row ${r}`).toBeClose(
        expected,
        log ? { atol: relative + 2 * U * spread, rtol: 2 * U } : { rtol: relative, atol: 2 ** -126 },
      );
    });
  }

  it.each(widths)('over rows of %i', async (width) => {
    for (const log of [false, true]) {
      await check(noise(7 * width, 1), [7, width], 1, log);
      await check(noise(5 * width, 2), [5, width], -3.5, log, undefined, 3);
    }
  });

  it('of one row, of many dims and of none', async () => {
    await check(noise(300, 3), [300], 1, false);
    await check(noise(2 * 3 * 5 * 7, 4), [2, 3, 5, 7], 0.5, false);
    gpu().run({ kind: 'softmax', log: false, shape: [0, 5], scale: 1, input: gpu().put([]), out: gpu().put([]) });
    gpu().run({ kind: 'softmax', log: false, shape: [5, 0], scale: 1, input: gpu().put([]), out: gpu().put([]) });
  });

  it('of large and of infinite entries', async () => {
    await check(
      noise(60, 5).map((x) => Math.fround(x * 1e4)),
      [3, 20],
      1,
      false,
    );
    await check(
      noise(60, 5).map((x) => Math.fround(x * 80)),
      [3, 20],
      1,
      true,
    );
    await check(noise(40, 6).with(3, -Infinity).with(25, -Infinity), [2, 20], 1, false);
    for (const log of [false, true]) {
      const out = gpu().room(12);
      // A row of -infinity and a row with NaN: NaN, as in IEEE; infinity beside numbers too.
      const rows = [-Infinity, -Infinity, -Infinity, 1, Number.NaN, 2, 1, Infinity, 2, 1, 2, 3];
      gpu().run({ kind: 'softmax', log, shape: [4, 3], scale: 1, input: gpu().put(rows), out });
      const [first, second, third, fourth] = rowsOf(await gpu().get(out, 12), 3);
      expect(first).toEqual([Number.NaN, Number.NaN, Number.NaN]);
      expect(second).toEqual([Number.NaN, Number.NaN, Number.NaN]);
      expect(third?.[1]).toBeNaN();
      expect(fourth).toBeClose(softmaxRow([1, 2, 3], [true, true, true], 1, log), { rtol: 16 * U });
    }
  });

  it('keeps the digits of small logarithms beside large entries', async () => {
    const row = noise(6, 12).map((x) => Math.fround(500 + 4 * x));
    const out = gpu().room(6);
    gpu().run({ kind: 'softmax', log: true, shape: [1, 6], scale: 1, input: gpu().put(row), out });
    const expected = softmaxRow(
      row,
      row.map(() => true),
      1,
      true,
    );
    // Differences of neighbours are exact: what is left are 8 roundings of numbers below 8.
    expect(await gpu().get(out, 6)).toBeClose(expected, { atol: 8 * 8 * U });
  });

  it.each([
    ['whole', [3, 2, 5, 9], [90, 45, 9, 1]],
    ['of keys', [3, 2, 5, 9], [9, 0, 0, 1]],
    ['of queries and keys', [3, 2, 9, 9], [0, 0, 9, 1]],
    ['of rows', [3, 2, 5, 9], [2, 1, 0, 0]],
    ['transposed', [6, 9], [1, 6]],
  ] as const)('masks with a mask %s', async (_, shape, strides) => {
    const count = shape.reduce((a: number, b: number) => a * b, 1);
    const words = integers(count + 1, 2, 7);
    for (const log of [false, true]) {
      await check(noise(count, 8), shape, 0.25, log, { words, strides: [...strides] });
      await check(noise(count, 8), shape, 0.25, log, { words, strides: [...strides], offset: 1 });
    }
  });

  it.each(widths)('gradient over rows of %i', async (width) => {
    for (const log of [false, true]) {
      const rows = 5;
      const [grad, x] = [noise(rows * width, 9), noise(rows * width, 10)];
      const y = rowsOf(x, width).flatMap((row) =>
        softmaxRow(
          row,
          row.map(() => true),
          1,
          log,
        ).map(Math.fround),
      );
      const out = gpu().room(rows * width, 'float32', 1);
      gpu().run({
        kind: 'softmaxBackward',
        log,
        rows,
        width,
        scale: 0.5,
        grad: gpu().put(grad, 'float32', 2),
        output: gpu().put(y, 'float32', 3),
        out,
      });
      const expected = rowsOf(grad, width).flatMap((g, r) => {
        const own = y.slice(r * width, (r + 1) * width);
        const sum = total(g.map((value, c) => (log ? value : value * (own[c] ?? 0))));
        return g.map((value, c) => 0.5 * (log ? value - Math.exp(own[c] ?? 0) * sum : (own[c] ?? 0) * (value - sum)));
      });
      // The sum has `width` terms below 1 in size; exp is good to 2 ulp.
      expect(await gpu().get(out, rows * width)).toBeClose(expected, { atol: (width + 16) * U });
    }
  });
});

eachTuning('layer norm', (gpu) => {
  const eps = 1e-5;

  interface Forward {
    readonly y: number[];
    readonly mean: number[];
    readonly rstd: number[];
  }

  function forward(x: readonly number[], width: number, weight?: readonly number[], bias?: readonly number[]): Forward {
    const means: number[] = [];
    const rstds: number[] = [];
    const y = rowsOf(x, width).flatMap((row) => {
      const mean = total(row) / width;
      const rstd = 1 / Math.sqrt(total(row.map((v) => (v - mean) ** 2)) / width + eps);
      means.push(mean);
      rstds.push(rstd);
      return row.map((v, c) => (v - mean) * rstd * (weight?.[c] ?? 1) + (bias?.[c] ?? 0));
    });
    return { y, mean: means, rstd: rstds };
  }

  it.each(widths)('over rows of %i', async (width) => {
    const rows = 7;
    const x = noise(rows * width, 1).map((v) => Math.fround(3 * v + 1));
    const [weight, bias] = [noise(width, 2), noise(width, 3)];
    for (const [w, b] of [
      [weight, bias],
      [weight, undefined],
      [undefined, bias],
      [undefined, undefined],
    ]) {
      const [out, mean, rstd] = [
        gpu().room(rows * width, 'float32', 1),
        gpu().room(rows, 'float32', 2),
        gpu().room(rows),
      ];
      gpu().run({
        kind: 'layerNorm',
        rows,
        width,
        eps,
        input: gpu().put(x, 'float32', 3),
        ...(w && { weight: gpu().put(w, 'float32', 1) }),
        ...(b && { bias: gpu().put(b, 'float32', 5) }),
        out,
        mean,
        rstd,
      });
      const expected = forward(x, width, w, b);
      // Sums of `width` terms up to 4 in size: a mean is off by at most width * 4 U; where all elements are equal (width 1) that
      // error is magnified by 1 / sqrt(eps) = 316.
      const relative = (width + 8) * U;
      const magnify = width === 1 ? 316 : 3;
      expect(await gpu().get(mean, rows)).toBeClose(expected.mean, { atol: 4 * relative });
      expect(await gpu().get(rstd, rows)).toBeClose(expected.rstd, { rtol: 4 * relative });
      expect(await gpu().get(out, rows * width)).toBeClose(expected.y, { atol: magnify * 4 * relative });
    }
  });

  it('keeps what a large mean leaves of the variance', async () => {
    const width = 64;
    const x = noise(width, 4).map((v) => Math.fround(v + 1000));
    const [out, mean, rstd] = [gpu().room(width), gpu().room(1), gpu().room(1)];
    gpu().run({ kind: 'layerNorm', rows: 1, width, eps, input: gpu().put(x), out, mean, rstd });
    const expected = forward(x, width);
    // The mean of numbers near 1000 is off by about 64 * 1000 * U = 4e-3 at worst; deviations are near 0.5.
    expect(await gpu().get(out, width)).toBeClose(expected.y, { atol: 8 * 64 * 1000 * U });
    // The variance suffers from the square of that error only.
    expect(await gpu().get(rstd, 1)).toBeClose(expected.rstd, { rtol: 1e-4 });
  });

  it.each([
    [5, 1],
    [1, 65],
    [7, 63],
    [64, 64],
    [129, 17],
    [1000, 5],
    [300, 128],
  ])('gradients of %i rows of %i', async (rows, width) => {
    const x = noise(rows * width, 5);
    const grad = noise(rows * width, 6);
    const weight = noise(width, 7);
    const { mean, rstd } = forward(x, width);
    for (const w of [weight, undefined]) {
      const operands = {
        grad: gpu().put(grad, 'float32', 1),
        input: gpu().put(x, 'float32', 2),
        mean: gpu().put(mean),
        rstd: gpu().put(rstd, 'float32', 3),
        ...(w && { weight: gpu().put(w, 'float32', 1) }),
      };
      const gradInput = gpu().room(rows * width, 'float32', 1);
      const gradWeight = gpu().room(width, 'float32', 2);
      const gradBias = gpu().room(width, 'float32', 3);
      gpu().run({ kind: 'layerNormBackward', rows, width, ...operands, gradInput, gradWeight, gradBias });
      const h = x.map((v, i) => (v - (mean[Math.floor(i / width)] ?? 0)) * (rstd[Math.floor(i / width)] ?? 0));
      const inputExpected = rowsOf(grad, width).flatMap((g, r) => {
        const u = g.map((v, c) => v * (w?.[c] ?? 1));
        const hr = h.slice(r * width, (r + 1) * width);
        const meanU = total(u) / width;
        const meanUH = total(u.map((v, c) => v * (hr[c] ?? 0))) / width;
        return u.map((v, c) => (rstd[r] ?? 0) * (v - meanU - (hr[c] ?? 0) * meanUH));
      });
      const column = (values: readonly number[], c: number) => total(rowsOf(values, width).map((row) => row[c] ?? 0));
      const largest = Math.max(...rstd);
      const deviation = Math.max(...h.map(Math.abs), 1);
      // Sums of `width` (rows) terms of at most `deviation`; rounding of (x - mean) is magnified by rstd.
      expect(await gpu().get(gradInput, rows * width)).toBeClose(inputExpected, {
        atol: largest * deviation ** 2 * (width + 16) * U,
      });
      const bound = { atol: (rows + 16) * deviation * rows * U };
      expect(await gpu().get(gradWeight, width)).toBeClose(
        Array.from({ length: width }, (_, c) =>
          column(
            grad.map((g, i) => g * (h[i] ?? 0)),
            c,
          ),
        ),
        bound,
      );
      expect(await gpu().get(gradBias, width)).toBeClose(
        Array.from({ length: width }, (_, c) => column(grad, c)),
        bound,
      );
    }
  });

  it('leaves out the gradients nobody asks for, and clears those of no rows', async () => {
    const operands = { grad: gpu().put([]), input: gpu().put([]), mean: gpu().put([]), rstd: gpu().put([]) };
    const gradWeight = gpu().room(3);
    gpu().run({ kind: 'layerNormBackward', rows: 0, width: 3, ...operands, gradWeight });
    expect(await gpu().get(gradWeight, 3)).toEqual([0, 0, 0]);
    gpu().run({ kind: 'layerNormBackward', rows: 0, width: 3, ...operands });
  });
});

eachTuning('cross-entropy', (gpu) => {
  async function check(
    rows: number,
    classes: number,
    logits: readonly number[],
    targets: readonly number[],
  ): Promise<void> {
    const ignoreIndex = -100;
    const [losses, logSumExp] = [gpu().room(rows, 'float32', 1), gpu().room(rows, 'float32', 2)];
    const operands = { logits: gpu().put(logits, 'float32', 3), targets: gpu().put(targets, 'int32', 1) };
    gpu().run({ kind: 'crossEntropy', rows, classes, ignoreIndex, ...operands, losses, logSumExp });
    const sums = rowsOf(logits, classes).map((row) => {
      const largest = Math.max(...row);
      return largest + Math.log(total(row.map((x) => Math.exp(x - largest))));
    });
    const size = Math.max(...logits.map(Math.abs));
    // A rounding a term of the sum, 2 ulp of exp, and the rounding of results of up to size + log(classes).
    const bound = { atol: (classes + 16 + 4 * (size + Math.log(classes + 1))) * U };
    expect(await gpu().get(logSumExp, rows)).toBeClose(sums, bound);
    const lossOf = (target: number, r: number) =>
      target === ignoreIndex ? 0 : (sums[r] ?? 0) - (logits[r * classes + target] ?? Number.NaN);
    expect(await gpu().get(losses, rows)).toBeClose(targets.map(lossOf), bound);

    const gradRows = noise(rows, 4);
    const out = gpu().room(rows * classes, 'float32', 1);
    gpu().run({
      kind: 'crossEntropyBackward',
      rows,
      classes,
      ignoreIndex,
      ...operands,
      logSumExp,
      gradRows: gpu().put(gradRows, 'float32', 1),
      out,
    });
    const expected = rowsOf(logits, classes).flatMap((row, r) =>
      row.map((x, c) =>
        targets[r] === ignoreIndex
          ? 0
          : (gradRows[r] ?? 0) * (Math.exp(x - (sums[r] ?? 0)) - (targets[r] === c ? 1 : 0)),
      ),
    );
    expect(await gpu().get(out, rows * classes)).toBeClose(expected, bound);
  }

  it.each([1, 2, 3, 17, 64, 129, 1000])('over %i classes', async (classes) => {
    await check(9, classes, noise(9 * classes, 1), integers(9, classes, 2));
    await check(
      3,
      classes,
      noise(3 * classes, 1).map((x) => Math.fround(50 * x)),
      [-100, 0, classes - 1],
    );
  });

  it('of no rows', async () => {
    const none = gpu().put([]);
    gpu().run({
      kind: 'crossEntropy',
      rows: 0,
      classes: 5,
      ignoreIndex: -100,
      logits: none,
      targets: { ...none, dtype: 'int32' },
      losses: gpu().put([]),
      logSumExp: gpu().put([]),
    });
    await gpu().backend.synchronize();
  });

  it('reports a target outside the classes, and shows it as NaN', async () => {
    const [losses, logSumExp] = [gpu().room(2), gpu().room(2)];
    const operands = { logits: gpu().put([1, 2, 3, 4]), targets: gpu().put([2, -1], 'int32') };
    gpu().run({ kind: 'crossEntropy', rows: 2, classes: 2, ignoreIndex: -100, ...operands, losses, logSumExp });
    await expect(gpu().get(losses, 2)).rejects.toThrow('crossEntropy: target 2 is out of bounds for 2 classes');
    expect(await gpu().get(losses, 2)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('rows past 65,535 workgroups', () => {
  eachTuning('softmax, layer norm and cross-entropy', (gpu) => {
    // Rows of 40 have 4 lanes at most: 64 rows a workgroup of a GPU's tuning, 16 of the software tuning.
    const rows = 65_535 * 64 + 10;

    async function last(machine: Gpu, operand: Dense, width: number): Promise<number[]> {
      return machine.get({ ...operand, offset: operand.offset + (rows - 1) * width }, width);
    }

    it('reach the last row', async () => {
      const machine = gpu();
      const x = { buffer: machine.backend.allocate(rows * 4), dtype: 'float32', offset: 0 } as const;
      machine.backend.write(x.buffer, (rows - 1) * 4, new Uint32Array(Float32Array.of(3).buffer));
      const out = { ...x, buffer: machine.backend.allocate(rows * 4) };
      const [mean, rstd] = [machine.backend.allocate(rows * 4), machine.backend.allocate(rows * 4)];
      machine.run({ kind: 'softmax', log: false, shape: [rows, 1], scale: 1, input: x, out });
      expect(await last(machine, out, 1)).toEqual([1]);
      machine.run({
        kind: 'layerNorm',
        rows,
        width: 1,
        eps: 1,
        input: x,
        out,
        mean: { ...x, buffer: mean },
        rstd: { ...x, buffer: rstd },
      });
      expect(await last(machine, { ...x, buffer: mean }, 1)).toEqual([3]);
      const targets = { buffer: machine.backend.allocate(rows * 4), dtype: 'int32', offset: 0 } as const;
      machine.backend.write(targets.buffer, 0, new Uint32Array(rows));
      machine.run({
        kind: 'crossEntropy',
        rows,
        classes: 1,
        ignoreIndex: -100,
        logits: x,
        targets,
        losses: out,
        logSumExp: { ...x, buffer: mean },
      });
      expect(await last(machine, out, 1)).toEqual([0]);
      expect(await last(machine, { ...x, buffer: mean }, 1)).toEqual([3]);
    });
  });
});
