// What a pretrained model can do beside computing: other dtypes, shards, a vocabulary that grows, parts that do not learn.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  BertModel,
  bertConfig,
  DistilBertForMaskedLM,
  DistilBertForSequenceClassification,
  distilBertConfig,
  GPT2LMHeadModel,
  gpt2Config,
  type PreTrainedModel,
  safetensors,
} from '@course/models';
import { ArgumentError, DTypeError, device, FormatError, manualSeed, memory, noGrad, tensor } from '@course/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

const sizes = {
  vocabSize: 19,
  hiddenSize: 8,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 10,
  initializerRange: 0.3,
};
const distil = { vocabSize: 19, dim: 8, nLayers: 3, nHeads: 2, hiddenDim: 12, maxPositionEmbeddings: 10 };
const gpt = { vocabSize: 19, nPositions: 10, nEmbd: 8, nLayer: 3, nHead: 2, bosTokenId: 1, eosTokenId: 1 };
const ids = () => tensor([[2, 7, 3]], { dtype: 'int32' });

onEachDevice('a pretrained model', (kind) => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pretrained-'));
    manualSeed(1);
  });
  afterEach(() => rm(folder, { recursive: true }));

  describe('saved in shards', () => {
    it('keeps each file below the size that is asked for, and is read as the whole was', async () => {
      const model = new BertForMaskedLM(bertConfig(sizes)).eval();
      await model.savePretrained(folder, { maxShardSize: '2KB' });
      const names = (await readdir(folder)).sort();
      const shards = names.filter((name) => name.endsWith('.safetensors'));
      expect(shards.length).toBeGreaterThan(2);
      expect(names).toEqual(['config.json', ...shards, 'model.safetensors.index.json']);
      const index = JSON.parse(await readFile(join(folder, 'model.safetensors.index.json'), 'utf8')) as {
        metadata: { total_size: number };
        weight_map: Record<string, string>;
      };
      expect(index.metadata.total_size).toBe(4 * model.numParameters());
      const found: Record<string, string> = {};
      for (const [i, name] of shards.entries()) {
        expect(name).toBe(
          `model-${String(i + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`,
        );
        const file = await safetensors.open(join(folder, name));
        const bytes = file.keys().reduce((sum, key) => sum + file.info(key).byteLength, 0);
        expect(bytes).toBeLessThanOrEqual(2000);
        for (const key of file.keys()) found[key] = name;
        await file.close();
      }
      expect(index.weight_map).toEqual(found);
      const again = await BertForMaskedLM.fromPretrained(folder);
      expect(await noGrad(() => again.forward(ids()).logits).data()).toEqual(
        await noGrad(() => model.forward(ids()).logits).data(),
      );
    });

    it('leaves no weights of an older form behind, and gives a large tensor a file of its own', async () => {
      const model = new BertModel(bertConfig(sizes));
      const other = new BertModel(bertConfig({ ...sizes, numHiddenLayers: 1 })).eval();
      await model.savePretrained(folder);
      await other.savePretrained(folder, { maxShardSize: 1 });
      const names = await readdir(folder);
      expect(names).not.toContain('model.safetensors');
      expect(names.filter((name) => name.endsWith('.safetensors'))).toHaveLength(other.stateDict().size);
      await model.savePretrained(folder, { maxShardSize: '2KB' });
      expect((await BertModel.fromPretrained(folder)).config.numHiddenLayers).toBe(3);
      await other.savePretrained(folder);
      expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
      expect((await BertModel.fromPretrained(folder)).config.numHiddenLayers).toBe(1);
      for (const maxShardSize of ['5 bananas', 0, '-1GB', Number.NaN])
        await expect(model.savePretrained(folder, { maxShardSize })).rejects.toThrow(/maxShardSize must be a number/);
    });
  });

  describe('read as another dtype or to another device', () => {
    it.runIf(kind === 'cpu')('computes in float64', async () => {
      const model = new BertModel(bertConfig(sizes)).eval();
      await model.savePretrained(folder);
      const double = await BertModel.fromPretrained(folder, { dtype: 'float64', device: 'cpu' });
      expect(double.pooler?.dense.weight.dtype).toBe('float64');
      const { lastHiddenState } = noGrad(() => double.forward(ids()));
      expect(lastHiddenState.dtype).toBe('float64');
      // Three layers of float32 roundings on values of size 1.
      const single = await noGrad(() => model.forward(ids()).lastHiddenState).data();
      expect(await lastHiddenState.data()).toBeClose(Array.from(single), { atol: 1e-5 });
      // Saved as it is, every digit returns.
      await double.savePretrained(folder);
      const again = await BertModel.fromPretrained(folder, { dtype: 'float64' });
      expect(await again.pooler?.dense.weight.data()).toEqual(await double.pooler?.dense.weight.data());
    });

    it.runIf(kind === 'cpu')('says which dtypes a device has', async () => {
      await new BertModel(bertConfig(sizes)).savePretrained(folder);
      await expect(BertModel.fromPretrained(folder, { dtype: 'float16' })).rejects.toThrow(DTypeError);
      await expect(BertModel.fromPretrained(folder, { dtype: 'float16' })).rejects.toThrow(/not available on cpu/);
    });

    it('says which dtypes there are', async () => {
      await new BertModel(bertConfig(sizes)).savePretrained(folder);
      await expect(BertModel.fromPretrained(folder, { dtype: 'bfloat16' as 'float16' })).rejects.toThrow(
        /dtype must be float32, float16, float64, got 'bfloat16': weights of other dtypes in the file, bfloat16 too, are cast/,
      );
    });

    it.runIf(kind === 'webgpu')('goes to halves where the adapter has them', async () => {
      const model = new BertForMaskedLM(bertConfig({ ...sizes, initializerRange: 0.1 })).eval();
      await model.savePretrained(folder);
      if (!device.info().features.includes('shader-f16')) {
        await expect(BertForMaskedLM.fromPretrained(folder, { dtype: 'float16' })).rejects.toThrow(DTypeError);
        return;
      }
      const before = memory().bytes;
      const half = await BertForMaskedLM.fromPretrained(folder, { dtype: 'float16' });
      // Two bytes each, but for what pools round up to.
      expect(memory().bytes - before).toBeLessThan(0.8 * 4 * model.numParameters());
      const table = half.getInputEmbeddings().weight;
      expect(table.dtype).toBe('float16');
      // Read in float32 and rounded once.
      expect(await table.data()).toBeClose(Array.from(await model.getInputEmbeddings().weight.data()), {
        rtol: 2 ** -11,
      });
      const { logits } = noGrad(() => half.forward(ids()));
      expect(logits.dtype).toBe('float16');
      // Some thirty ops, each rounding values of size 1 to eleven bits, errors adding up as their root.
      expect(await logits.data()).toBeClose(Array.from(await noGrad(() => model.forward(ids()).logits).data()), {
        atol: Math.sqrt(30) * 2 * 2 ** -11,
      });
      await half.savePretrained(folder);
      const file = await safetensors.open(join(folder, 'model.safetensors'));
      expect(file.info('cls.predictions.bias').dtype).toBe('F16');
      await file.close();
      const again = await BertForMaskedLM.fromPretrained(folder);
      expect(await again.getInputEmbeddings().weight.data()).toEqual(await table.data());
    });

    it.runIf(devices.length > 1)('goes to another device than that in use, in files of any dtype', async () => {
      const other = kind === 'cpu' ? 'webgpu' : 'cpu';
      const model = new BertForMaskedLM(bertConfig(sizes)).eval();
      await model.savePretrained(folder);
      const state = new Map(
        await Promise.all(
          [...model.stateDict()]
            .filter(([key]) => key !== 'cls.predictions.decoder.weight')
            .map(
              async ([key, value]) => [key, { dtype: 'BF16', shape: value.shape, data: await value.data() }] as const,
            ),
        ),
      );
      for (const write of [false, true]) {
        if (write) await safetensors.save(join(folder, 'model.safetensors'), state);
        const there = await BertForMaskedLM.fromPretrained(folder, { device: other });
        expect(device.kind).toBe(kind);
        expect([...there.parameters()].every((each) => each.device === other && each.dtype === 'float32')).toBe(true);
        const logits = noGrad(() =>
          ids()
            .to(other)
            .then((x) => there.forward(x).logits),
        );
        // Three layers of float32 roundings on values of size 1; bfloat16 has eight bits.
        expect(await (await logits).data()).toBeClose(
          Array.from(await noGrad(() => model.forward(ids()).logits).data()),
          { atol: write ? 0.1 : 1e-5 },
        );
        there.dispose();
      }
    });

    it('frees what it made when the device does not exist', async () => {
      await new BertModel(bertConfig(sizes)).savePretrained(folder);
      const before = memory().tensors;
      await expect(BertModel.fromPretrained(folder, { device: 'abacus' as 'cpu' })).rejects.toThrow();
      expect(memory().tensors).toBe(before);
    });
  });

  describe('whose vocabulary changes', () => {
    const makers: [string, () => PreTrainedModel & { forward(x: ReturnType<typeof ids>): { logits: unknown } }][] = [
      ['BERT', () => new BertForMaskedLM(bertConfig(sizes))],
      ['BERT, not tied', () => new BertForMaskedLM(bertConfig({ ...sizes, tieWordEmbeddings: false }))],
      ['DistilBERT', () => new DistilBertForMaskedLM(distilBertConfig(distil))],
      ['GPT-2', () => new GPT2LMHeadModel(gpt2Config(gpt))],
    ];
    it.each(makers)('keeps the rows of %s, and begins new ones at their mean', async (_, make) => {
      const model = make().eval();
      const logitsOf = async () => noGrad(() => model.forward(ids()).logits as ReturnType<typeof ids>);
      const before = await (await logitsOf()).toArray();
      const table = model.getInputEmbeddings();
      const mean = await table.weight.mean(0).data();
      expect(model.resizeTokenEmbeddings(22)).toBe(table);
      expect(table.numEmbeddings).toBe(22);
      expect((model.config as unknown as { vocabSize: number }).vocabSize).toBe(22);
      expect(await table.weight.select(0, 21).data()).toBeClose(Array.from(mean), { atol: 1e-7 });
      const grown = await logitsOf();
      expect(grown.shape).toEqual([1, 3, 22]);
      expect(await grown.narrow(2, 0, 19).toArray()).toEqual(before);
      // It learns, and is saved and read at its new size.
      const loss = (model.forward(ids()).logits as ReturnType<typeof ids>).square().sum();
      loss.backward();
      expect(table.weight.grad?.shape).toEqual([22, 8]);
      await model.savePretrained(folder);
      const kind = model.constructor as unknown as typeof BertForMaskedLM;
      const again = await kind.fromPretrained(folder);
      expect(again.config.vocabSize).toBe(22);
      model.resizeTokenEmbeddings(9);
      expect((await logitsOf()).shape).toEqual([1, 3, 9]);
      expect(() => model.resizeTokenEmbeddings(0)).toThrow(ArgumentError);
    });
  });

  it('freezes its embeddings and first layers, or all but its head', () => {
    const learning = (model: PreTrainedModel) =>
      [...model.namedParameters()].filter(([, parameter]) => parameter.requiresGrad).map(([name]) => name);
    const bert = new BertForSequenceClassification(bertConfig(sizes));
    bert.freezeLayers(2);
    expect(learning(bert).every((name) => /^(bert\.encoder\.layer\.2|bert\.pooler|classifier)\./.test(name))).toBe(
      true,
    );
    expect(learning(bert)).toContain('bert.encoder.layer.2.output.dense.weight');
    bert.unfreeze().baseModel.freeze();
    expect(learning(bert)).toEqual(['classifier.weight', 'classifier.bias']);
    const small = new DistilBertForSequenceClassification(distilBertConfig(distil));
    small.freezeLayers(3);
    expect(learning(small)).toEqual(
      ['pre_classifier', 'classifier'].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
    );
    const gpt2 = new GPT2LMHeadModel(gpt2Config(gpt));
    gpt2.freezeLayers(3);
    expect(learning(gpt2)).toEqual(['transformer.ln_f.weight', 'transformer.ln_f.bias']);
    expect(() => gpt2.freezeLayers(4)).toThrow(/has 3 layers, cannot freeze the first 4/);
  });

  it('names the file where weights are no weights', async () => {
    await new BertModel(bertConfig(sizes)).savePretrained(folder);
    await rm(join(folder, 'model.safetensors'));
    await expect(BertModel.fromPretrained(folder)).rejects.toThrow(FormatError);
  });
});
