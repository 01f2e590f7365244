// Sizes are parameters of kernels, not text. A few choices depend on them all the same: the tile of a product, a sum in one pass or two, vectors of
// four. So new lengths may add a handful of kernels beside those of the first step, and never one for each length.
import { clipGradNorm_, Embedding, Linear, TransformerEncoderBlock } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { crossEntropy, init, manualSeed, memory, randint, scope } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../support/devices.js';

const compiled = (): number => memory().device.compiledKernels ?? 0;

describe.runIf(devices.includes('webgpu'))('sequence lengths on webgpu', () => {
  beforeAll(() => init({ device: 'webgpu' }));

  it('compile a handful of kernels beside those of the first step, whatever their number: forward, backward, clipping and optimizer', async () => {
    manualSeed(1);
    const embedding = new Embedding(20, 16);
    const blocks = [0, 1].map(() => new TransformerEncoderBlock(16, 2, 8, { dropout: 0.1 }));
    const head = new Linear(16, 4);
    const parameters = [embedding, ...blocks, head].flatMap((module) => [...module.parameters()]);
    const optimizer = new AdamW(parameters, { lr: 1e-3 });
    const step = (batch: number, length: number): void =>
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
});
