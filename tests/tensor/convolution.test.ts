// conv1d against its definition, computed place by place in float64 here: output and all gradients, over random sizes, strides, paddings,
// dilations and groups; what it takes in kernels where the device reads windows itself; and that replays and float16 do the same.
import {
  capture,
  conv1d,
  countFlops,
  DeviceError,
  device,
  explain,
  gradgradcheck,
  manualSeed,
  memory,
  noGrad,
  profile,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import fc from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

interface Case {
  readonly batch: number;
  readonly groups: number;
  readonly inEach: number;
  readonly outEach: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
  /** Places beyond those that one window takes. */
  readonly more: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  groups: fc.integer({ min: 1, max: 3 }),
  inEach: fc.integer({ min: 1, max: 5 }),
  outEach: fc.integer({ min: 1, max: 5 }),
  taps: fc.integer({ min: 1, max: 5 }),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.integer({ min: 1, max: 4 }),
  padding: fc.integer({ min: 0, max: 5 }),
  more: fc.integer({ min: 0, max: 20 }),
});

/** Half a unit in the last place of 1: the relative error of one rounding. */
const U = { float32: 2 ** -24, float16: 2 ** -11 };

const numbers = async (x: Tensor): Promise<number[]> => Array.from((await x.to('float32').data()) as Float32Array);

/** Sums of products, and of their sizes, which bound what rounding does to them. */
class Sums {
  readonly values: Float64Array;
  readonly sizes: Float64Array;

  constructor(length: number) {
    this.values = new Float64Array(length);
    this.sizes = new Float64Array(length);
  }

  add(place: number, x: number): void {
    this.values[place] = (this.values[place] ?? 0) + x;
    this.sizes[place] = (this.sizes[place] ?? 0) + Math.abs(x);
  }

  /**
   * Of `terms` products each, or fewer: every one and every sum rounds once in float32. What is stored rounds once more, in the dtype, and
   * so do partial sums where windows are copied.
   */
  expect(name: string, actual: readonly number[], terms: number, dtype: 'float32' | 'float16'): void {
    expect(actual.length, name).toBe(this.values.length);
    for (const [i, expected] of this.values.entries()) {
      const size = this.sizes[i] ?? 0;
      const allowed = (terms + 2) * U.float32 * size + 3 * U[dtype] * size + 2 ** -24;
      const error = Math.abs((actual[i] ?? Number.NaN) - expected);
      if (!(error <= allowed)) expect.fail(`${name}[${i}] is ${actual[i]}, not ${expected}: ${error} > ${allowed}`);
    }
  }
}

/** Checks the output and the gradients of signal, weight and bias. */
async function check(c: Case, dtype: 'float32' | 'float16' = 'float32'): Promise<void> {
  const { batch, groups, inEach, outEach, taps, stride, dilation, padding } = c;
  const reach = dilation * (taps - 1) + 1;
  const length = Math.max(1, reach - 2 * padding) + c.more;
  const count = Math.floor((length + 2 * padding - reach) / stride) + 1;
  const [channels, outChannels] = [groups * inEach, groups * outEach];
  const leaf = (shape: readonly number[]) => randn(shape).to(dtype).detach().requiresGrad_();
  const [x, w, b] = [leaf([batch, channels, length]), leaf([outChannels, inEach, taps]), leaf([outChannels])];
  const upstream = randn([batch, outChannels, count]).to(dtype);
  const y = conv1d(x, w, b, { stride, dilation, padding, groups });
  expect(y.shape).toEqual([batch, outChannels, count]);
  y.backward({ gradient: upstream });

  const [xs, ws, bs, gs] = [await numbers(x), await numbers(w), await numbers(b), await numbers(upstream)];
  const [output, ofSignal, ofWeight, ofBias] = [y, x, w, b].map((each) => new Sums(each.numel())) as [
    Sums,
    Sums,
    Sums,
    Sums,
  ];
  for (let item = 0; item < batch; item++)
    for (let o = 0; o < outChannels; o++)
      for (let window = 0; window < count; window++) {
        const at = (item * outChannels + o) * count + window;
        const grad = gs[at] ?? 0;
        output.add(at, bs[o] ?? 0);
        ofBias.add(o, grad);
        for (let c0 = 0; c0 < inEach; c0++)
          for (let tap = 0; tap < taps; tap++) {
            const place = window * stride + tap * dilation - padding;
            if (place < 0 || place >= length) continue;
            const inX = (item * channels + Math.floor(o / outEach) * inEach + c0) * length + place;
            const inW = (o * inEach + c0) * taps + tap;
            output.add(at, (xs[inX] ?? 0) * (ws[inW] ?? 0));
            ofSignal.add(inX, grad * (ws[inW] ?? 0));
            ofWeight.add(inW, grad * (xs[inX] ?? 0));
          }
      }
  output.expect('output', await numbers(y), inEach * taps + 1, dtype);
  ofSignal.expect('gradient of the signal', await numbers(x.grad as Tensor), outEach * taps, dtype);
  ofWeight.expect('gradient of the weight', await numbers(w.grad as Tensor), batch * count, dtype);
  ofBias.expect('gradient of the bias', await numbers(b.grad as Tensor), batch * count, dtype);
}

onEachDevice('conv1d', (kind) => {
  beforeEach(() => {
    manualSeed(11);
  });

  it('and its gradients are what the definition says', async () => {
    await fc.assert(
      fc.asyncProperty(cases, (c) => check(c)),
      { numRuns: 60, seed: 3 },
    );
  });

  it.each([
    ['many channels, of no round number', { batch: 2, groups: 1, inEach: 37, outEach: 45, taps: 3, stride: 1 }],
    ['whole vectors of everything', { batch: 2, groups: 1, inEach: 32, outEach: 64, taps: 4, stride: 1 }],
    ['a long signal of one channel', { batch: 3, groups: 1, inEach: 1, outEach: 6, taps: 7, stride: 1, more: 3000 }],
    ['a wide stride', { batch: 2, groups: 1, inEach: 9, outEach: 20, taps: 10, stride: 5, more: 300 }],
    ['a channel a group', { batch: 2, groups: 24, inEach: 1, outEach: 1, taps: 3, stride: 1 }],
    [
      'a stride that the dilation shares a divisor with',
      { batch: 2, groups: 1, inEach: 3, outEach: 4, taps: 3, stride: 2, dilation: 4 },
    ],
    [
      'windows that lie in the border',
      { batch: 1, groups: 1, inEach: 2, outEach: 2, taps: 2, stride: 1, padding: 9, more: 0 },
    ],
  ])('has the right sums for %s', async (_, c) => {
    await check({ dilation: 1, padding: 1, more: 61, ...c });
  });

  it('takes signals without a batch, views, and kernels as long as the signal', async () => {
    const [x, w] = [randn([2, 3, 9]), randn([4, 3, 3])];
    const whole = conv1d(x, w, null, { padding: 'same' });
    expect(await conv1d(x.select(0, 1), w, null, { padding: 'same' }).toArray()).toEqual(
      await whole.select(0, 1).toArray(),
    );
    const turned = x.transpose(1, 2).contiguous().transpose(1, 2);
    expect(await conv1d(turned, w.flip([0]).flip([0]), null, { padding: 'same' }).toArray()).toEqual(
      await whole.toArray(),
    );
    const part = conv1d(x.slice(':', ':', [2, 7]), w);
    expect(await numbers(part)).toBeClose(await numbers(conv1d(x, w).slice(':', ':', [2, 5])), {
      atol: 200 * U.float32,
    });
    expect(conv1d(x, randn([4, 3, 9])).shape).toEqual([2, 4, 1]);
  });

  it('has sizes of zero', async () => {
    const x = zeros([0, 2, 5], { requiresGrad: true });
    const w = randn([3, 2, 2], { requiresGrad: true });
    const y = conv1d(x, w, zeros([3]));
    expect(y.shape).toEqual([0, 3, 4]);
    y.sum().backward();
    expect(x.grad?.shape).toEqual([0, 2, 5]);
    expect(await numbers(w.grad as unknown as Tensor)).toEqual(new Array(12).fill(0));
    expect(conv1d(zeros([2, 0, 5]), zeros([0, 0, 2])).shape).toEqual([2, 0, 4]);
  });

  it('refuses borders that make more places than 32 bits count, and reads those that they do', async () => {
    const [x, w] = [tensor([[[1, 2, 3, 4, 5]]]), tensor([[[10, 1]]])];
    // Counted modulo 2 ** 32, the first window would be the signal's.
    expect(() => conv1d(x, w, null, { padding: 2 ** 32, stride: 2 ** 31 }).compute()).toThrow(DeviceError);
    expect(await conv1d(x, w, null, { padding: 10_000, stride: 10_000 }).toArray()).toEqual([[[0, 12, 0]]]);
    expect(await conv1d(x, w, null, { padding: 3, dilation: 10 }).toArray()).toEqual([[[0]]]);
  });

  it('has gradients of gradients', async () => {
    const tolerances = { atol: kind === 'cpu' ? 4e-3 : 2e-2, rtol: 1e-2 };
    const [x, w] = [randn([2, 1, 4], { requiresGrad: true }), randn([2, 1, 2], { requiresGrad: true })];
    await gradgradcheck((s, k) => conv1d(s, k, null, { padding: 1, dilation: 2 }), [x, w], tolerances);
    const [x2, w2] = [randn([1, 2, 6], { requiresGrad: true }), randn([2, 1, 3], { requiresGrad: true })];
    await gradgradcheck((s, k) => conv1d(s, k, null, { stride: 2, groups: 2, padding: 1 }), [x2, w2], tolerances);
  });

  it('keeps infinity and NaN to the windows that have them', async () => {
    const x = tensor([[[1, Number.POSITIVE_INFINITY, 2, 3, Number.NaN, 4, 5, 6, 7]]]);
    const y = await conv1d(x, tensor([[[1, 2]]]), null, { padding: 1, stride: 2 }).toArray();
    expect(y).toEqual([[[2, Number.POSITIVE_INFINITY, Number.NaN, 14, 20]]]);
  });

  it('replays as it computed', async () => {
    const [w, b] = [randn([6, 4, 3], { requiresGrad: true }), randn([6], { requiresGrad: true })];
    const step = (x: Tensor): Tensor => {
      const loss = conv1d(x, w, b, { padding: 1 }).relu().square().mean();
      loss.backward();
      return loss.detach();
    };
    const [captured, xs] = [capture(step), Array.from({ length: 4 }, () => randn([2, 4, 10]))];
    for (const x of xs) {
      w.grad = null;
      b.grad = null;
      const eager = [
        await step(x).item(),
        await numbers(w.grad as unknown as Tensor),
        await numbers(b.grad as unknown as Tensor),
      ];
      w.grad = null;
      b.grad = null;
      const replayed = [
        await captured(x).item(),
        await numbers(w.grad as unknown as Tensor),
        await numbers(b.grad as unknown as Tensor),
      ];
      expect(replayed).toEqual(eager);
    }
  });

  it('counts its multiply-adds', async () => {
    const [x, w] = [randn([2, 4, 12]), randn([6, 2, 3])];
    const run = () => conv1d(x, w, null, { groups: 2, padding: 1 }).compute();
    const flop = 2 * (2 * 6 * 12) * (2 * 3);
    expect(
      countFlops((count) => {
        run();
        return count();
      }),
    ).toBe(flop);
    const { kernels } = await profile(run);
    expect(kernels.reduce((sum, each) => sum + (each.flop ?? 0), 0)).toBe(flop);
  });

  it.runIf(kind === 'webgpu')('is one kernel, with its bias and what follows', async () => {
    const count = (fn: () => Tensor): number => {
      const before = memory().device.dispatches;
      fn().compute();
      return memory().device.dispatches - before;
    };
    const [x, w, b] = [randn([2, 4, 12]), randn([6, 4, 3]), randn([6])];
    const forward = () => conv1d(x, w, b, { padding: 1 });
    expect(count(forward)).toBe(1);
    expect(count(() => forward().relu())).toBe(1);
    expect(
      count(() =>
        forward()
          .gelu()
          .add(randn([2, 6, 12])),
      ),
    ).toBeLessThanOrEqual(2);
    expect(explain(forward())).toContain('matrix product [2, 6, 12] @ [2, 12, 12] of windows + bias');
    for (const options of [{ padding: 1 }, { padding: 1, groups: 2 }]) {
      const kernels = randn([6, 4 / (options.groups ?? 1), 3], { requiresGrad: true });
      const leaf = randn([2, 4, 12], { requiresGrad: true });
      const y = conv1d(leaf, kernels, null, options);
      y.compute();
      const upstream = randn(y.shape);
      upstream.compute();
      expect(
        count(() => {
          y.backward({ gradient: upstream });
          leaf.grad?.compute();
          return kernels.grad as Tensor;
        }),
      ).toBe(2);
    }
    // The gradient of the bias is summed along the windows, then over the batch.
    const upstream = randn([2, 6, 12]);
    upstream.compute();
    expect(count(() => upstream.sum([0, 2]))).toBe(2);
    expect(count(() => upstream.narrow(0, 0, 1).narrow(2, 0, 1).contiguous().sum([0, 2]))).toBeLessThanOrEqual(2);
  });

  it.runIf(kind === 'webgpu')('computes of halves, where the adapter has them', async ({ skip }) => {
    if (!device.info().features.includes('shader-f16')) skip('the adapter has no shader-f16');
    await fc.assert(
      fc.asyncProperty(cases, (c) => check(c, 'float16')),
      { numRuns: 20, seed: 5 },
    );
    await check(
      { batch: 2, groups: 1, inEach: 32, outEach: 64, taps: 3, stride: 1, dilation: 1, padding: 1, more: 61 },
      'float16',
    );
    const [x, w] = noGrad(() => [randn([1, 2, 9]).to('float16'), randn([3, 2, 2]).to('float16')] as const);
    expect(conv1d(x, w).dtype).toBe('float16');
  });
});
