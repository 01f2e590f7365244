// Saving and loading a classifier: the same judgements, files that others read, and clear words about folders that do not fit.
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertTokenizer, trainWordPiece } from '@course/data';
import { safetensors, TextClassifier } from '@course/models';
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
    expect(loaded.config).toEqual(model.config);
    expect(await loaded.classify(again, texts)).toEqual(await model.classify(tokenizer, texts));
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
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(/config\.json.*no such file/);
      await model.savePretrained(folder);
      const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, intermediate_size: 12 }));
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(FormatError);
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(
        /model\.safetensors: the weights do not fit the configuration: .*mlp\.0\.weight is \[64, 16\] in the file, \[12, 16\] by the configuration/,
      );
      await writeFile(join(folder, 'config.json'), '{"model_type": ');
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(/config\.json: not valid JSON/);
      await writeFile(join(folder, 'config.json'), JSON.stringify(config));
      await truncate(join(folder, 'model.safetensors'), 1000);
      await expect(TextClassifier.fromPretrained(folder)).rejects.toThrow(FormatError);
    });
  });
});
