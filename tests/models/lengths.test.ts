// A program is held up by a compiler in its first step and in no later one: other sequence lengths and batches find their kernels there. With
// the kernels of the adapter at hand, and with those that a GPU would get.
import { GPT2LMHeadModel, gpt2Config, TextClassifier } from '@course/models';
import { Conv1d, clipGradNorm_ } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { init, manualSeed, memory, randint, randn, scope, tensor } from '@course/tensor';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebGpuBackend } from '../../packages/tensor/src/backend/webgpu/backend.js';
import { tuningTable } from '../../packages/tensor/src/backend/webgpu/tuning.js';
import { devices } from '../support/devices.js';

// Odd ones, powers of two and their neighbours: past every size at which a tile, a vector or a slice is left for another.
const LENGTHS = [3, 5, 8, 9, 17, 32, 33, 64, 100, 129, 200];
const BATCHES = [1, 3, 8, 17];
/** Kernels for GPUs are slow where one is emulated. */
const FEW = [3, 9, 64, 101];

describe.runIf(devices.includes('webgpu')).each([
  ['this adapter', undefined, LENGTHS, [4, 1]],
  // A batch of one tells least of what will be needed.
  ['a discrete GPU', tuningTable.discrete, FEW, [1]],
] as const)('kernels compiled after the first step, as tuned for %s', (_, tuning, lengths, firsts) => {
  const compiled = () => memory().device.compiledKernels;
  let backend: WebGpuBackend;

  beforeAll(async () => {
    const open = WebGpuBackend.create.bind(WebGpuBackend);
    vi.spyOn(WebGpuBackend, 'create').mockImplementation(async (options) => {
      backend = await open({ ...options, ...(tuning && { tuning }) });
      return backend;
    });
    await init({ device: 'webgpu' });
  });
  // A lost device is opened anew, with the next tuning.
  afterAll(() => {
    vi.restoreAllMocks();
    backend.destroy();
  });

  it.each(firsts)(
    'are none in training that begins with a batch of %i, whatever the length and the batch',
    async (begin) => {
      manualSeed(0);
      const model = new TextClassifier({
        ...{
          vocabSize: 50,
          dim: 32,
          layers: 1,
          heads: 2,
          mlpDim: 128,
          maxLength: 256,
          dropout: 0.1,
          labels: ['a', 'b'],
        },
      });
      const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
      const step = async (batch: number, length: number): Promise<void> => {
        const ids = randint(0, 50, [batch, length]);
        const seen = Int32Array.from({ length: batch * length }, (_, i) => Number(i % length < length - (i % 3)));
        const attentionMask = tensor(seen, { shape: [batch, length] });
        const labels = randint(0, 2, [batch]);
        const loss = scope(() => {
          const output = model.forward(ids, { attentionMask, labels });
          output.loss?.backward();
          clipGradNorm_(model.parameters(), 1);
          optimizer.step();
          optimizer.zeroGrad();
          return output.loss;
        });
        expect(await loss?.item()).toBeGreaterThan(0);
        for (const each of [ids, attentionMask, labels, loss]) each?.dispose();
      };
      await step(begin, 16);
      const first = compiled();
      for (const length of lengths) {
        await step(4, length);
        expect(compiled(), `after length ${length}`).toBe(first);
      }
      for (const batch of BATCHES) {
        await step(batch, 9);
        expect(compiled(), `after batch ${batch}`).toBe(first);
      }
    },
    180_000,
  );

  it('are none in training of convolutions, whatever the length', async () => {
    manualSeed(0);
    // Layers that share kernels at one length and at others none, since each leaves a tile for another at sizes of its own.
    const channels = [1, 8, 8, 1];
    const layers = [0, 1, 2].map((i) => new Conv1d(channels[i] ?? 1, channels[i + 1] ?? 1, 3, { padding: 1 }));
    const parameters = layers.flatMap((each) => [...each.parameters()]);
    const optimizer = new AdamW(parameters, { lr: 1e-3 });
    const step = async (length: number): Promise<void> => {
      const loss = scope(() => {
        const x = layers.reduce((signal, each) => each.forward(signal).relu(), randn([4, 1, length]));
        const error = x.square().mean();
        error.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return error;
      });
      expect(await loss.item()).toBeGreaterThanOrEqual(0);
      loss.dispose();
    };
    await step(40);
    const first = compiled();
    for (const length of tuning ? lengths : [...lengths, 1000]) {
      await step(length);
      expect(compiled(), `after length ${length}`).toBe(first);
    }
  }, 180_000);

  it.each(firsts)('are none in generation that begins with a batch of %i, while the cache grows', async (begin) => {
    manualSeed(0);
    const config = gpt2Config({ vocabSize: 50, nEmbd: 32, nLayer: 2, nHead: 2, nPositions: 128 });
    const model = new GPT2LMHeadModel(config).eval();
    const generate = (batch: number, length: number): Promise<unknown> =>
      model.generate(randint(0, 50, [batch, length]), { maxNewTokens: 4, doSample: false });
    await generate(begin, 16);
    const first = compiled();
    for (const [batch, length] of [
      [2, 17],
      [2, 3],
      [2, 64],
      [2, 101],
      [1, 5],
      [5, 33],
    ] as const) {
      await generate(batch, length);
      expect(compiled(), `after ${batch} texts of ${length}`).toBe(first);
    }
  });
});
