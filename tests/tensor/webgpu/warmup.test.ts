// warmup on devices of its own, which have compiled nothing yet: what a first step compiles is counted.
import { clipGradNorm_, Dropout, LayerNorm, Linear, Sequential } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  capture,
  crossEntropy,
  DeviceError,
  device,
  init,
  memory,
  noGrad,
  ones,
  rand,
  type Tensor,
  tensor,
  warmup,
} from '@course/tensor';
import { expect, it } from 'vitest';
import type { TappedBackend } from '../../../packages/tensor/src/backend/tap.js';
import type { WebGpuBackend } from '../../../packages/tensor/src/backend/webgpu/backend.js';

type Step = (x: Tensor, labels: Tensor) => Tensor;

/** Opens a device in place of the one that may be open. */
async function reopen(): Promise<void> {
  await init({ device: 'webgpu' });
  const { device: backend } = ones([1]).storage.backend as TappedBackend;
  (backend as WebGpuBackend).gpuDevice.destroy();
  await expect(device.synchronize()).rejects.toThrow(DeviceError);
  await init({ device: 'webgpu' });
}

it('compiles nothing in the first step afterwards: plain, captured, and of an evaluation without gradients', async () => {
  const program = () => {
    const model = new Sequential(new Linear(6, 8), new LayerNorm(8), new Dropout(0.2), new Linear(8, 3));
    const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
    const step = (x: Tensor, labels: Tensor): Tensor => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(x), labels);
      loss.backward();
      clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      return loss;
    };
    return { model, step };
  };
  const inputs = (): [Tensor, Tensor] => [rand([4, 6]), tensor(Int32Array.of(0, 1, 2, 0))];
  const compiled = () => memory().device.compiledKernels;
  for (const wrap of [(step: Step) => step, (step: Step) => capture(step)]) {
    await reopen();
    const step = wrap(program().step);
    await warmup(step, inputs());
    const known = compiled();
    expect(known).toBeGreaterThan(0);
    for (let i = 0; i < 5; i++) await step(...inputs()).item();
    expect(compiled()).toBe(known);
  }
  await reopen();
  const model = program().model.eval();
  await noGrad(() => warmup(model, [inputs()[0]]));
  const known = compiled();
  expect(known).toBeGreaterThan(0);
  await noGrad(() => model.forward(rand([7, 6]))).data();
  expect(compiled()).toBe(known);
});
