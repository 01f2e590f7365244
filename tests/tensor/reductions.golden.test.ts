// Running totals, norms, products and orders against PyTorch (tests/goldens/reductions.json), on each device; and how errors of
// sums grow with their length.
import { type DeviceKind, grad, gradcheck, gradgradcheck, numel, tensor, zeros } from '@course/tensor';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOptions } from '../support/golden-files.js';
import { numberOption, numbersOption, type OpCase } from '../support/golden-op.js';
import { ofOne, walkGoldens } from '../support/golden-walk.js';

const dimOf = ({ dim }: GoldenOptions): number => numberOption(dim);
const keepDim = (args: GoldenOptions) => ({ keepDim: args.keepDim === true });

function dimsOf({ dim }: GoldenOptions): number | number[] | null {
  if (dim === undefined) return null;
  return Array.isArray(dim) ? numbersOption(dim) : numberOption(dim);
}

/** Powers are exp2(b * log2(a)) in WGSL, |b log2(a)| at most 8 here; roots good to 4 ulp, divisions to 2.5. */
const POWER = 64 * 2 ** -23;
const ARITHMETIC = 8 * 2 ** -23;
/**
 * A running sum in strips of 128 at most, on two levels: 256 roundings at most, each half an ulp of a partial sum; of the
 * three thousand uniform ones the typical error is the square root of that.
 */
const STRIPS = 256 * 2 ** -24;

function slackOf({ op }: OpCase, device: DeviceKind): number {
  if (device === 'cpu') return 0;
  if (op === 'norm') return POWER;
  return op === 'cumsum' || op === 'cumprod' ? STRIPS : ARITHMETIC;
}

walkGoldens(
  'reductions',
  {
    cumsum: ofOne((x, args) => x.cumsum(dimOf(args))),
    cumprod: ofOne((x, args) => x.cumprod(dimOf(args))),
    prod: ofOne((x, args) => x.prod(dimsOf(args), keepDim(args))),
    norm: ofOne((x, args) => x.norm(dimsOf(args), { ...keepDim(args), p: numberOption(args.p) })),
    argmin: ofOne((x, { dim }) => x.argmin(dim === undefined ? null : numberOption(dim))),
    any: ofOne((x, args) => x.any(dimsOf(args))),
    all: ofOne((x, args) => x.all(dimsOf(args))),
    countNonzero: ofOne((x, args) => x.countNonzero(dimsOf(args))),
    var: ofOne((x, args) => x.var(dimsOf(args))),
    std: ofOne((x, args) => x.std(dimsOf(args))),
    sort: ofOne((x, args) => {
      const { values, indices } = x.sort(dimOf(args), { descending: args.descending === true });
      return [values, indices];
    }),
    argsort: ofOne((x, args) => x.argsort(dimOf(args), { descending: args.descending === true })),
    topk: ofOne((x, args) => {
      const { values, indices } = x.topk(numberOption(args.k), dimOf(args), { largest: args.largest === true });
      return [values, indices];
    }),
    median: ofOne((x, args) => {
      if (args.dim === undefined) return x.median();
      const { values, indices } = x.median(dimOf(args), keepDim(args));
      return [values, indices];
    }),
  },
  (each, device) => ({
    exact: ['sort', 'argsort', 'topk', 'median'].includes(each.op),
    slack: slackOf(each, device),
  }),
);

onEachDevice('reductions over any dims', () => {
  it('go over the same elements as a loop', async () => {
    const shapes = fc.array(fc.constantFrom(1, 1, 2, 3, 5), { minLength: 1, maxLength: 5 });
    const cases = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        dims: fc.subarray(
          shape.map((_, d) => d),
          { minLength: 1 },
        ),
        order: fc.shuffledSubarray(
          shape.map((_, d) => d),
          { minLength: shape.length },
        ),
        keepDim: fc.boolean(),
      }),
    );
    const check = async (c: { shape: number[]; dims: number[]; order: number[]; keepDim: boolean }) => {
      const { shape, dims, order, keepDim } = c;
      // Small whole numbers, whose sums are exact in any order.
      const values = Array.from({ length: numel(shape) }, (_, i) => ((i * 7) % 11) - 4);
      const result = shape.map((size, d) => (dims.includes(d) ? 1 : size));
      const [sums, highest] = [new Array<number>(numel(result)).fill(0), new Array<number>(numel(result)).fill(-9)];
      for (const [i, value] of values.entries()) {
        let [at, rest, step] = [0, i, 1];
        for (let d = shape.length - 1; d >= 0; d--) {
          const [size = 1, left = 1] = [shape[d], result[d]];
          at += ((rest % size) % left) * step;
          rest = Math.floor(rest / size);
          step *= left;
        }
        sums[at] = (sums[at] ?? 0) + value;
        highest[at] = Math.max(highest[at] ?? -9, value);
      }
      // The same tensor, as it lies and as a view of one that lies in another order.
      const inOrder = tensor(values).view(shape);
      const back = order.map((_, d) => order.indexOf(d));
      for (const x of [inOrder, inOrder.permute(order).contiguous().permute(back)]) {
        const sum = x.sum(dims, { keepDim });
        expect(sum.shape).toEqual(keepDim ? result : shape.filter((_, d) => !dims.includes(d)));
        expect(Array.from(await sum.data())).toEqual(sums);
        expect(Array.from(await x.amax(dims).data())).toEqual(highest);
        const mean = x.mean(dims);
        const count = values.length / sums.length;
        // One factor, rounded, and one product.
        expect(await mean.data()).toBeClose(
          sums.map((each) => each / count),
          { rtol: 2 ** -22 },
        );
      }
    };
    await fc.assert(fc.asyncProperty(cases, check), { numRuns: 60, seed: 23 });
  });
});

/** The distance between neighbouring float32 numbers at x. */
const ulp = (x: number): number => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23);

onEachDevice('long reductions', (device) => {
  const count = 10_000_000;
  const values = new Float32Array(count);
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = state * 2 ** -32;
  }
  // Float64 sums of 24-bit numbers below 2^24: exact to far less than an ulp of float32.
  let exact = 0;
  let squares = 0;
  for (const value of values) {
    exact += value;
    squares += value * value;
  }
  // Errors grow like the logarithm of the length: half an ulp a level of a binary tree.
  const bound = Math.log2(count) / 2;

  it('keeps the error of a sum of ten million elements within log2(n) / 2 ulp', async () => {
    const x = tensor(values);
    expect(Math.abs((await x.sum().item()) - exact) / ulp(exact)).toBeLessThan(bound);
    expect(Math.abs((await x.mean().item()) - exact / count) / ulp(exact / count)).toBeLessThan(bound + 1);
    expect(Math.abs((await x.norm().item()) - Math.sqrt(squares)) / ulp(Math.sqrt(squares))).toBeLessThan(bound);
    // The same elements as columns and as rows: other kernels, the same bound.
    const columns = await x
      .view([count / 4, 4])
      .sum(0)
      .data();
    const rows = await x
      .view([4, count / 4])
      .sum(1)
      .data();
    const total = (parts: ArrayLike<number>) => Array.from(parts).reduce((a, b) => a + b, 0);
    expect(Math.abs(total(columns) - exact) / ulp(exact)).toBeLessThan(bound);
    expect(Math.abs(total(rows) - exact) / ulp(exact)).toBeLessThan(bound);
  });

  it('keeps the error of running sums as small', async () => {
    const sums = await tensor(values).cumsum(0).data();
    let running = 0;
    let worst = 0;
    for (let i = 0; i < count; i++) {
      running += values[i] ?? 0;
      worst = Math.max(worst, Math.abs((sums[i] ?? 0) - running) / ulp(running));
    }
    // One rounding on the CPU, which carries doubles; strips of 128 on four levels on a GPU: 2 √128 ulp a level, typically far less.
    expect(worst).toBeLessThan(device === 'cpu' ? 1 : 4 * 2 * Math.sqrt(128));
  });

  it('sorts, scans and places more rows than one dimension of a dispatch has workgroups', async () => {
    const rows = 2_100_001;
    const x = tensor(values.subarray(0, 2 * rows), { shape: [rows, 2] });
    const { values: sorted } = x.sort(1);
    const small = x.amin(1);
    expect(await sorted.select(1, 0).sub(small).abs().amax().item()).toBe(0);
    expect(await x.cumsum(1).select(1, 0).sub(x.select(1, 0)).abs().amax().item()).toBe(0);
  });
});

onEachDevice('derivatives of running totals', (device) => {
  const tolerances = { atol: device === 'cpu' ? 4e-3 : 2e-2, rtol: 1e-2 };
  it('exist to the second order, and at zeros', async () => {
    const x = tensor(
      [
        [0.7, 0, 1.3],
        [0.5, -1.1, 0.9],
      ],
      { requiresGrad: true },
    );
    await gradcheck((a) => a.cumprod(1), [x], tolerances);
    await gradgradcheck((a) => a.cumprod(1), [x], tolerances);
    await gradcheck((a) => a.prod(1), [x], tolerances);
    await gradgradcheck((a) => a.prod(0), [x], tolerances);
    await gradgradcheck((a) => a.cumsum(0), [x], tolerances);
  });

  it('of a norm are 0 at 0', async () => {
    const x = zeros([3], { requiresGrad: true });
    for (const p of [1, 1.5, 2, 3]) {
      const [dx] = grad(x.norm(null, { p }), [x]);
      expect(await dx.toArray()).toEqual([0, 0, 0]);
    }
  });
});

onEachDevice('order', () => {
  it('explains what does not fit', () => {
    expect(() => zeros([3]).topk(4)).toThrow('topk: selected index k out of range: 4 of 3 elements');
    expect(() => zeros([0]).median(0)).toThrow('median: Expected reduction dim 0 to have non-zero size');
    expect(() => zeros([3]).sort(1)).toThrow('sort: Dimension out of range');
    expect(() => zeros([3]).cumsum(1)).toThrow('cumsum: Dimension out of range');
  });
});
