// Dtypes in types: known where an op fixes them, and never in the way. These are claims about types, which `tsc` checks; each value is
// also looked at, so that a type does not promise what is not there.
import { argsort, type DType, type HostArray, init, sort, type Tensor, tensor, topk, zeros } from '@course/tensor';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { devices } from '../support/devices.js';

describe('the dtype in the type', () => {
  beforeAll(async () => {
    await init({ device: devices[0] ?? 'cpu' });
  });

  it('is any dtype unless something fixes it', async () => {
    const x = tensor([1, 2]);
    expectTypeOf(x).toEqualTypeOf<Tensor>();
    expectTypeOf<Tensor>().toEqualTypeOf<Tensor<DType>>();
    expectTypeOf(x.dtype).toEqualTypeOf<DType>();
    expectTypeOf(await x.data()).toEqualTypeOf<HostArray>();
    expectTypeOf(x.add(1)).toEqualTypeOf<Tensor>();
  });

  it('comes from to()', async () => {
    const x = tensor([1, 2]).to('int32');
    expectTypeOf(x).toEqualTypeOf<Tensor<'int32'>>();
    expectTypeOf(x.dtype).toEqualTypeOf<'int32'>();
    const data = await x.data();
    expectTypeOf(data).toEqualTypeOf<Int32Array>();
    expect(data).toBeInstanceOf(Int32Array);
    expectTypeOf(await tensor([1]).to('float32').data()).toEqualTypeOf<Float32Array>();
    expectTypeOf(tensor([1]).to({ dtype: 'uint8' })).toEqualTypeOf<Tensor<'uint8'>>();
    const there = await tensor([1]).to({ device: x.device, dtype: 'bool' });
    expectTypeOf(there).toEqualTypeOf<Tensor<'bool'>>();
    expectTypeOf(await x.to(x.device)).toEqualTypeOf<Tensor<'int32'>>();
    expectTypeOf(await tensor([1]).to(x)).toEqualTypeOf<Tensor<'int32'>>();
    expectTypeOf(x.detach()).toEqualTypeOf<Tensor<'int32'>>();
  });

  it('is bool for comparisons and truth, int32 for places', async () => {
    const x = tensor([3, 1, 2]);
    for (const truth of [x.gt(1), x.eq(x), x.isnan(), x.isinf(), x.gt(1).logicalNot(), x.any(), x.all()]) {
      expectTypeOf(truth).toEqualTypeOf<Tensor<'bool'>>();
      expect(truth.dtype).toBe('bool');
    }
    expectTypeOf(await x.gt(1).data()).toEqualTypeOf<Uint8Array>();
    const places = [
      x.argmax(),
      x.argmin(0),
      x.argsort(),
      argsort(x),
      sort(x).indices,
      topk(x, 2).indices,
      x.max(0).indices,
      x.countNonzero(),
      x.newArange(3),
    ];
    for (const place of places) {
      expectTypeOf(place).toEqualTypeOf<Tensor<'int32'>>();
      expect(place.dtype).toBe('int32');
    }
  });

  it('never stands in the way of a plain Tensor', () => {
    const mask: Tensor = tensor([1]).gt(0);
    let state = zeros([2]);
    state = state.add(1).to('int32');
    const take = (x: Tensor): readonly number[] => x.shape;
    expect([take(mask), take(state), take(tensor([1]).argmax())]).toEqual([[1], [2], []]);
    // @ts-expect-error what is known to be bool is no int32
    const wrong: Tensor<'int32'> = tensor([1]).gt(0);
    expect(wrong.dtype).toBe('bool');
  });
});
