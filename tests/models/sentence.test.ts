// Texts as vectors: every way of pooling against sums written out here, folders of sentence-transformers read and written.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BertTokenizer } from '@course/data';
import { BertModel, bertConfig, type Pooling, poolStates, SentenceTransformer } from '@course/models';
import { ArgumentError, FormatError, manualSeed, memory, randn, ShapeError, tensor } from '@course/tensor';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openModelFiles } from '../../packages/models/src/pretrained/files.js';
import { readSentenceConfig } from '../../packages/models/src/sentence/config.js';
import { onEachDevice } from '../support/devices.js';

const words = 'the a cat dog sat ran on under mat tree good bad film ##s .'.split(' ');
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const tokenizer = () => new BertTokenizer({ vocab, modelMaxLength: 16 });
const bert = () =>
  new BertModel(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 8,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 12,
      maxPositionEmbeddings: 16,
      initializerRange: 0.4,
    }),
  );
const texts = ['the cat sat', 'a dog ran under the tree .', 'film', 'good films'];

onEachDevice('sentence embeddings', () => {
  let folder = '';
  beforeEach(async () => {
    manualSeed(2);
    folder = await mkdtemp(join(tmpdir(), 'sentence-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  // Sums of up to 9 float32 numbers of size 1, WGSL's division and root.
  const close = { atol: 2e-5 };

  it('pools the states of real tokens in each way, wherever the padding is', async () => {
    const states = randn([2, 4, 3]);
    const host = (await states.toArray()) as number[][][];
    for (const mask of [
      [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
      ],
      [
        [0, 1, 1, 1],
        [0, 0, 0, 1],
      ],
    ]) {
      const real = host.map((rows, i) => rows.flatMap((row, t) => (mask[i]?.[t] ? [{ row, place: t + 1 }] : [])));
      const over = (combine: (rows: { row: number[]; place: number }[], d: number) => number): number[] =>
        real.flatMap((rows) => [0, 1, 2].map((d) => combine(rows, d)));
      const sum = (rows: { row: number[] }[], d: number): number =>
        rows.reduce((all, { row }) => all + (row[d] ?? 0), 0);
      const expected: Record<Pooling, number[]> = {
        cls: host.flatMap(([first]) => first ?? []),
        mean: over((rows, d) => sum(rows, d) / rows.length),
        meanSqrtLen: over((rows, d) => sum(rows, d) / Math.sqrt(rows.length)),
        max: over((rows, d) => Math.max(...rows.map(({ row }) => row[d] ?? 0))),
        weightedMean: over(
          (rows, d) =>
            rows.reduce((all, { row, place }) => all + place * (row[d] ?? 0), 0) /
            rows.reduce((all, { place }) => all + place, 0),
        ),
        lastToken: over((rows, d) => rows.at(-1)?.row[d] ?? 0),
      };
      const given = tensor(mask, { dtype: 'int32' });
      for (const [pooling, values] of Object.entries(expected))
        expect(await poolStates(states, given, { pooling: pooling as Pooling }).data(), pooling).toBeClose(
          values,
          close,
        );
      const joined = poolStates(states, given, { pooling: ['cls', 'mean'] });
      expect(joined.shape).toEqual([2, 6]);
    }
    expect(() => poolStates(states, randn([2, 4]), { pooling: 'median' as 'mean' })).toThrow(ArgumentError);
  });

  it('gives a text the same vector alone and among others, and alike texts a high similarity', async () => {
    const sentences = new SentenceTransformer(bert(), tokenizer(), { normalize: true });
    const ids = memory().tensors;
    const all = await sentences.encode(texts, { batchSize: 2 });
    expect(all.shape).toEqual([4, 8]);
    expect(memory().tensors).toBe(ids + 1);
    const rows = (await all.toArray()) as number[][];
    for (const [i, text] of texts.entries()) {
      const alone = await sentences.encode(text);
      expect(alone.shape).toEqual([8]);
      expect(rows[i]).toBeClose(Array.from(await alone.data()), close);
      expect(Math.hypot(...(rows[i] ?? []))).toBeCloseTo(1, 5);
    }
    const alike = (await sentences.similarity(all, all).toArray()) as number[][];
    for (const [i, row] of alike.entries())
      for (const [j, value] of row.entries()) {
        const dot = (rows[i] ?? []).reduce((sum, x, d) => sum + x * (rows[j]?.[d] ?? 0), 0);
        expect(value).toBeCloseTo(dot, 4);
      }
    expect(sentences.similarity(all, all.select(0, 0)).shape).toEqual([4, 1]);
    expect((await sentences.encode([])).shape).toEqual([0, 0]);
    const raw = await sentences.encode('film', { normalize: false });
    expect(Math.hypot(...(await raw.data()))).not.toBeCloseTo(1, 2);
    expect(() => sentences.similarity(randn([1, 2, 3]), all)).toThrow(ShapeError);
    await expect(sentences.encode([5 as unknown as string])).rejects.toThrow(/a text must be a string/);
  });

  it('writes the folder that sentence-transformers reads, and reads it', async () => {
    const own = new SentenceTransformer(bert(), tokenizer(), {
      pooling: ['cls', 'max'],
      normalize: true,
      maxSeqLength: 5,
    });
    await own.savePretrained(folder);
    const modules = JSON.parse(await readFile(join(folder, 'modules.json'), 'utf8')) as {
      type: string;
      path: string;
    }[];
    expect(modules.map(({ type, path }) => [type, path])).toEqual([
      ['sentence_transformers.models.Transformer', ''],
      ['sentence_transformers.models.Pooling', '1_Pooling'],
      ['sentence_transformers.models.Normalize', '2_Normalize'],
    ]);
    const pooling = JSON.parse(await readFile(join(folder, '1_Pooling/config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(pooling).toMatchObject({
      word_embedding_dimension: 8,
      pooling_mode_cls_token: true,
      pooling_mode_max_tokens: true,
      pooling_mode_mean_tokens: false,
    });
    const again = await SentenceTransformer.fromPretrained(folder);
    expect(again.config).toEqual(own.config);
    expect(await (await again.encode(texts)).data()).toEqual(await (await own.encode(texts)).data());
    // Twice over the same folder.
    await again.savePretrained(folder);
    // [CLS] and [SEP] leave room for three words.
    expect(await (await own.encode('the cat sat')).data()).toEqual(await (await own.encode('the cat sat on')).data());
  });

  it('reads a folder without modules as a transformer whose states are averaged', async () => {
    await bert().savePretrained(folder, { tokenizer: tokenizer() });
    const own = await SentenceTransformer.fromPretrained(folder);
    expect(own.config).toEqual({ pooling: ['mean'], normalize: false, maxSeqLength: null, doLowerCase: false });
    expect(own.maxSeqLength).toBe(16);
  });

  it('says which step of a folder is not here', async () => {
    await bert().savePretrained(folder, { tokenizer: tokenizer() });
    const write = (modules: unknown) => writeFile(join(folder, 'modules.json'), JSON.stringify(modules));
    const read = () => SentenceTransformer.fromPretrained(folder);
    const type = (kind: string) => `sentence_transformers.models.${kind}`;
    await write([{ type: type('Dense'), path: '2_Dense' }]);
    await expect(read()).rejects.toThrow(/modules of the kind Dense are not supported/);
    await write([{ type: type('Transformer'), path: '0_Transformer' }]);
    await expect(read()).rejects.toThrow(/must lie in the folder itself/);
    await write([{ type: type('Pooling'), path: '../other' }]);
    await expect(read()).rejects.toThrow(FormatError);
    await write([{ type: type('Pooling'), path: '1_Pooling' }]);
    await expect(read()).rejects.toThrow(/1_Pooling\/config\.json.*no such file/);
    await mkdir(join(folder, '1_Pooling'));
    await writeFile(join(folder, '1_Pooling/config.json'), '{"pooling_mode_mean_tokens": false}');
    await expect(read()).rejects.toThrow(/no way of pooling is switched on/);
    await write({});
    await expect(read()).rejects.toThrow(/expected a list of modules/);
  });
});

const miniLM = fileURLToPath(new URL('../../../shared/data/tokenizers/all-MiniLM-L6-v2', import.meta.url));
it.skipIf(!existsSync(miniLM))('reads what MiniLM does (skipped where there is no shared data folder)', async () => {
  expect(await readSentenceConfig(await openModelFiles(miniLM))).toEqual({
    pooling: ['mean'],
    normalize: true,
    maxSeqLength: 256,
    doLowerCase: false,
  });
});
