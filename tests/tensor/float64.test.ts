// float64 on the CPU against PyTorch (tests/goldens/float64.json): functions to the last digits, the random stream, casts, AdamW, files.
// Every op and its derivative in float64 is walked beside its float32 cases, in the *.golden.test.ts files.
import {
  adamStep,
  arange,
  bernoulli,
  crossEntropy,
  type DType,
  DTypeError,
  device,
  dropout,
  empty,
  eye,
  full,
  gradcheck,
  gradgradcheck,
  init,
  linear,
  linspace,
  manualSeed,
  matmul,
  memory,
  multinomial,
  noGrad,
  ones,
  promoteTypes,
  rand,
  randn,
  randnLike,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { open, serialize } from '@course/tensor/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import { pointwise } from '../../packages/tensor/src/ops/pointwise/apply.js';
import { pointwiseNames, pointwiseTable } from '../../packages/tensor/src/ops/pointwise/table.js';
import { devices } from '../support/devices.js';
import { golden } from '../support/goldens.js';

const expected = golden('float64');
const double = (data: readonly number[] | number[][], requiresGrad = false): Tensor =>
  tensor(data, { dtype: 'float64', requiresGrad });

/** The distance of a double to the next one. */
const ULP = 2 ** -52;

describe.runIf(devices.includes('cpu'))('float64 on cpu', () => {
  beforeAll(() => init({ device: 'cpu' }));

  it('holds, counts and hands back doubles', async () => {
    const before = memory().bytes;
    const x = double([
      [0.1, 1 / 3],
      [2 ** 53, -Number.MIN_VALUE],
    ]);
    expect(memory().bytes - before).toBe(32);
    expect(x.dtype).toBe('float64');
    const data = await x.data();
    expect(data).toBeInstanceOf(Float64Array);
    expect([...data]).toEqual([0.1, 1 / 3, 2 ** 53, -Number.MIN_VALUE]);
    expect(await x.T.contiguous().toArray()).toEqual([
      [0.1, 2 ** 53],
      [1 / 3, -Number.MIN_VALUE],
    ]);
    expect(await x.select(0, 1).select(0, 0).item()).toBe(2 ** 53);
    expect([...(await x.slice(1).data())]).toEqual([2 ** 53, -Number.MIN_VALUE]);
    expect(await double([1, 2.5]).format()).toBe('tensor([1.0000, 2.5000], dtype=float64)');
    const held = memory().bytes;
    scope(() => x.add(1).compute());
    expect(memory().bytes).toBe(held);
  });

  it('is made by every creation function', async () => {
    const dtype = 'float64';
    const made = [
      zeros([2], { dtype }),
      ones([2], { dtype }),
      full([2], 0.1, { dtype }),
      arange(0, 1, 0.1, { dtype }),
      eye(2, 2, { dtype }),
      empty([3], { dtype }),
      zeros([2]).newFull([2], 0.1, { dtype }),
      rand([2], { dtype }),
    ];
    expect(made.map((x) => x.dtype)).toEqual(made.map(() => dtype));
    expect(await full([1], 0.1, { dtype }).item()).toBe(0.1);
    expect(await arange(0, 1, 0.1, { dtype }).select(0, 7).item()).toBe(0.1 * 7);
    expect(await zeros([1]).newFull([1], 0.1, { dtype }).item()).toBe(0.1);
  });

  it.each(Object.keys(expected.functions))('%s to the last digits', async (name) => {
    const x = double(expected.arguments);
    const run: Record<string, () => Tensor> = { softplus: () => x.softplus({ threshold: 40 }) };
    const op = pointwiseNames.find((each) => each === name);
    const found = run[name]?.() ?? (op ? pointwise(op, [x]) : x);
    // Eight roundings each; 1 + erf of PyTorch's GELU cancels in the lower tail, where |x| ulp of it are left.
    const atol = name === 'gelu' ? 30 * ULP : 0;
    expect(await found.data()).toBeClose(expected.functions[name] ?? [], { rtol: 8 * ULP, atol });
  });

  it('computes every op of the pointwise table in double precision', async () => {
    for (const name of pointwiseNames) {
      const { domain, samples, reference, result, arity } = pointwiseTable[name];
      if (!domain.includes('float') || name === 'cast' || arity === 0) continue;
      const args = samples.intervals.map(([low, high], i) =>
        Array.from({ length: 700 }, (_, k) => low + (high - low) * (((k + 1) * 0.618033988749895 + i * 0.37) % 1)),
      );
      const isCondition = (i: number): boolean => name === 'where' && i === 0;
      const out = pointwise(
        name,
        args.map((values, i) => (isCondition(i) ? double(values).gt(0.5) : double(values))),
      );
      expect(out.dtype, name).toBe(result === 'bool' ? 'bool' : 'float64');
      const wanted = Array.from({ length: 700 }, (_, k) =>
        reference(...args.map((values, i) => (isCondition(i) ? Number((values[k] ?? 0) > 0.5) : (values[k] ?? 0)))),
      );
      expect([...(await out.data())], name).toEqual(wanted);
    }
  });

  it('draws PyTorch’s numbers', async () => {
    const dtype = 'float64';
    const probabilities = linspace(0.05, 0.95, 20, { dtype });
    const draws: Record<string, () => Tensor> = {
      rand: () => rand([5], { dtype }),
      'randn few': () => randn([7], { dtype }),
      'randn many': () => randn([37], { dtype }),
      uniform_: () => empty([5], { dtype }).uniform_(-2, 3),
      normal_: () => empty([20], { dtype }).normal_(1, 0.5),
      exponential_: () => empty([6], { dtype }).exponential_(2.5),
      bernoulli: () => bernoulli(probabilities),
      multinomial: () => multinomial(probabilities, 5),
      linspace: () => linspace(0.1, 12.7, 9, { dtype }),
    };
    expect(Object.keys(draws)).toEqual(Object.keys(expected.draws));
    for (const [name, draw] of Object.entries(draws)) {
      manualSeed(expected.seed);
      // Logarithm, sine and cosine of another library, in sums of size about 1.
      expect(await draw().data(), name).toBeClose(expected.draws[name] ?? [], { rtol: 8 * ULP, atol: 4 * ULP });
    }
    expect(randnLike(probabilities).dtype).toBe('float64');
  });

  it('casts to and from every dtype', async () => {
    const x = double(expected.fractions);
    for (const dtype of ['int32', 'uint8', 'bool', 'float32'] as const)
      expect([...(await x.to(dtype).data())], dtype).toEqual(expected.casts[dtype]);
    for (const dtype of ['int32', 'uint8', 'bool', 'float32'] as const)
      expect([...(await x.to(dtype).to('float64').data())], dtype).toEqual(expected.casts[dtype]);
    const odd = double([Number.NaN, Number.POSITIVE_INFINITY, -1e300, 3e9]);
    expect([...(await odd.to('int32').data())]).toEqual([0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1]);
    expect(await odd.to('bool').toArray()).toEqual([true, true, true, true]);
    expect([...(await odd.to('float32').data())]).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      3e9,
    ]);
  });

  it('promotes as PyTorch does, and gives each operand a gradient of its own dtype', async () => {
    const others: DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64'];
    for (const dtype of others) expect(promoteTypes(dtype, 'float64')).toBe('float64');
    for (const dtype of others) expect(double([1]).add(tensor([1], { dtype })).dtype).toBe('float64');
    expect(double([1]).add(0.5).dtype).toBe('float64');
    expect(tensor([1]).add(tensor(2, { dtype: 'float64' })).dtype, 'a scalar tensor does not widen').toBe('float32');
    expect(tensor([1], { dtype: 'int32' }).add(tensor(2, { dtype: 'float64' })).dtype).toBe('float64');
    const [narrow, wide] = [tensor([1, 2], { requiresGrad: true }), double([0.1, 0.2], true)];
    narrow.mul(wide).sum().backward();
    expect(narrow.grad?.dtype).toBe('float32');
    expect([...((await narrow.grad?.data()) ?? [])]).toEqual([0.1, 0.2].map(Math.fround));
    expect(wide.grad?.dtype).toBe('float64');
    const single = tensor([3], { requiresGrad: true });
    single.to('float64').square().sum().backward();
    expect(single.grad?.dtype).toBe('float32');
    expect(await single.grad?.toArray()).toEqual([6]);
  });

  it('steps AdamW as PyTorch does', async () => {
    const parameter = double([0.5, -1.25, 3], true);
    const state = [zeros([3], { dtype: 'float64' }), zeros([3], { dtype: 'float64' })] as const;
    for (const [i, after] of expected.adam.entries()) {
      parameter.sin().mul(parameter).sum().backward();
      const gradient = parameter.grad;
      if (!gradient) return expect.fail('no gradient');
      noGrad(() =>
        adamStep(parameter, gradient, ...state, {
          decoupled: true,
          lr: 0.1,
          beta1: 0.9,
          beta2: 0.999,
          eps: 1e-8,
          weightDecay: 0.01,
          biasCorrection1: 1 - 0.9 ** (i + 1),
          biasCorrection2: 1 - 0.999 ** (i + 1),
        }),
      );
      parameter.grad = null;
      // A few roundings a step, of values of size about 1.
      expect(await parameter.data()).toBeClose(after, { atol: 20 * ULP });
    }
  });

  it('passes gradcheck and gradgradcheck with PyTorch’s own step and tolerances', async () => {
    manualSeed(5);
    const draw = (...shape: number[]): Tensor => randn(shape, { dtype: 'float64', requiresGrad: true });
    const cases: [string, (...inputs: Tensor[]) => Tensor, Tensor[]][] = [
      ['matmul', (a, b) => matmul(a as Tensor, b as Tensor), [draw(2, 3, 4), draw(4, 2)]],
      ['linear, gelu', (x, w, b) => linear(x as Tensor, w as Tensor, b).gelu(), [draw(3, 4), draw(2, 4), draw(2)]],
      ['softmax', (x) => (x as Tensor).softmax(0), [draw(3, 4)]],
      ['logSoftmax', (x) => (x as Tensor).logSoftmax(-1), [draw(3, 4)]],
      [
        'layerNorm',
        (x, weight, bias) => (x as Tensor).layerNorm([4], { weight, bias }),
        [draw(3, 4), draw(4), draw(4)],
      ],
      ['crossEntropy', (x) => crossEntropy(x as Tensor, tensor([1, -100, 0], { dtype: 'int32' })), [draw(3, 4)]],
      ['cumprod', (x) => (x as Tensor).cumprod(1), [draw(2, 4)]],
      ['norm', (x) => (x as Tensor).norm(1, { p: 3 }), [draw(3, 4)]],
      [
        'division and power',
        (a, b) =>
          (a as Tensor)
            .exp()
            .pow(b as Tensor)
            .div((b as Tensor).square().add(1)),
        [draw(5), draw(5)],
      ],
    ];
    for (const [name, fn, inputs] of cases) {
      expect(await gradcheck(fn, inputs), name).toBe(true);
      expect(await gradgradcheck(fn, inputs), name).toBe(true);
    }
    // A wrong rule of a size that float32 differences could not see.
    const x = draw(4);
    await expect(gradcheck((a) => (a as Tensor).square().add((a as Tensor).detach().mul(1e-2)), [x])).rejects.toThrow(
      'gradcheck: gradient of input 0',
    );
  });

  it('drops the same elements as float32, and refuses to mix dtypes in a kernel', async () => {
    const kept = async (dtype: DType): Promise<number[]> => {
      manualSeed(4);
      return [...(await dropout(ones([64], { dtype }), 0.25).data())];
    };
    const single = await kept('float32');
    expect(await kept('float64')).toBeClose(single, { rtol: 2 ** -23 });
    expect(() => matmul(ones([2, 2]), ones([2, 2], { dtype: 'float64' }))).toThrow(DTypeError);
    expect(() => matmul(ones([2, 2]), ones([2, 2], { dtype: 'float64' }))).toThrow(
      'matmul: expected mat1 and mat2 to have the same dtype, but got: float32 != float64',
    );
    expect(() => ones([2, 2]).layerNorm([2], { weight: ones([2], { dtype: 'float64' }) })).toThrow(
      'layerNorm: expected input and weight to have the same dtype',
    );
  });

  it('keeps the sign of a zero that follows a product in its kernel', async () => {
    for (const dtype of ['float64', 'float32'] as const) {
      const [zero, low, one] = [0, -40, 1].map((value) => tensor([[value]], { dtype })) as [Tensor, Tensor, Tensor];
      expect(await matmul(zero, one).mul(-1).toArray()).toEqual([[-0]]);
      expect(await matmul(low, one).gelu().toArray()).toEqual([[-0]]);
      expect(await low.gelu().toArray(), 'as by itself').toEqual([[-0]]);
    }
  });

  it('names indices and targets outside as float32 does', () => {
    const table = ones([3, 2], { dtype: 'float64' });
    const wrong = tensor([0, 3], { dtype: 'int32' });
    expect(() => table.indexSelect(0, wrong)).toThrow(
      'indexSelect: index 3 is out of bounds for dimension 0 with size 3',
    );
    expect(() => crossEntropy(ones([2, 3], { dtype: 'float64' }), wrong)).toThrow(
      'crossEntropy: target 3 at position 1 is out of bounds for 3 classes',
    );
  });

  it('goes into files and back with all digits', async () => {
    const x = double([0.1, 1e300, -1 / 3]);
    const pieces = serialize({ x: { dtype: 'float64', shape: [3], data: (await x.data()) as Float64Array } });
    const file = await open(Uint8Array.from(Buffer.concat(pieces)));
    expect(file.info('x').dtype).toBe('F64');
    const back = await file.load('x', { dtype: 'float64' });
    expect(back.dtype).toBe('float64');
    expect([...(await back.data())]).toEqual([0.1, 1e300, -1 / 3]);
    expect((await file.load('x')).dtype).toBe('float32');
  });
});

describe.runIf(devices.includes('webgpu'))('float64 on webgpu', () => {
  it('is refused by name, with what there is', async () => {
    await init({ device: 'webgpu' });
    const message =
      /float64 tensors are not available on webgpu, which has bool, uint8, int32, .*the CPU device has float64/;
    expect(device.kind).toBe('webgpu');
    expect(() => tensor([1], { dtype: 'float64' })).toThrow(DTypeError);
    expect(() => tensor([1], { dtype: 'float64' })).toThrow(message);
    expect(() => zeros([1], { dtype: 'float64' })).toThrow(message);
    expect(() => empty([1], { dtype: 'float64' })).toThrow(message);
    expect(() => randn([1], { dtype: 'float64' })).toThrow(message);
    expect(() => tensor([1]).to('float64')).toThrow(message);
    expect(() => tensor([1]).newFull([1], 0, { dtype: 'float64' })).toThrow(message);
  });
});
