// uint8 against PyTorch (tests/goldens/float64.json): arithmetic modulo 256, and what casts make of numbers that eight bits cannot hold.
import { ArgumentError, full, type Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { golden } from '../support/goldens.js';

const { fractions, casts, uint8 } = golden('float64');
const bytes = (data: readonly number[]): Tensor => tensor(data, { dtype: 'uint8' });

onEachDevice('uint8', () => {
  const ops: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
    add: (a, b) => a.add(b),
    sub: (a, b) => a.sub(b),
    mul: (a, b) => a.mul(b),
    neg: (a) => a.neg(),
    remainder: (a, b) => a.remainder(b),
    floorDivide: (a, b) => a.floorDivide(b),
    bitwiseNot: (a) => a.bitwiseNot(),
    bitwiseLeftShift: (a) => a.bitwiseLeftShift(1),
    addNumber: (a) => a.add(100),
    maximum: (a, b) => a.maximum(b),
    lt: (a, b) => a.lt(b),
  };
  it.each(Object.keys(uint8.results))('%s wraps modulo 256 as in PyTorch', async (name) => {
    const result = ops[name]?.(bytes(uint8.left), bytes(uint8.right));
    expect(result?.dtype).toBe(name === 'lt' ? 'bool' : 'uint8');
    expect([...((await result?.data()) ?? [])]).toEqual(uint8.results[name]);
  });

  it('keeps the low eight bits of whole numbers, cut fractions and saturated floats; NaN is 0', async () => {
    expect([...(await tensor(fractions).to('uint8').data())]).toEqual(casts.uint8);
    expect([
      ...(await tensor([-1, -256, 300, 2 ** 31 - 1], { dtype: 'int32' })
        .to('uint8')
        .data()),
    ]).toEqual([255, 0, 44, 255]);
    const odd = tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5, 3e9]);
    expect([...(await odd.to('int32').data())]).toEqual([0, 2 ** 31 - 1, -(2 ** 31), 0, 2 ** 31 - 1]);
    expect([...(await odd.to('uint8').data())]).toEqual([0, 255, 0, 0, 255]);
    expect(await odd.to('bool').toArray()).toEqual([true, true, true, true, true]);
    expect([...(await tensor([true, false]).to('uint8').data())]).toEqual([1, 0]);
  });

  it('narrows wider integers to int32, and names those beyond it', async () => {
    expect(await tensor(BigInt64Array.of(-1n, 2n ** 31n - 1n)).toArray()).toEqual([-1, 2 ** 31 - 1]);
    expect(tensor(BigUint64Array.of(7n)).dtype).toBe('int32');
    expect(() => tensor(BigUint64Array.of(2n ** 31n))).toThrow(
      'tensor: value 2147483648 cannot be converted to type int32 without overflow',
    );
    expect(await tensor(Int16Array.of(-7, 7)).toArray()).toEqual([-7, 7]);
    expect(() => tensor(Uint32Array.of(2 ** 32 - 1))).toThrow(
      'tensor: value 4294967295 cannot be converted to type int32 without overflow',
    );
  });

  it('sums into int32, averages not at all, and refuses numbers it cannot hold', async () => {
    const x = bytes([200, 200, 200]);
    expect(await x.sum().item()).toBe(600);
    expect(x.sum().dtype).toBe('int32');
    expect(() => x.mean()).toThrow('Input dtype must be a floating point dtype. Got: uint8');
    expect(() => bytes([256])).toThrow(ArgumentError);
    expect(() => bytes([-1])).toThrow('value -1 cannot be converted to type uint8 without overflow');
    expect(x.add(0.5).dtype).toBe('float32');
    expect(x.add(tensor([1], { dtype: 'int32' })).dtype).toBe('int32');
  });

  it('wraps numbers beside bytes, in ops that do not wrap their result too', async () => {
    const x = bytes([0, 3, 255]);
    const of = async (each: Tensor): Promise<number[]> => Array.from(await each.data(), Number);
    // torch.tensor([0, 3, 255], dtype=torch.uint8) >= -1, and so on: PyTorch 1.13.
    expect(await of(x.ge(-1))).toEqual([0, 0, 1]);
    expect(await of(x.lt(300))).toEqual([1, 1, 0]);
    expect(await of(x.eq(-1))).toEqual([0, 0, 1]);
    expect(await of(x.floorDivide(-2))).toEqual([0, 0, 1]);
    expect(await of(x.remainder(-3))).toEqual([0, 3, 2]);
    expect(await of(x.fmod(-3))).toEqual([0, 3, 2]);
    expect(await of(x.clone().fill_(-3).gt(3))).toEqual([1, 1, 1]);
    expect(await of(full([1], -1, { dtype: 'uint8' }).gt(3))).toEqual([1]);
  });
});
