// float16 on WebGPU, where the adapter has it (COURSE_ADAPTER=lavapipe): every kind of kernel over 16-bit storage, beside the same
// program in float32 on the CPU from the same rounded inputs. Sums are float32 and each op rounds once, so a value is off by half a unit in
// the last place (2^-11 of it) for every op it passes through, and below 2^-14, where the spacing of halves stops shrinking, by 2^-25.
import {
  cat,
  crossEntropy,
  DTypeError,
  device,
  embedding,
  init,
  layerNorm,
  manualSeed,
  memory,
  randn,
  rmsNorm,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import * as safetensors from '@course/tensor/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../support/devices.js';

const onWebGpu = devices.includes('webgpu');
if (onWebGpu) await init({ device: 'webgpu' });
const has = onWebGpu && device.info().features.includes('shader-f16');

const HALF = 2 ** -11;
/** Roundings to float16 on the way of an element. */
const roundings = (count: number) => ({ rtol: count * HALF, atol: count * 2 ** -25 });

/** Halves between -2 and 2 on the host, all of them of few digits. */
function halves(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 21) - 1024) / 512;
  });
}

describe.runIf(has)('float16', () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' });
  });

  it('keeps its values, in two bytes each', async () => {
    const before = memory().bytes;
    const x = tensor([1, -2.5, 65504, 2 ** -24, 0.1], { dtype: 'float16' });
    expect(x.dtype).toBe('float16');
    expect(memory().bytes - before, 'five halves, and one to fill the word').toBe(12);
    expect(await x.toArray()).toEqual([1, -2.5, 65504, 2 ** -24, 0.0999755859375]);
    expect(await x.narrow(0, 1, 3).toArray(), 'from the middle of a word').toEqual([-2.5, 65504, 2 ** -24]);
    expect(await tensor([Number.NaN, Infinity, -Infinity, 1e6], { dtype: 'float16' }).toArray()).toEqual([
      Number.NaN,
      Infinity,
      -Infinity,
      Infinity,
    ]);
    expect(String(await zeros([2], { dtype: 'float16' }).format())).toContain('dtype=float16');
  });

  it('casts to and from, rounding to the nearest, and promotes as PyTorch', async () => {
    const x = tensor([1 + 2 ** -11, 1 + 3 * 2 ** -11, 3.7, -3.7]);
    const half = x.to('float16');
    expect(await half.toArray()).toEqual([1, 1 + 2 ** -9, 3.69921875, -3.69921875]);
    expect(await half.to('int32').toArray()).toEqual([1, 1, 3, -3]);
    expect(await half.to('bool').toArray()).toEqual([true, true, true, true]);
    expect(await x.to('float16').to('float32').toArray(), 'in one kernel too').toEqual(await half.toArray());
    expect(half.add(1).dtype).toBe('float16');
    expect(half.mul(0.5).dtype).toBe('float16');
    expect(half.add(x).dtype).toBe('float32');
    expect(half.add(tensor([1, 2, 3, 4], { dtype: 'int32' })).dtype).toBe('float16');
    expect(half.gt(0).dtype).toBe('bool');
    expect(await tensor([0.1], { dtype: 'float16' }).eq(0.1).item(), 'a number is rounded to be compared').toBe(1);
  });

  it('rounds after every op, fused or not', async () => {
    const x = tensor(halves(37, 1), { dtype: 'float16' });
    const fused = await x.mul(0.3).add(1).mul(x).sub(0.7).data();
    let value = x.mul(0.3);
    await value.data();
    value = value.add(1);
    await value.data();
    value = value.mul(x);
    await value.data();
    expect(fused).toEqual(await value.sub(0.7).data());
    // 2048 + 1 is 2048 in halves, so that the sum depends on where it is rounded.
    expect(await tensor([2048], { dtype: 'float16' }).add(1).add(1).item()).toBe(2048);
  });

  /** Leaves with the values of [length, seed], and what is made of them. */
  type Program = (...leaves: Tensor[]) => Tensor;
  const programs: [string, number[][], Program, number][] = [
    ['pointwise, odd length', [[37]], (x) => x!.gelu(), 1],
    ['pointwise, transposed and broadcast', [[6, 5], [6]], (x, y) => x!.T.add(y!), 1],
    [
      'pointwise, in vectors',
      [
        [8, 16],
        [8, 16],
      ],
      (x, y) => x!.mul(y!),
      1,
    ],
    [
      'matmul',
      [
        [17, 33],
        [33, 9],
      ],
      (x, y) => x!.matmul(y!),
      1,
    ],
    [
      'matmul in vectors, in a batch',
      [
        [3, 32, 64],
        [3, 64, 32],
      ],
      (x, y) => x!.matmul(y!),
      1,
    ],
    [
      'matmul, transposed',
      [
        [64, 32],
        [48, 64],
      ],
      (x, y) => x!.T.matmul(y!.T),
      1,
    ],
    ['linear', [[16, 24], [8, 24], [8]], (x, w, b) => x!.linear(w!, b!), 1],
    [
      'attention under a mask',
      [
        [2, 3, 20, 16],
        [2, 3, 33, 16],
        [2, 3, 33, 12],
        [20, 33],
      ],
      (q, k, v, mask) => scaledDotProductAttention(q!, k!, v!, { mask: mask!.detach() }).add(mask!.sum().mul(0)),
      2,
    ],
    ['sum of columns', [[50, 7]], (x) => x!.sum(0), 1],
    ['mean of rows', [[9, 40]], (x) => x!.mean(-1), 1],
    ['a long sum', [[10_000]], (x) => x!.sum(), 1],
    ['max', [[9, 33]], (x) => x!.max(-1).values, 0],
    ['softmax', [[7, 33]], (x) => x!.softmax(-1), 2],
    ['log-softmax', [[7, 64]], (x) => x!.logSoftmax(-1), 2],
    ['layer norm', [[5, 48], [48], [48]], (x, w, b) => layerNorm(x!, [48], { weight: w!, bias: b! }), 1],
    ['rms norm', [[5, 12], [12]], (x, w) => rmsNorm(x!, [12], { weight: w! }), 2],
    ['embedding', [[11, 6]], (w) => embedding(tensor([1, 10, 1, 3], { dtype: 'int32' }), w!), 0],
    ['indexSelect', [[11, 6]], (x) => x!.indexSelect(1, tensor([5, 0], { dtype: 'int32' })), 0],
    ['scatterAdd', [[4], [6]], (x, y) => x!.scatterAdd(0, tensor([1, 1, 3, 0, 1, 1], { dtype: 'int32' }), y!), 1],
    [
      'scatter',
      [[40], [64]],
      (x, y) =>
        x!.scatter(
          0,
          tensor(
            Array.from({ length: 64 }, (_, i) => i % 40),
            { dtype: 'int32' },
          ),
          y!,
        ),
      0,
    ],
    ['cumsum', [[3, 40]], (x) => x!.cumsum(1), 1],
    ['sort', [[3, 50]], (x) => x!.sort(-1).values, 0],
    [
      'cat',
      [
        [3, 5],
        [2, 5],
      ],
      (x, y) => cat([x!, y!], 0),
      0,
    ],
    [
      'cross-entropy',
      [[6, 10]],
      (x) => crossEntropy(x!, tensor([1, 0, 9, 4, 4, 2], { dtype: 'int32' }), { reduction: 'none' }),
      1,
    ],
  ];

  // The time is that of lavapipe's compiler, for attention.
  it.each(programs)(
    'computes %s and its gradients',
    async (_, shapes, program, count) => {
      const seen: { value: ArrayLike<number>; gradients: ArrayLike<number>[]; dtypes: string[] }[] = [];
      for (const [kind, dtype] of [
        ['cpu', 'float32'],
        ['webgpu', 'float16'],
      ] as const) {
        await init({ device: kind });
        const leaves = shapes.map((shape, i) =>
          tensor(
            halves(
              shape.reduce((a, b) => a * b),
              i + 1,
            ),
            { shape, dtype, requiresGrad: true },
          ),
        );
        const value = program(...leaves);
        const upstream = tensor(halves(value.numel(), 9), { shape: [...value.shape], dtype });
        value.backward({ gradient: upstream });
        const gradients = await Promise.all(
          leaves.map(async (leaf) => (await leaf.grad?.data()) ?? new Float32Array()),
        );
        seen.push({
          value: await value.data(),
          gradients,
          dtypes: [value.dtype, ...leaves.map(({ grad }) => grad?.dtype ?? '')],
        });
      }
      const [wide, half] = seen;
      expect(half?.dtypes.every((dtype) => dtype === 'float16')).toBe(true);
      const scale = (list: ArrayLike<number>) =>
        Array.from(list).reduce((most, x) => Math.max(most, Math.abs(x)), 2 ** -14);
      // Where terms of different signs cancel, what is left carries the rounding of the terms.
      const within = (list: ArrayLike<number>, n: number) => ({ rtol: 0, atol: n * HALF * scale(list) });
      expect(half?.value).toBeClose(wide?.value ?? [], within(wide?.value ?? [], count));
      for (const [i, gradient] of (wide?.gradients ?? []).entries())
        expect(half?.gradients[i], `gradient ${i}`).toBeClose(gradient, within(gradient, count + 3));
    },
    240_000,
  );

  it('sums in float32', async () => {
    // In halves the sum would stop at 2048; and 300 squared is no half at all.
    expect(await zeros([5000], { dtype: 'float16' }).add(1).sum().item()).toBe(5000);
    expect(await tensor([300, 300], { dtype: 'float16' }).norm().item()).toBeClose(300 * Math.SQRT2, roundings(1));
  });

  it('reads and writes safetensors, and takes half the memory of a file in float32', async () => {
    manualSeed(1);
    const values = randn([33, 3]);
    const bytes = safetensors.serialize({
      w: { dtype: 'BF16', shape: [33, 3], data: await values.data() },
      h: { dtype: 'F16', shape: [99], data: await values.data() },
    });
    const file = await safetensors.open(new Blob(bytes.map((part) => new Uint8Array(part))));
    const h = await file.load('h', { dtype: 'float16' });
    const w = await file.load('w', { dtype: 'float16' });
    expect([h.dtype, w.dtype]).toEqual(['float16', 'float16']);
    expect(await h.data()).toEqual((await file.array('h')).data);
    // A bfloat16 has fewer digits than a half: nothing is lost.
    expect(await w.data()).toEqual((await file.array('w')).data);
    await file.close();
  });
});

const without = devices.filter((kind) => kind === 'cpu' || !has);
describe.skipIf(without.length === 0)('float16 where the device has none', () => {
  it.each(without.length > 0 ? without : devices)('is a DTypeError on %s', async (kind) => {
    await init({ device: kind });
    for (const make of [
      () => tensor([1], { dtype: 'float16' }),
      () => zeros([1], { dtype: 'float16' }),
      () => tensor([1]).to('float16'),
    ]) {
      expect(make).toThrow(DTypeError);
      expect(make).toThrow(/float16 .*not available on .*float16 needs a WebGPU adapter with the feature 'shader-f16'/);
    }
  });
});
