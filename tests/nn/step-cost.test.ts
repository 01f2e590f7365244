// What a training step costs beside its kernels once it has run. Sizes are parameters of kernels, not text. A few choices depend on them all the
// same: the tile of a product, a sum in one pass or two, vectors of four. So new lengths may add a handful of kernels beside those of the first
// step, and never one for each length. And a step meets the buffers of the one before, and with them its bind groups.
import { clipGradNorm_, Embedding, Linear, TransformerEncoderBlock } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  crossEntropy,
  device,
  init,
  manualSeed,
  memory,
  randint,
  randn,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { TappedBackend, tap } from '../../packages/tensor/src/backend/tap.js';
import { WebGpuBackend } from '../../packages/tensor/src/backend/webgpu/backend.js';
import { devices, onEachDevice } from '../support/devices.js';

const compiled = (): number => memory().device.compiledKernels ?? 0;

/** A step of a small encoder over `batch` texts of `length` tokens. */
function makeStep(): (batch: number, length: number) => void {
  manualSeed(1);
  const embedding = new Embedding(20, 16);
  const blocks = [0, 1].map(() => new TransformerEncoderBlock(16, 2, 8, { dropout: 0.1 }));
  const head = new Linear(16, 4);
  const parameters = [embedding, ...blocks, head].flatMap((module) => [...module.parameters()]);
  const optimizer = new AdamW(parameters, { lr: 1e-3 });
  return (batch, length) =>
    scope(() => {
      const ids = randint(0, 20, [batch, length]);
      const mask = randint(0, 2, [batch, length]).to('bool');
      let hidden = embedding.forward(ids);
      for (const block of blocks) hidden = block.forward(hidden, { mask });
      const loss = crossEntropy(head.forward(hidden).view([-1, 4]), randint(0, 4, [batch * length]));
      loss.backward();
      clipGradNorm_(parameters, 1);
      optimizer.step();
      optimizer.zeroGrad();
      loss.compute();
    });
}

onEachDevice('the kernel requests of an encoder in training', (kind) => {
  /** The requests of each layer: those of two layers more, shared out. */
  const perLayer = (program: (blocks: readonly TransformerEncoderBlock[]) => void): number => {
    const requests = (layers: number): number => {
      manualSeed(1);
      const blocks = Array.from({ length: layers }, () => new TransformerEncoderBlock(16, 2, 8, { dropout: 0.1 }));
      // Parameters are filled at their first use.
      scope(() => program(blocks));
      for (const parameter of blocks.flatMap((block) => [...block.parameters()])) parameter.grad = null;
      let count = 0;
      tap.interceptor = {
        run: (backend, request) => {
          count++;
          backend.run(request);
        },
        write: (backend, ...what) => backend.write(...what),
        read: () => undefined,
      };
      try {
        scope(() => program(blocks));
      } finally {
        tap.interceptor = null;
      }
      return count;
    };
    return (requests(3) - requests(1)) / 2;
  };
  const forward = (blocks: readonly TransformerEncoderBlock[]): Tensor => {
    let hidden = randn([2, 8, 16]);
    for (const block of blocks) hidden = block.forward(hidden);
    hidden.compute();
    return hidden;
  };

  it('are seven a layer: queries, keys and values in one, and no activation, dropout or residual of its own', () => {
    // Its ops: two norms, six linear layers, attention, an activation, two dropouts, two residuals.
    expect(perLayer((blocks) => void forward(blocks))).toBe(7);
  });

  it('are 23 more in the backward pass', () => {
    // Each linear layer: three gradients; norms, attention; two sums of residuals' gradients, masked in the same kernel.
    const count = perLayer((blocks) => forward(blocks).backward({ gradient: randn([2, 8, 16]) }));
    expect(count - 7).toBe(6 * 3 + 2 + 1 + 2);
  });

  it('come to no more than 1.2 dispatches an op', () => {
    const blocks = [0, 1, 2].map(() => new TransformerEncoderBlock(16, 2, 8, { dropout: 0.1 }));
    const dispatches = (): number => {
      const before = memory().device.dispatches;
      scope(() => void forward(blocks));
      return memory().device.dispatches - before;
    };
    dispatches();
    expect(dispatches(), `dispatches on ${kind}`).toBeLessThanOrEqual(1.2 * 14 * blocks.length);
  });
});

describe.runIf(devices.includes('webgpu'))('a training step on webgpu', () => {
  beforeAll(() => init({ device: 'webgpu' }));

  it('compiles a handful of kernels for further lengths, whatever their number', () => {
    const step = makeStep();
    step(4, 32);
    const first = compiled();
    expect(first).toBeGreaterThan(10);
    for (let length = 8; length <= 40; length++) step(4, length);
    const all = compiled();
    // Two tiles for each of three products (forward, and both of the backward pass) and a second pass of sums.
    expect(all - first).toBeLessThanOrEqual(8);
    for (let length = 41; length <= 60; length++) step(4, length);
    expect(compiled()).toBe(all);
  });

  it('makes no bind groups once the pool has settled', async () => {
    const { backend } = tensor([1]).storage;
    if (!(backend instanceof TappedBackend && backend.device instanceof WebGpuBackend))
      throw new TypeError('the tensor is not on WebGPU');
    const { gpuDevice } = backend.device;
    const create = gpuDevice.createBindGroup.bind(gpuDevice);
    let made = 0;
    gpuDevice.createBindGroup = (descriptor) => {
      made++;
      return create(descriptor);
    };
    const step = makeStep();
    const steps = async (count: number): Promise<number> => {
      made = 0;
      for (let i = 0; i < count; i++) {
        step(4, 16);
        // As a loop that reads its losses.
        await device.synchronize();
      }
      return made;
    };
    expect(await steps(12)).toBeGreaterThan(50);
    // As a rule none; an upload avoids memory that the open batch uses, and may displace a buffer. It was 80 a step when the last buffer freed came first.
    expect(await steps(6)).toBeLessThanOrEqual(8);
    gpuDevice.createBindGroup = create;
  });
});
