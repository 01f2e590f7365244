// Every layer against its PyTorch twin: outputs, gradients of inputs and of every parameter, from the same state dict; and its
// default initialisation from the same seed.

import { TextClassifier } from '@course/models';
import {
  Embedding,
  GELU,
  LayerNorm,
  Linear,
  type Module,
  MultiHeadAttention,
  Sequential,
  sinusoidalTable,
  TransformerEncoderBlock,
} from '@course/nn';
import { ArgumentError, manualSeed, rand, type Tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOptions } from '../support/golden-files.js';
import { numberOption, toDevice } from '../support/golden-op.js';
import { expectLike, golden, tolerance } from '../support/goldens.js';

const goldens = golden('layers');

/** A layer by its PyTorch configuration. */
function build(layer: string, config: GoldenOptions): Module {
  const number = (name: string): number => numberOption(config[name]);
  const options = config as Record<string, never>;
  switch (layer) {
    case 'Linear':
      return new Linear(number('inFeatures'), number('outFeatures'), options);
    case 'Embedding':
      return new Embedding(number('numEmbeddings'), number('embeddingDim'), options);
    case 'LayerNorm':
      return new LayerNorm(config.normalizedShape as number | number[], options);
    case 'GELU':
      return new GELU(options);
    case 'MultiHeadAttention':
      return new MultiHeadAttention(number('dim'), number('heads'), number('dimHead'));
    case 'TransformerEncoderBlock':
      return new TransformerEncoderBlock(number('dim'), number('heads'), number('dimHead'), options);
    case 'TextClassifier': {
      const labels = Array.from({ length: number('classes') }, (_, i) => String(i));
      return new TextClassifier({
        vocabSize: number('vocabSize'),
        dim: number('dim'),
        maxLength: number('maxLength'),
        layers: number('layers'),
        heads: number('heads'),
        labels,
      });
    }
    default:
      throw new ArgumentError(`no layer '${layer}'`);
  }
}

function forward(module: Module, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const { input, x, mask } = inputs;
  if (module instanceof MultiHeadAttention && x) {
    const [out, weights] = module.forward(x, mask);
    return { out, weights };
  }
  if (module instanceof TransformerEncoderBlock && x) return { out: module.forward(x, { mask: mask ?? null }) };
  if (!input) throw new ArgumentError('a golden case lacks its input');
  return { out: (module as Module & { forward(x: Tensor): Tensor }).forward(input) };
}

const each = <T>(record: Readonly<Record<string, T>>): (readonly [string, T])[] => Object.entries(record);
onEachDevice('layers as in PyTorch', () => {
  describe.each(goldens.cases)('$name', ({ layer, config, state, inputs, outputs, upstream, gradients }) => {
    it('computes outputs and gradients', async () => {
      const module = build(layer, config).eval();
      const report = module.loadStateDict(
        Object.fromEntries(each(state).map(([key, value]) => [key, toDevice(value)])),
      );
      expect(report).toEqual({ missingKeys: [], unexpectedKeys: [] });
      const leaves = Object.fromEntries(
        each(inputs).map(([name, value]) => [name, toDevice(value, name in gradients.inputs)]),
      );
      const results = forward(module, leaves);
      for (const [name, expected] of each(outputs))
        await expectLike(results[name], expected, tolerance([expected]), name);
      results.out?.backward({ gradient: toDevice(upstream) });
      const all = [...Object.values(gradients.inputs), ...Object.values(gradients.parameters)];
      for (const [name, expected] of each(gradients.inputs))
        await expectLike(leaves[name]?.grad, expected, tolerance(all), `gradient of ${name}`);
      const parameters = new Map(module.namedParameters());
      expect([...parameters.keys()]).toEqual(Object.keys(gradients.parameters));
      for (const [name, expected] of each(gradients.parameters))
        await expectLike(parameters.get(name)?.grad, expected, tolerance(all), `gradient of ${name}`);
    });
  });

  it.each(goldens.sinusoidal)('makes sinusoidal tables of $length x $dim', async ({ length, dim, table }) => {
    // The angles of late positions are large: one float32 rounding of the value is what is left of float64 arithmetic, PyTorch's float32 angles lose more.
    await expectLike(sinusoidalTable(length, dim), table, tolerance([table]) + 2 ** -24, 'table');
  });

  describe.each(goldens.initialisation)('initialisation: $name', ({ layer, seed, config, state, next }) => {
    it('draws the same numbers in the same order', async () => {
      manualSeed(seed);
      const module = build(layer, config);
      const own = module.stateDict();
      expect([...own.keys()]).toEqual(Object.keys(state));
      for (const [key, expected] of each(state)) {
        // Uniform to the bit; normal within 2e-6, as the generator documents.
        const normal = key.endsWith('token.weight') || key.endsWith('position.weight') || layer === 'Embedding';
        expect(await own.get(key)?.data(), key).toBeClose(expected.data, { atol: normal ? 2e-6 : 0 });
      }
      expect([...(await rand([3]).data())]).toEqual([...next.data]);
    });
  });

  it('prints like PyTorch and counts parameters', async () => {
    const { ReLU, Sigmoid } = await import('@course/nn');
    const model = new Sequential(new Linear(2, 4), new ReLU(), new Linear(4, 1), new Sigmoid());
    expect(String(model)).toBe(
      'Sequential(\n  (0): Linear(in_features=2, out_features=4, bias=True)\n  (1): ReLU()\n  (2): Linear(in_features=4, out_features=1, bias=True)\n  (3): Sigmoid()\n)',
    );
    expect(model.numParameters()).toBe(17);
    expect([...model.stateDict()].map(([key, value]) => [key, value.shape])).toEqual([
      ['0.weight', [4, 2]],
      ['0.bias', [4]],
      ['2.weight', [1, 4]],
      ['2.bias', [1]],
    ]);
  });
});
