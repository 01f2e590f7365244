// The call of a tokenizer in Hugging Face's form: one text, pair or batch; lists, host arrays or tensors; which columns.
import { mkdirSync } from 'node:fs';
import {
  AutoTokenizer,
  BertTokenizer,
  DataCollatorWithPadding,
  Dataset,
  type HostArray,
  trainByteLevelBpe,
} from '@course/data';
import { ArgumentError, init, ShapeError, type Tensor } from '@course/tensor';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { failure, temporaryFolder } from './support/files.js';
import { rust, rustWindows, twinOf } from './support/oracle.js';
import { smallVocab } from './support/vocabulary.js';

const { folder, write } = temporaryFolder();
const tokenizer = new BertTokenizer({ vocab: smallVocab, modelMaxLength: 32 });
const texts = ['the token', 'a question the world playing'];

describe('a call', () => {
  it('of one text gives lists, of several lists of lists', () => {
    const one = tokenizer.call('the token');
    expectTypeOf(one.inputIds).toEqualTypeOf<number[]>();
    const { inputIds, tokenTypeIds, attentionMask } = tokenizer.encode('the token');
    expect(one).toEqual({ inputIds, tokenTypeIds, attentionMask });
    const batch = tokenizer.call(texts);
    expectTypeOf(batch.inputIds).toEqualTypeOf<number[][]>();
    expect(batch.inputIds).toEqual(texts.map((text) => tokenizer.encode(text).inputIds));
    expect(tokenizer.call([])).toEqual({ inputIds: [], tokenTypeIds: [], attentionMask: [] });
    // A list of one text is a list.
    expect(tokenizer.call(['the']).inputIds).toEqual([tokenizer.encode('the').inputIds]);
  });

  it('takes pairs beside each other or in pairs', () => {
    const expected = tokenizer.encode('a question', { pair: 'the world' }).inputIds;
    expect(tokenizer.call('a question', 'the world').inputIds).toEqual(expected);
    expect(tokenizer.call(['a question'], ['the world'], {}).inputIds).toEqual([expected]);
    expect(tokenizer.call([['a question', 'the world']]).inputIds).toEqual([expected]);
    expect(tokenizer.call('a question', undefined, { addSpecialTokens: false }).inputIds).toHaveLength(
      tokenizer.tokenize('a question').length,
    );
    expect(() => tokenizer.call(['a', 'b'], ['c'])).toThrow('2 texts do not match 1 second texts');
    expect(() => tokenizer.call(['a'], 'b')).toThrow('a list of texts needs a list of second texts');
    expect(() => tokenizer.call('a', ['b'])).toThrow(ArgumentError);
    // @ts-expect-error no text
    expect(() => tokenizer.call(7)).toThrow(ArgumentError);
  });

  it('takes lists of words for texts', () => {
    const options = { isSplitIntoWords: true } as const;
    const one = tokenizer.call(['the', 'tokens'], options);
    expectTypeOf(one.inputIds).toEqualTypeOf<number[]>();
    expect(one.inputIds).toEqual(tokenizer.encode(['the', 'tokens'], options).inputIds);
    const batch = tokenizer.call([['the', 'tokens'], ['a']], options);
    expectTypeOf(batch.inputIds).toEqualTypeOf<number[][]>();
    expect(batch.inputIds).toHaveLength(2);
    expect(tokenizer.call(['a', 'question'], ['the', 'world'], options).inputIds).toEqual(
      tokenizer.encode(['a', 'question'], { ...options, pair: ['the', 'world'] }).inputIds,
    );
  });

  it('has the columns that the model reads, and those asked for', () => {
    expect(Object.keys(tokenizer.call('a'))).toEqual(['inputIds', 'tokenTypeIds', 'attentionMask']);
    expect(Object.keys(tokenizer.call('a', { returnTokenTypeIds: false, returnAttentionMask: false }))).toEqual([
      'inputIds',
    ]);
    const gpt = trainByteLevelBpe(['a text'], { vocabSize: 258, minFrequency: 1 });
    expect(Object.keys(gpt.call('a'))).toEqual(['inputIds', 'attentionMask']);
    expect(gpt.call('a', { returnTokenTypeIds: true }).tokenTypeIds).toEqual([0]);
    const all = tokenizer.call(texts, {
      padding: 'longest',
      paddingSide: 'left',
      returnSpecialTokensMask: true,
      returnOffsetsMapping: true,
      returnLength: true,
    });
    const rows = tokenizer.encodeBatch(texts, { padding: true, paddingSide: 'left' }).encodings;
    expectTypeOf(all.offsetMapping).toEqualTypeOf<[start: number, end: number][][]>();
    expect(all.offsetMapping).toEqual(rows.map(({ offsets }) => offsets));
    expect(all.specialTokensMask).toEqual(rows.map(({ specialTokensMask }) => specialTokensMask));
    expect(all.length).toEqual(rows.map(({ inputIds }) => inputIds.length));
  });

  it('gives windows a row each, and whose they are', () => {
    const options = { truncation: true, maxLength: 4, stride: 1, returnOverflowingTokens: true } as const;
    const one = tokenizer.call(texts[1] ?? '', options);
    expectTypeOf(one.inputIds).toEqualTypeOf<number[][]>();
    expect(one.inputIds.length).toBeGreaterThan(2);
    expect(one.overflowToSampleMapping).toEqual(one.inputIds.map(() => 0));
    const both = tokenizer.call(texts, options);
    expect(new Set(both.overflowToSampleMapping)).toEqual(new Set([0, 1]));
  });

  it('is what map with `batched` wants', async () => {
    const dataset = Dataset.fromRows(texts.map((text, label) => ({ text, label })));
    const tokenized = await dataset.map(
      ({ text, label }) => ({ ...tokenizer.call(text, { truncation: true, maxLength: 5 }), label }),
      { batched: true },
    );
    expect(tokenized.columns).toEqual(['inputIds', 'tokenTypeIds', 'attentionMask', 'label']);
    expectTypeOf(tokenized.at(0).inputIds).toEqualTypeOf<number[]>();
    await init({ device: 'cpu' });
    expect(new DataCollatorWithPadding(tokenizer).collate([...tokenized]).inputIds.shape).toEqual([2, 5]);
  });
});

describe('the inputs of a model', () => {
  it('are told by its files: token types are none of DistilBERT', async () => {
    const files = tokenizer.toFiles();
    const config = JSON.parse(files['tokenizer_config.json'] ?? '');
    const inputs = async (name: string, change: Record<string, unknown>): Promise<readonly string[]> => {
      mkdirSync(`${folder}/${name}`);
      write(`${name}/tokenizer.json`, files['tokenizer.json'] ?? '');
      const { model_input_names: _, ...rest } = config;
      write(`${name}/tokenizer_config.json`, JSON.stringify({ ...rest, ...change }));
      const loaded = await AutoTokenizer.fromPretrained(`${folder}/${name}`);
      await loaded.save(`${folder}/${name}-again`);
      const again = await AutoTokenizer.fromPretrained(`${folder}/${name}-again`);
      expect(again.modelInputNames).toEqual(loaded.modelInputNames);
      return loaded.modelInputNames;
    };
    expect(await inputs('bert', {})).toEqual(['inputIds', 'tokenTypeIds', 'attentionMask']);
    expect(await inputs('distilbert', { tokenizer_class: 'DistilBertTokenizer' })).toEqual([
      'inputIds',
      'attentionMask',
    ]);
    expect(await inputs('told', { model_input_names: ['input_ids', 'pixel_values'] })).toEqual(['inputIds']);
  });
});

onEachDevice('returnTensors', () => {
  it("gives int32 tensors with 'pt', also of one text", async () => {
    const batch = tokenizer.call(texts, {
      padding: 'max_length',
      maxLength: 9,
      truncation: true,
      returnTensors: 'pt',
      returnOffsetsMapping: true,
      returnLength: true,
    });
    expectTypeOf(batch.inputIds).toEqualTypeOf<Tensor>();
    expect(batch.inputIds.dtype).toBe('int32');
    const lists = tokenizer.call(texts, { padding: 'max_length', maxLength: 9, returnOffsetsMapping: true });
    expect(await batch.inputIds.toArray()).toEqual(lists.inputIds);
    expect(await batch.tokenTypeIds?.toArray()).toEqual(lists.tokenTypeIds);
    expect(await batch.attentionMask.toArray()).toEqual(lists.attentionMask);
    expect(await batch.offsetMapping.toArray()).toEqual(lists.offsetMapping);
    expect(await batch.length.toArray()).toEqual([9, 9]);
    expect(tokenizer.call('the', { returnTensors: 'pt' }).inputIds.shape).toEqual([1, 3]);
    expect(() => tokenizer.call(texts, { returnTensors: 'pt' })).toThrow(ShapeError);
  });
});

describe("returnTensors 'np'", () => {
  it('gives arrays on the host', () => {
    const batch = tokenizer.call(texts, { padding: true, padToMultipleOf: 8, returnTensors: 'np' });
    expectTypeOf(batch.inputIds).toEqualTypeOf<HostArray>();
    expect(batch.inputIds.shape).toEqual([2, 8]);
    expect(Array.from(batch.inputIds.data)).toEqual(
      tokenizer.call(texts, { padding: true, padToMultipleOf: 8 }).inputIds.flat(),
    );
  });
});

describe('the sections of tokenizer.json', () => {
  const sectionsOf = (of: BertTokenizer): { truncation: unknown; padding: unknown } =>
    JSON.parse(of.toFiles()['tokenizer.json'] ?? '');
  let loaded: BertTokenizer;
  const options = {
    truncation: 'only_first',
    maxLength: 6,
    stride: 1,
    padding: 'max_length',
    padToMultipleOf: 4,
  } as const;
  beforeAll(async () => {
    const leftish = new BertTokenizer({ vocab: smallVocab, paddingSide: 'left', truncationSide: 'left' });
    await leftish.save(`${folder}/sections`, options);
    loaded = await BertTokenizer.fromPretrained(`${folder}/sections/tokenizer.json`);
  });

  it('are written when asked for, read, and written again', () => {
    expect(sectionsOf(tokenizer)).toMatchObject({ truncation: null, padding: null });
    expect(sectionsOf(loaded)).toMatchObject({
      truncation: { direction: 'Left', max_length: 6, strategy: 'OnlyFirst', stride: 1 },
      padding: { strategy: { Fixed: 6 }, direction: 'Left', pad_to_multiple_of: 4, pad_id: 0, pad_token: '[PAD]' },
    });
    expect([loaded.paddingSide, loaded.truncationSide]).toEqual(['left', 'left']);
    const longest = tokenizer.toFiles({ padding: true })['tokenizer.json'] ?? '';
    expect(JSON.parse(longest)).toMatchObject({ truncation: null, padding: { strategy: 'BatchLongest' } });
    // As in transformers, calls go by their own options.
    expect(loaded.encode(texts[1] ?? '').inputIds).toEqual(tokenizer.encode(texts[1] ?? '').inputIds);
  });

  it.skipIf(rust === undefined)('make the Rust tokenizers do what the same options do here', async () => {
    const twin = twinOf(loaded);
    for (const text of ['', 'the', ...texts, 'the world '.repeat(9)]) {
      const [ours, ...overflowing] = [loaded.encode(text, { ...options, returnOverflowingTokens: true })].flatMap(
        ({ overflowing: rest = [], ...first }) => [first, ...rest],
      );
      expect([ours, ...overflowing]).toEqual(await rustWindows(twin, text));
    }
  });

  it('that cannot be are named', async () => {
    const broken = JSON.parse(loaded.toFiles()['tokenizer.json'] ?? '');
    broken.truncation.strategy = 'Sideways';
    const error = await failure(BertTokenizer.fromPretrained(write('broken.json', JSON.stringify(broken))));
    expect(error.message).toMatch(/truncation: strategy: expected one of LongestFirst, .* found "Sideways"$/);
    const gpt = trainByteLevelBpe(['a text'], { vocabSize: 258, minFrequency: 1 });
    expect(() => gpt.toFiles({ padding: true })).toThrow('has no padToken');
    expect(() => gpt.toFiles({ truncation: true })).toThrow('needs maxLength');
  });
});
