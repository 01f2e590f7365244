// Saving and loading a classifier: the same judgements, files that others read, and clear words about folders that do not fit.
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertTokenizer, trainWordPiece } from '@course/data';
import { AutoConfig, AutoModelForSequenceClassification, pipeline, safetensors, TextClassifier } from '@course/models';
import { ArgumentError, FormatError, manualSeed, ShapeError, tensor } from '@course/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const texts = ['a good film', 'a bad film', 'not a good film at all', 'the cast was good'];
const options = { dim: 16, layers: 2, heads: 2, maxLength: 12, labels: ['negative', 'positive'] };

onEachDevice('a text classifier', () => {
  let folder = '';
  let tokenizer: BertTokenizer;
  let model: TextClassifier;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'classifier-test-'));
    tokenizer = trainWordPiece(texts, { vocabSize: 60, minFrequency: 1 });
    manualSeed(3);
    model = new TextClassifier({ ...options, vocabSize: tokenizer.vocabSize }).eval();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('judges the same after saving and loading', async () => {
    await model.savePretrained(folder, { tokenizer });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'vocab.txt']));
    const loaded = await TextClassifier.fromPretrained(folder);
    const again = await BertTokenizer.fromPretrained(folder);
    expect(loaded.config).toEqual({ ...model.config, others: { architectures: ['TextClassifier'] } });
    expect(await loaded.classify(again, texts)).toEqual(await model.classify(tokenizer, texts));
  });

  it('is read by its kind: alone, by AutoModel, and by a pipeline', async () => {
    await model.savePretrained(folder, { tokenizer, maxShardSize: '4KB' });
    const auto = await AutoModelForSequenceClassification.fromPretrained(folder);
    expect(auto).toBeInstanceOf(TextClassifier);
    expect(await AutoConfig.fromPretrained(folder)).toMatchObject({ modelType: 'course-text-classifier', dim: 16 });
    const classify = await pipeline('sentiment-analysis', folder);
    const [expected, found] = [await model.classify(tokenizer, texts), await classify(texts)];
    expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    // A softmax in float64 beside one in float32.
    expect(found.map(({ score }) => score)).toBeClose(
      expected.map(({ score }) => score),
      { atol: 1e-6 },
    );
    const five = await TextClassifier.fromPretrained(folder, {
      numLabels: 5,
      ignoreMismatchedSizes: true,
      onReport: () => undefined,
    });
    expect(five.classifier.weight.shape).toEqual([5, 16]);
    expect(five.config.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3', 'LABEL_4']);
    // What is drawn anew begins as PyTorch's Linear does: uniform in 1 / sqrt(16).
    expect(Math.max(...(await five.classifier.weight.abs().data()))).toBeLessThanOrEqual(0.25);
    expect(five.freezeLayers(2).embedding.token.weight.requiresGrad).toBe(false);
  });

  it('is read from files of its first form', async () => {
    await model.savePretrained(folder);
    const first = {
      model_type: 'course-text-classifier',
      vocab_size: tokenizer.vocabSize,
      hidden_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 64,
      max_position_embeddings: 12,
      hidden_dropout_prob: 0.1,
      id2label: { 0: 'negative', 1: 'positive' },
      label2id: { negative: 0, positive: 1 },
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(first));
    const loaded = await TextClassifier.fromPretrained(folder, { strict: true });
    expect(loaded.config).toEqual(model.config);
    expect(await loaded.classify(tokenizer, texts)).toEqual(await model.classify(tokenizer, texts));
  });

  it('leaves an older model as it was when the new one cannot be written whole', async () => {
    await model.savePretrained(folder, { tokenizer });
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const before = await Promise.all((await readdir(folder)).sort().map((name) => readFile(join(folder, name), 'hex')));
    const other = new TextClassifier({ ...options, vocabSize: 33 });
    // The tokenizer is written first: a disk that is full behind it.
    const full = {
      save: async (temporary: string) => {
        await tokenizer.save(temporary);
        throw new ArgumentError('the disk is full');
      },
    };
    await expect(other.savePretrained(folder, { tokenizer: full as never })).rejects.toThrow('the disk is full');
    const after = await Promise.all((await readdir(folder)).sort().map((name) => readFile(join(folder, name), 'hex')));
    expect(after).toEqual(before);
    await other.savePretrained(folder);
    expect((await TextClassifier.fromPretrained(folder)).config.vocabSize).toBe(33);
    expect(await readdir(folder)).toContain('notes.txt');
    expect(await readdir(folder)).not.toContain('.unfinished');
  });

  it('computes blocks again in the backward pass when told to, and starts embeddings where it is told', async () => {
    const ids = tensor([[1, 2, 3, 4]], { dtype: 'int32' });
    const labels = tensor([1], { dtype: 'int32' });
    const gradients = async (): Promise<number[][]> => {
      model.train().zeroGrad();
      manualSeed(8);
      model.forward(ids, { labels }).loss?.backward();
      return Promise.all([...model.parameters()].map(async ({ grad }) => [...((await grad?.data()) ?? [])]));
    };
    const kept = await gradients();
    model.gradientCheckpointingEnable();
    let calls = 0;
    const remove = model.blocks.at(0).mlp.registerForwardHook(() => void calls++);
    const again = await gradients();
    remove();
    expect(calls).toBe(2);
    for (const [i, values] of again.entries()) expect(values).toEqual(kept[i]);
    const small = new TextClassifier({ ...options, vocabSize: 50, dim: 64, embeddingStd: 0.02 });
    // 3,200 numbers: their deviation is within 5 % of its expectation with a margin of four of its own deviations.
    expect(await small.embedding.token.weight.std().item()).toBeCloseTo(0.02, 2.7);
    expect(() => new TextClassifier({ ...options, vocabSize: 9, embeddingStd: -1 })).toThrow(ArgumentError);
  });

  it('saves weights by the names that its PyTorch twin has', async () => {
    await model.savePretrained(folder);
    const file = await safetensors.open(join(folder, 'model.safetensors'));
    expect(file.keys().sort()).toEqual([...model.stateDict().keys()].sort());
    expect(file.info('blocks.1.attention.to_out.weight')).toEqual({ dtype: 'F32', shape: [16, 16], byteLength: 1024 });
    await file.close();
  });

  it('does not let padding change a judgement', async () => {
    const [alone] = await model.classify(tokenizer, ['a good film']);
    const [padded] = await model.classify(tokenizer, ['a good film', 'not a good film at all']);
    // The same sums over other batch shapes: a few roundings.
    expect(padded?.score).toBeCloseTo(alone?.score ?? Number.NaN, 5);
  });

  it('gives attention weights that sum to 1 over real tokens', async () => {
    const batch = tokenizer.encodeBatch(texts, { padding: 'longest' }).toTensors();
    const { attentions } = model.forward(batch.inputIds, {
      attentionMask: batch.attentionMask,
      outputAttentions: true,
    });
    expect(attentions).toHaveLength(2);
    const sums = await attentions?.[0]?.sum(-1).data();
    // Up to 12 terms that sum to 1.
    expect(sums).toBeClose(new Array(sums?.length ?? 0).fill(1), { atol: 12 * 2 ** -23 });
    const onPadding = await attentions?.[1]
      ?.mul(batch.attentionMask.eq(0).view([4, 1, 1, -1]))
      .amax()
      .item();
    expect(onPadding).toBe(0);
  });

  describe('says what does not fit', () => {
    it('in options and inputs', () => {
      expect(() => new TextClassifier({ ...options, vocabSize: 10, dim: 64, heads: 3 })).toThrow(ArgumentError);
      expect(() => new TextClassifier({ ...options, vocabSize: 10, dim: 64, heads: 3 })).toThrow(
        'TextClassifier: dim (64) must be divisible by heads (3)',
      );
      expect(() => model.forward(tensor(new Int32Array(13), { shape: [1, 13] }))).toThrow(ShapeError);
      expect(() => model.forward(tensor(new Int32Array(13), { shape: [1, 13] }))).toThrow(
        /longer than maxLength \(12\)/,
      );
    });

    it('in a folder', async () => {
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(/is not a folder with a model in it/);
      await model.savePretrained(folder);
      const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, intermediate_size: 12 }));
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(FormatError);
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(
        /model\.safetensors: the weights do not fit TextClassifier: .*mlp\.0\.weight is \[64, 16\] in the file, \[12, 16\] by the configuration/,
      );
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, num_hidden_layers: 3 }));
      await expect(TextClassifier.fromPretrained(folder, { strict: true })).rejects.toThrow(
        /the file lacks blocks\.2\..*mlp/,
      );
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, num_hidden_layers: 1 }));
      await expect(TextClassifier.fromPretrained(folder, { strict: true })).rejects.toThrow(
        /the model has no place for blocks\.1\./,
      );
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'bert' }));
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(/this class reads 'course-text-classifier'/);
      await writeFile(join(folder, 'config.json'), '{"model_type": ');
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(/config\.json: not valid JSON/);
      await writeFile(join(folder, 'config.json'), JSON.stringify(config));
      await truncate(join(folder, 'model.safetensors'), 1000);
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(FormatError);
    });
  });
});
