// Mixed precision: which op computes on what, that casts are made once and carry gradients, and how far a small model is from float32. A
// float16 rounding is half a unit in the last place, 2^-11 of the value. All but the errors needs an adapter with float16.
import {
  attention,
  autocast,
  bceWithLogits,
  bmm,
  checkpoint,
  conv1d,
  crossEntropy,
  cumsum,
  DeviceError,
  DTypeError,
  device,
  init,
  isAutocastEnabled,
  layerNorm,
  linear,
  manualSeed,
  memory,
  mseLoss,
  randn,
  scaledDotProductAttention,
  softplus,
  type Tensor,
  tensor,
} from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { collectGarbage } from '../../packages/tensor/src/platform/node.js';
import { devices } from '../support/devices.js';

const onWebGpu = devices.includes('webgpu');
if (onWebGpu) await init({ device: 'webgpu' });
const has = onWebGpu && device.info().features.includes('shader-f16');

const HALF = 2 ** -11;

/** Every op that computes on float16, by the name in its errors. */
const PRODUCTS: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  ['matmul', (x) => x.matmul(x)],
  ['matmul', (x) => bmm(x.unsqueeze(0), x.unsqueeze(0))],
  ['linear', (x) => linear(x, x)],
  ['conv1d', (x) => conv1d(x.unsqueeze(0), x.unsqueeze(-1))],
  ['scaledDotProductAttention', (x) => attention(x, x, x).output],
];

describe.runIf(devices.some((kind) => kind === 'cpu' || !has))('autocast where there is no float16', () => {
  beforeAll(async () => {
    await init({ device: devices.includes('cpu') ? 'cpu' : 'webgpu' });
  });

  it.each([...PRODUCTS, ['scaledDotProductAttention', (x: Tensor) => scaledDotProductAttention(x, x, x)] as const])(
    'is a DeviceError that names %s',
    (name, program) => {
      const x = randn([4, 4]);
      expect(() => autocast(() => program(x))).toThrow(DeviceError);
      expect(() => autocast(() => program(x))).toThrow(
        `autocast: ${name} would compute on float16, which ${device.kind} does not have`,
      );
      expect(isAutocastEnabled()).toBe(false);
      expect(autocast(() => program(x), { enabled: false }).dtype).toBe('float32');
    },
  );

  it('has regions in regions, which end', () => {
    expect(
      autocast(() => [isAutocastEnabled(), autocast(isAutocastEnabled, { enabled: false }), isAutocastEnabled()]),
    ).toEqual([true, false, true]);
    expect(isAutocastEnabled()).toBe(false);
    expect(() => autocast(() => 1, { dtype: 'float32' as 'float16' })).toThrow(DTypeError);
  });

  it.runIf(devices.includes('cpu'))('leaves float64 and whole numbers alone', () => {
    const x = randn([4, 4], { dtype: 'float64' });
    for (const [, program] of PRODUCTS) expect(autocast(() => program(x)).dtype).toBe('float64');
    expect(autocast(() => x.exp().sum()).dtype).toBe('float64');
    expect(autocast(() => tensor([1, 2], { dtype: 'int32' }).sum()).dtype).toBe('int32');
  });
});

describe.runIf(has)('autocast on an adapter with float16 (COURSE_ADAPTER=lavapipe)', () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' });
  });

  it.each(PRODUCTS)('computes %s on float16, of float32 and of float16', async (_, program) => {
    manualSeed(2);
    const x = randn([8, 8]);
    for (const operand of [x, x.to('float16')]) {
      const mixed = autocast(() => program(operand));
      expect(mixed.dtype).toBe('float16');
      const plain = program(x);
      const size = Math.max(...(await plain.abs().data()));
      // Both operands and the result are rounded, in attention two products and the weights: eight times sqrt(8) times half a unit at most.
      expect(await mixed.data()).toBeClose(await plain.data(), { rtol: 0, atol: 8 * Math.sqrt(8) * HALF * size });
    }
  });

  it.each<readonly [string, (x: Tensor) => Tensor]>([
    ['exp', (x) => x.exp()],
    ['log', (x) => x.abs().log()],
    ['pow', (x) => x.pow(2.5)],
    ['rsqrt', (x) => x.abs().rsqrt()],
    ['softplus', (x) => softplus(x)],
    ['softmax', (x) => x.softmax(-1)],
    ['logSoftmax', (x) => x.logSoftmax(0)],
    ['layerNorm', (x) => layerNorm(x, [8], { weight: x.to('float32').narrow(0, 0, 1).view([8]) })],
    ['sum', (x) => x.sum()],
    ['prod', (x) => x.prod()],
    ['norm', (x) => x.norm()],
    ['cumsum', (x) => cumsum(x, 0)],
    ['mseLoss', (x) => mseLoss(x, x.to('float32').neg())],
    ['bceWithLogits', (x) => bceWithLogits(x, x.to('float32').gt(0).to('float32'))],
    ['crossEntropy', (x) => crossEntropy(x, tensor([0, 1, 2, 3, 4, 5, 6, 7], { dtype: 'int32' }))],
  ])('computes %s on float32', async (_, program) => {
    manualSeed(3);
    const x = randn([8, 8]).to('float16');
    const mixed = autocast(() => program(x));
    expect(mixed.dtype).toBe('float32');
    // The same kernels over the same numbers.
    expect(await mixed.data()).toEqual(await program(x.to('float32')).data());
  });

  it('leaves everything else to promotion', () => {
    const [half, full] = [randn([3]).to('float16'), randn([3])];
    autocast(() => {
      expect(half.relu().dtype).toBe('float16');
      expect(half.gelu().mul(2).dtype).toBe('float16');
      expect(half.add(full).dtype).toBe('float32');
      expect(half.mean().dtype).toBe('float16');
      expect(full.mul(full).dtype).toBe('float32');
    });
  });

  it('copies a parameter once a region, and again when it has changed', async () => {
    const size = 256;
    const weight = randn([size, size], { requiresGrad: true });
    const x = randn([1, size]).to('float16');
    await device.synchronize();
    // What earlier tests dropped must not be collected in between.
    await collectGarbage();
    const before = memory().bytes;
    const results = autocast(() => [0, 1, 2, 3].map(() => linear(x, weight)));
    await Promise.all(results.map((each) => each.data()));
    // One copy of two bytes an element, held by the graph; four of them would be more.
    expect(memory().bytes - before).toBeGreaterThanOrEqual(size * size * 2);
    expect(memory().bytes - before).toBeLessThan(size * size * 2 * 2);
    results
      .reduce((a, b) => a.add(b))
      .sum()
      .backward();
    expect(weight.grad?.dtype).toBe('float32');
    // Every row of the gradient is the input, four times, exactly: float16 numbers times 4.
    expect((await weight.grad?.data())?.slice(0, size)).toEqual((await x.data()).map((value) => 4 * value));

    const plain = tensor([[1]], { requiresGrad: true });
    const one = tensor([[1]]);
    const [first, second] = autocast(() => {
      const value = linear(one, plain);
      plain.replaceData(tensor([[5]]));
      return [value, linear(one, plain)];
    });
    expect([await first?.item(), await second?.item()]).toEqual([1, 5]);
  });

  it('goes through backward passes inside the region, and through parts that are computed again', async () => {
    manualSeed(4);
    const [w1, w2] = [randn([16, 8]), randn([4, 16])].map((w) => w.requiresGrad_()) as [Tensor, Tensor];
    const x = randn([5, 8]);
    const block = (value: Tensor): Tensor => linear(linear(value, w1).gelu(), w2);
    const gradients: (Float32Array | undefined)[][] = [];
    for (const run of [
      () => autocast(() => block(x).square().sum()).backward(),
      () => autocast(() => block(x).square().sum().backward()),
      () => autocast(() => checkpoint(block, x).square().sum()).backward(),
    ]) {
      run();
      gradients.push(await Promise.all([w1, w2].map(async (w) => (await w.grad?.data()) as Float32Array | undefined)));
      for (const w of [w1, w2]) w.grad = null;
    }
    expect(gradients[1]).toEqual(gradients[0]);
    expect(gradients[2]).toEqual(gradients[0]);
    block(x).square().sum().backward();
    for (const [i, w] of [w1, w2].entries()) {
      const full = (await w.grad?.data()) ?? new Float32Array();
      const size = Math.max(...Array.from(full, Math.abs));
      // Inputs, weights, two products, the activation and four gradients are rounded, sums of 16 terms at most.
      expect(gradients[0]?.[i]).toBeClose(full, { rtol: 0, atol: 9 * Math.sqrt(16) * HALF * size });
    }
  });
});
