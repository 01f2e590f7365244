// Tensor.to: between dtypes and devices, with gradients that come back to where the source is; two devices in one process.
import { Linear } from '@course/nn';
import {
  arange,
  DeviceError,
  type DeviceKind,
  DTypeError,
  device,
  empty,
  eye,
  full,
  grad,
  init,
  linspace,
  memory,
  noGrad,
  ones,
  rand,
  randint,
  randperm,
  scope,
  type Tensor,
  tensor,
  withDevice,
  zeros,
} from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

onEachDevice('to', (kind) => {
  it('gives the same tensor where nothing changes', async () => {
    const x = tensor([1, 2]);
    expect(x.to('float32')).toBe(x);
    expect(await x.to(kind)).toBe(x);
    expect(await x.to({ device: kind, dtype: 'float32' })).toBe(x);
    expect(await x.to(tensor([3]))).toBe(x);
    expect(x.to({ dtype: 'float32' })).toBe(x);
    if (kind === 'cpu') expect(await x.cpu()).toBe(x);
  });

  it('takes dtype and device of another tensor', async () => {
    const x = await tensor([1.5, -2.5]).to(tensor([7], { dtype: 'int32' }));
    expect(x.dtype).toBe('int32');
    expect(x.device).toBe(kind);
    expect(await x.toArray()).toEqual([1, -2]);
    expect(tensor([1.5]).to({ dtype: 'bool' }).dtype).toBe('bool');
  });

  it('is differentiable between float dtypes, and refuses names it does not know', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x.to('int32');
    expect(x.to('int32').requiresGrad).toBe(false);
    // @ts-expect-error no such dtype
    expect(() => x.to('float')).toThrow(DTypeError);
    // @ts-expect-error no such dtype
    expect(() => x.to({ device: kind, dtype: 'half' })).toThrow(DTypeError);
  });

  it('lets replaceData take over memory, and releases what was there', async () => {
    const x = tensor(new Float32Array(1000));
    const before = memory().bytes;
    const y = ones([1000]).add(1);
    expect(x.replaceData(y)).toBe(x);
    y.dispose();
    expect(memory().bytes).toBe(before);
    expect(await x.sum().item()).toBe(2000);
    expect(() => x.replaceData(ones([3]))).toThrow('replaceData: expected a tensor of shape [1000], got [3]');
  });
});

describe('creation on a device that is not open', () => {
  it.runIf(devices.length === 1 && devices[0] === 'cpu')('says which are, and how to open it', async () => {
    await init({ device: 'cpu' });
    expect(() => ones([1], { device: 'webgpu' })).toThrow(DeviceError);
    expect(() => withDevice('webgpu', () => ones([1]))).toThrow("withDevice: device 'webgpu' is not open, only cpu");
    expect(() => ones([1], { device: 'webgpu' })).toThrow("ones: device 'webgpu' is not open, only cpu");
  });
});

const both = devices.includes('cpu') && devices.includes('webgpu');
describe.runIf(both).each([
  ['cpu', 'webgpu'],
  ['webgpu', 'cpu'],
] satisfies [DeviceKind, DeviceKind][])('from %s to %s', (from, other) => {
  beforeAll(async () => {
    await init({ device: other });
    await init({ device: from });
  });

  it('carries every dtype that both have, views included', async () => {
    const values = { float32: [0.1, -7, 300], int32: [-1, 7, 300], uint8: [0, 7, 255], bool: [0, 1, 1] } as const;
    for (const dtype of ['float32', 'int32', 'uint8', 'bool'] as const) {
      const there = await tensor([...values[dtype]], { dtype }).to(other);
      expect([there.device, there.dtype, device.kind]).toEqual([other, dtype, from]);
      expect([...(await there.data())]).toEqual(values[dtype].map(dtype === 'float32' ? Math.fround : Number));
    }
    const turned = await arange(6).view([2, 3]).T.to(other);
    expect(await turned.toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect((await zeros([0, 3]).to(other)).shape).toEqual([0, 3]);
    expect(
      await tensor(5)
        .to(other)
        .then((x) => x.item()),
    ).toBe(5);
  });

  it('carries the value at the call, whatever is written later', async () => {
    const x = tensor([1, 2]);
    const crossing = x.to(other);
    x.fill_(9);
    const there = await crossing;
    expect(await there.toArray()).toEqual([1, 2]);
    there.add_(1);
    expect(await x.toArray()).toEqual([9, 9]);
  });

  it('brings gradients back to the source', async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const hidden = x.mul(x);
    const there = await hidden.to(other);
    const loss = there
      .exp()
      .log()
      .mul(tensor([1, 10, 100], { device: other }))
      .sum();
    expect(loss.device).toBe(other);
    loss.backward();
    await device.synchronize();
    expect(x.grad?.device).toBe(from);
    // exp and log of values up to 9 on a software adapter.
    expect(await x.grad?.data()).toBeClose([2, 40, 600], { rtol: 1e-4 });
  });

  it('records nothing under noGrad, and makes a leaf of what has no graph', async () => {
    const x = tensor([1], { requiresGrad: true });
    const there = await noGrad(() => x.mul(2).to(other));
    expect(there.requiresGrad).toBe(false);
    const leaf = (await tensor([2]).to(other)).requiresGrad_();
    leaf.square().sum().backward();
    expect(await leaf.grad?.toArray()).toEqual([4]);
  });

  it('accumulates where a value goes both ways', async () => {
    const w = tensor([3], { requiresGrad: true });
    const square = w.mul(w);
    const there = await square.to(other);
    const back = await there.mul(2).to(from);
    const loss = back.add(square).sum();
    loss.backward();
    await device.synchronize();
    // 2 w² + w².
    expect(await w.grad?.toArray()).toEqual([18]);
  });

  it('makes tensors where it is told, and refuses to mix devices', async () => {
    const at = { device: other };
    const made: Tensor[] = [
      tensor([1], at),
      zeros([1], at),
      ones([1], at),
      full([1], 2, at),
      empty([1], at),
      eye(2, 2, at),
      arange(0, 3, 1, at),
      linspace(0, 1, 3, at),
      rand([2], at),
      randint(0, 3, [2], at),
      randperm(3, at),
    ];
    expect(made.map((x) => x.device)).toEqual(made.map(() => other));
    expect(() => ones([2, 2]).matmul(ones([2, 2], at))).toThrow(DeviceError);
    expect(() => ones([2, 2]).matmul(ones([2, 2], at))).toThrow(
      `matmul: Expected all tensors to be on the same device, but found ${from} and ${other}`,
    );
    expect(() => ones([1]).add_(ones([1], at))).toThrow(DeviceError);
  });

  it('makes what a call makes elsewhere, and nothing after it', async () => {
    const model = withDevice(other, () => new Linear(2, 1));
    expect([...model.parameters()].map((each) => each.device)).toEqual([other, other]);
    expect([device.kind, zeros([1]).device]).toEqual([from, from]);
    expect(() =>
      withDevice(other, () => {
        throw new DeviceError('on the way');
      }),
    ).toThrow('on the way');
    expect(device.kind).toBe(from);
  });
});

describe.runIf(both)('across devices', () => {
  it('waits for gradients that have to be read, and says so', async () => {
    await init({ device: 'cpu' });
    const x = tensor([1, 2], { requiresGrad: true });
    const there = await x.to('webgpu');
    there.square().sum().backward();
    expect(() => x.grad).toThrow(
      'is on its way from another device: call `await device.synchronize()` after backward()',
    );
    await device.synchronize();
    expect(await x.grad?.toArray()).toEqual([2, 4]);
    Object.assign(x, { grad: null });
    const hidden = x.mul(3);
    const crossed = await hidden.to('webgpu');
    scope(() => crossed.square().sum().backward());
    await device.synchronize();
    expect(await x.grad?.toArray(), 'the graph below outlives the scope of the pass').toEqual([18, 36]);
    expect(() => grad(there.sum(), [x])).toThrow('grad: cannot pass through to, which accumulates into .grad');
  });

  it('converts where the dtype exists: float64 lives on the CPU', async () => {
    await init({ device: 'webgpu' });
    const x = tensor([1.5]);
    const wide = await x.to({ device: 'cpu', dtype: 'float64' });
    expect([wide.device, wide.dtype]).toEqual(['cpu', 'float64']);
    const back = await wide.div(3).to({ device: 'webgpu', dtype: 'float32' });
    expect([back.device, back.dtype, await back.item()]).toEqual(['webgpu', 'float32', 0.5]);
    await expect(wide.to('webgpu')).rejects.toThrow(DTypeError);
  });
});
