// Module.to: parameters and buffers in another dtype or on another device, in place; optimizers go on with them.

import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import {
  DeviceError,
  type DeviceKind,
  DTypeError,
  device,
  init,
  manualSeed,
  memory,
  randn,
  type Tensor,
  type TransferOptions,
  tensor,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

class Model extends nn.Module {
  readonly embedding = new nn.Embedding(5, 4);
  readonly norm = new nn.LayerNorm(4);
  readonly out = new nn.Linear(4, 3);
  readonly steps = new nn.Buffer(tensor([7], { dtype: 'int32' }));

  forward(ids: Tensor): Tensor {
    return this.out.forward(this.norm.forward(this.embedding.forward(ids)).gelu());
  }
}

/** The form that is awaited; the linter sees only the other one. */
const move = (model: Model, target: DeviceKind | TransferOptions): Promise<Model> => model.to(target);

const ids = (device?: DeviceKind): Tensor => tensor([0, 2, 4, 2], { dtype: 'int32', ...(device && { device }) });

describe.runIf(devices.includes('cpu'))('to a dtype, on cpu', () => {
  it('converts floats in place, with gradients, and leaves integers alone', async () => {
    await init({ device: 'cpu' });
    manualSeed(1);
    const model = new Model();
    const parameters = [...model.parameters()];
    const before = [...(await model.out.weight.data())];
    model.forward(ids()).sum().backward();
    const bytes = memory().bytes;
    expect(model.to('float64')).toBe(model);
    expect([...model.parameters()]).toEqual(parameters);
    expect(parameters.every((each) => each.dtype === 'float64' && each.requiresGrad && each.isLeaf)).toBe(true);
    expect(parameters.every((each) => each.grad?.dtype === 'float64')).toBe(true);
    expect(model.steps.dtype).toBe('int32');
    expect([...(await model.out.weight.data())]).toEqual(before);
    // Parameters and gradients in twice the bytes: nothing of what they were is left.
    const floats = parameters.reduce((sum, each) => sum + each.numel(), 0);
    expect(memory().bytes - bytes).toBe(2 * 4 * floats);
    expect(model.forward(ids()).dtype).toBe('float64');
    expect(model.to('float32').out.weight.dtype).toBe('float32');
    expect(() => model.to('int32')).toThrow(DTypeError);
    expect(() => model.to('int32')).toThrow(
      'Module.to: only accepts floating point dtypes, but got desired dtype=int32',
    );
  });

  it.each([
    ['AdamW', (p: Iterable<Tensor>) => new optim.AdamW(p, { lr: 0.1 })],
    ['SGD', (p: Iterable<Tensor>) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 })],
    ['RMSprop', (p: Iterable<Tensor>) => new optim.RMSprop(p, { lr: 0.1 })],
  ] as const)('lets %s go on in float64, to what float32 comes to', async (_, make) => {
    await init({ device: 'cpu' });
    const run = async (wide: boolean): Promise<number[]> => {
      manualSeed(2);
      const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 1));
      const optimizer = make(model.parameters());
      const x = randn([6, 3]);
      for (let i = 0; i < 6; i++) {
        if (wide && i === 3) model.to('float64');
        optimizer.zeroGrad();
        const input = wide && i >= 3 ? x.to('float64') : x;
        model.forward(input).square().mean().backward();
        optimizer.step();
      }
      const first = [...model.parameters()][0];
      return [...((await first?.data()) ?? [])];
    };
    // Six steps of values of size about 1, each with a few roundings of float32.
    expect(await run(true)).toBeClose(await run(false), { atol: 64 * 2 ** -24 });
  });
});

onEachDevice('to a device', (kind) => {
  it('keeps everything where it is already', async () => {
    const model = new Model();
    const parameters = [...model.parameters()];
    expect(await move(model, kind)).toBe(model);
    expect([...model.parameters()]).toEqual(parameters);
    expect(await move(model, { device: kind, dtype: 'float32' })).toBe(model);
  });
});

const both = devices.includes('cpu') && devices.includes('webgpu');
describe.runIf(both)('between devices', () => {
  it('moves a model there and back, trains there, and keeps its numbers', async () => {
    await init({ device: 'webgpu' });
    await init({ device: 'cpu' });
    manualSeed(3);
    const model = new Model();
    const expected = [...(await model.forward(ids()).data())];
    await move(model, 'webgpu');
    expect([...model.parameters(), ...model.buffers()].every((each) => each.device === 'webgpu')).toBe(true);
    expect(device.kind).toBe('cpu');
    // The same sums in another order, by other functions.
    expect(await model.forward(ids('webgpu')).data()).toBeClose(expected, { atol: 1e-5 });
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 });
    model.forward(ids('webgpu')).square().mean().backward();
    optimizer.step();
    expect(await model.forward(ids('webgpu')).square().mean().item()).toBeLessThan(
      expected.reduce((sum, x) => sum + x * x, 0) / expected.length,
    );
    await move(model, 'cpu');
    expect(model.out.weight.grad?.device).toBe('cpu');
    expect(() => optimizer.step()).toThrow(DeviceError);
    expect(() => optimizer.step()).toThrow('move a module before making its optimizer');
    expect(model.forward(ids()).device).toBe('cpu');
    await expect(model.to({ device: 'webgpu', dtype: 'float64' })).rejects.toThrow(DTypeError);
    expect([...model.parameters()].every((each) => each.device === 'cpu')).toBe(true);
  });
});
