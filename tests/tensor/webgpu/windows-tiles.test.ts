// Convolutions and their gradients in every tile: operands that are windows of a signal are read by functions of their own, which each tile calls in
// its way. Against sums in float64 over the same windows, in memory that is NaN where nobody wrote.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Windows } from '../../../packages/tensor/src/backend/requests.js';
import type { MatmulTile } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import { float16FromFloat32, float16ToFloat32 } from '../../../packages/tensor/src/half.js';
import { type Gpu, noise, U, useGpu } from './gpu.js';
import { COMPILING, isFollowed, keyOf, only, own, tiles } from './tiles.js';

interface Case {
  readonly of: Windows['of'];
  readonly items: number;
  readonly groups: number;
  /** Of a group: channels of the signal, and of the output. */
  readonly channels: number;
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
  readonly length: number;
  /** Whether rows have a bias each, and what follows. */
  readonly bias?: boolean;
  readonly offset?: number;
  readonly dtype?: 'float32' | 'float16';
}

async function check(gpu: Gpu, c: Case): Promise<void> {
  const {
    of,
    items,
    groups,
    channels,
    outputs,
    taps,
    stride,
    dilation,
    padding,
    length,
    offset = 0,
    dtype = 'float32',
  } = c;
  const count = Math.floor((length + 2 * padding - dilation * (taps - 1) - 1) / stride) + 1;
  if (count < 1) return;
  const of16 = (values: number[]) => Array.from(float16ToFloat32(float16FromFloat32(Float32Array.from(values))));
  const values = (size: number, seed: number) => (dtype === 'float16' ? of16(noise(size, seed)) : noise(size, seed));
  const signal = values(items * groups * channels * length, 1);
  const weight = values(groups * outputs * channels * taps, 2);
  const windows = values(items * groups * outputs * count, 3);
  const bias = values(groups * outputs, 4);
  const [x, w, y] = [signal, weight, windows].map((each) => gpu.put(each, dtype, offset));
  if (!x || !w || !y) throw new Error('there are three');

  const places = { output: items * groups * outputs * count, input: signal.length, weight: weight.length }[of];
  const sums = new Float64Array(places);
  const sizes = new Float64Array(places);
  const add = (at: number, a: number, b: number) => {
    sums[at] = (sums[at] ?? 0) + a * b;
    sizes[at] = (sizes[at] ?? 0) + Math.abs(a * b);
  };
  for (let item = 0; item < items; item++)
    for (let o = 0; o < groups * outputs; o++)
      for (let window = 0; window < count; window++) {
        const inY = (item * groups * outputs + o) * count + window;
        if (of === 'output' && c.bias) add(inY, bias[o] ?? 0, 1);
        for (let channel = 0; channel < channels; channel++)
          for (let tap = 0; tap < taps; tap++) {
            const place = window * stride + tap * dilation - padding;
            if (place < 0 || place >= length) continue;
            const inX = ((item * groups + Math.floor(o / outputs)) * channels + channel) * length + place;
            const inW = (o * channels + channel) * taps + tap;
            const [xs, ws, ys] = [signal[inX] ?? 0, weight[inW] ?? 0, windows[inY] ?? 0];
            if (of === 'output') add(inY, ws, xs);
            else if (of === 'input') add(inX, ws, ys);
            else add(inW, ys, xs);
          }
      }

  const width = channels * taps;
  const out = gpu.room(places + 5, dtype, offset);
  const common = { kind: 'matmul', alpha: 1, activation: 'none', out } as const;
  const shape = { of, taps, stride, dilation, padding, length, count, items: 1, itemStrides: [0, 0] } as const;
  const ofWeight = { ...w, rowStride: width, columnStride: 1, batchStrides: [0, outputs * width] };
  const ofSignal = {
    ...x,
    rowStride: length,
    columnStride: 1,
    batchStrides: [groups * channels * length, channels * length],
  };
  const ofWindows = {
    ...y,
    rowStride: count,
    columnStride: 1,
    batchStrides: [groups * outputs * count, outputs * count],
  };
  if (of === 'output')
    gpu.run({
      ...common,
      batch: [items, groups],
      m: outputs,
      n: count,
      k: width,
      a: ofWeight,
      b: ofSignal,
      ...(c.bias && { bias: gpu.put(bias, dtype, offset), biasRows: groups * outputs }),
      windows: shape,
    });
  else if (of === 'input')
    gpu.run({
      ...common,
      batch: [items, groups],
      m: channels,
      n: length,
      k: outputs * taps,
      a: { ...ofWeight, rowStride: taps, columnStride: width },
      b: ofWindows,
      windows: shape,
    });
  else
    gpu.run({
      ...common,
      batch: [groups],
      m: outputs,
      n: width,
      k: items * count,
      a: { ...ofWindows, batchStrides: [outputs * count] },
      b: { ...ofSignal, batchStrides: [channels * length] },
      windows: { ...shape, items, itemStrides: [groups * outputs * count, groups * channels * length] },
    });

  const actual = await gpu.get(out, places + 5);
  expect(actual.slice(-5), 'what lies behind the output').toEqual(new Array(5).fill(Number.NaN));
  const terms = { output: width + 1, input: outputs * taps, weight: items * count }[of];
  for (const [i, expected] of sums.entries()) {
    // Products and sums round once each; what is stored as float16 once more.
    const rounding = (terms + 1) * U * (sizes[i] ?? 0) + 2 ** -30;
    const allowed = dtype === 'float32' ? rounding : rounding + 2 ** -11 * Math.abs(expected) + 2 ** -24;
    const error = Math.abs((actual[i] ?? Number.NaN) - expected);
    if (!(error <= allowed)) expect.fail(`out[${i}] = ${actual[i]}, not ${expected}: ${error} off, allowed ${allowed}`);
  }
}

/** Sizes around the edges of tiles of a few rows and columns; vectors where `whole`. */
const cases = (of: Case['of'], whole: boolean): fc.Arbitrary<Case> =>
  fc.record({
    of: fc.constant(of),
    items: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 12 }).map((size) => (whole ? 4 * size : size)),
    outputs: fc.integer({ min: 1, max: 12 }).map((size) => (whole ? 4 * size : size)),
    taps: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: whole || of === 'input' ? 1 : 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.integer({ min: 0, max: 4 }),
    length: fc.integer({ min: 1, max: 40 }).map((size) => (whole ? 4 * size : size)),
    bias: fc.boolean(),
    offset: fc.constant(whole ? 0 : 1),
  });

const PRODUCTS = ['output', 'input', 'weight'] as const;

const isOwn = (tile: MatmulTile) => own.matmul.tiles.some((each) => keyOf(each) === keyOf(tile));
/** Of tiles made for other adapters one of each kind, the first: they call the same functions whatever their size. */
const firsts = new Set(new Map(tiles.toReversed().map((tile) => [`${tile.memory}${tile.stages ?? 1}`, tile])).values());

describe.each(tiles.filter((tile) => isOwn(tile) || firsts.has(tile)))('windows in %j', (tile) => {
  const before = process.env.COURSE_POISON;
  beforeAll(() => {
    process.env.COURSE_POISON = '1';
  });
  // Whatever may lie in vectors: windows never do.
  const { inVectors: _, ...any } = tile;
  const gpu = useGpu(only(any));
  const sliced = useGpu(only(any, 64));
  afterAll(() => {
    if (before === undefined) delete process.env.COURSE_POISON;
    else process.env.COURSE_POISON = before;
  });

  // Lanes split what lies along k, and so do windows in the gradient of the weight alone.
  const possible = PRODUCTS.filter((of) => of === 'weight' || tile.memory !== 'lanes');

  it.each(possible)(
    'are the right operand of %s',
    async (of) => {
      if (!isFollowed(gpu())) return;
      await fc.assert(
        fc.asyncProperty(
          fc.boolean().chain((whole) => cases(of, whole)),
          (c) => check(gpu(), c),
        ),
        { numRuns: 4, seed: 17, endOnFailure: true },
      );
    },
    COMPILING,
  );

  it(
    'are summed over in slices',
    async () => {
      if (!isFollowed(sliced())) return;
      const size = { groups: 1, channels: 4, outputs: 8, taps: 3, stride: 1, dilation: 1, padding: 1, items: 3 };
      await check(sliced(), { ...size, of: 'weight', length: 400 });
    },
    COMPILING,
  );

  it(
    'may hold float16, where the adapter has it',
    async ({ skip }) => {
      if (!gpu().backend.supports('float16')) skip('the adapter has no shader-f16');
      for (const of of possible)
        await fc.assert(
          fc.asyncProperty(cases(of, true), (c) => check(gpu(), { ...c, dtype: 'float16' })),
          { numRuns: 3, seed: 19, endOnFailure: true },
        );
    },
    COMPILING,
  );
});

describe('many windows', () => {
  const gpu = useGpu();
  it('and channels are summed over in slices, with a bias behind', async () => {
    const size = { items: 2, groups: 2, outputs: 8, taps: 3, stride: 1, dilation: 1, padding: 1, bias: true };
    await check(gpu(), { ...size, of: 'output', length: 8, channels: 700 });
  });

  it(
    'are counted past what float32 divides exactly',
    async () => {
      const size = { groups: 1, channels: 1, outputs: 1, taps: 3, stride: 1, dilation: 1, padding: 1 };
      await check(gpu(), { ...size, of: 'weight', items: 5, length: 500_001 });
      await check(gpu(), { ...size, of: 'output', items: 1, length: 3, channels: 2 ** 20, taps: 2 });
    },
    COMPILING,
  );
});
