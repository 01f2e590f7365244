// Batches: their order (PyTorch's for a seed), what they hold, how little is padded with length buckets, and going on after an
// interruption.

import {
  type BatchSampler,
  BertTokenizer,
  DataCollatorWithPadding,
  DataLoader,
  type DataLoaderOptions,
  Dataset,
  LengthBucketSampler,
  padSequences,
} from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { smallVocab } from './support/vocabulary.js';

const numbered = (length: number): Dataset<{ i: number }> =>
  Dataset.fromRows(Array.from({ length }, (_, i) => ({ i })));

async function collect<Batch>(loader: DataLoader<unknown, Batch> | AsyncIterable<Batch>): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}
const indices = async (loader: AsyncIterable<{ i: number[] }>): Promise<number[][]> =>
  (await collect(loader)).map(({ i }) => i);

describe('DataLoader', () => {
  it('gives rows in order as columns', async () => {
    const loader = new DataLoader(numbered(5), { batchSize: 2 });
    expect(loader.length).toBe(3);
    expect(await indices(loader)).toEqual([[0, 1], [2, 3], [4]]);
    const dropping = new DataLoader(numbered(5), { batchSize: 2, dropLast: true });
    expect(dropping.length).toBe(2);
    expect(await indices(dropping)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(await indices(new DataLoader(numbered(2)))).toEqual([[0], [1]]);
    expect(await collect(new DataLoader(numbered(0)))).toEqual([]);
    for await (const batch of loader) expectTypeOf(batch).toEqualTypeOf<{ i: number[] }>();
  });

  it('shuffles as PyTorch: torch.randperm of a generator seeded with seed + epoch', async () => {
    const loader = new DataLoader(numbered(10), { batchSize: 4, shuffle: true, seed: 42 });
    // torch.randperm(10, generator=torch.Generator().manual_seed(42)), then 43.
    expect(await indices(loader)).toEqual([
      [2, 6, 1, 8],
      [4, 5, 0, 9],
      [3, 7],
    ]);
    const second = await indices(loader);
    expect(second.flat()).not.toEqual([2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
    expect(await indices(new DataLoader(numbered(10), { batchSize: 4, shuffle: true, seed: 43 }))).toEqual(second);
    loader.setEpoch(0);
    expect((await indices(loader)).flat()).toEqual([2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
  });

  it('hands rows to a function, a promise of one, or an object', async () => {
    const sum = (rows: readonly { i: number }[]): number => rows.reduce((total, { i }) => total + i, 0);
    const dataset = numbered(4);
    expect(await collect(new DataLoader(dataset, { batchSize: 2, collate: sum }))).toEqual([1, 5]);
    expect(await collect(new DataLoader(dataset, { batchSize: 2, collate: async (rows) => sum(rows) }))).toEqual([
      1, 5,
    ]);
    expect(await collect(new DataLoader(dataset, { batchSize: 2, collate: { collate: sum } }))).toEqual([1, 5]);
    const failing = new DataLoader(dataset, { collate: () => Promise.reject(new RangeError('no')) });
    await expect(collect(failing)).rejects.toThrow('no');
  });

  it('takes batches from a sampler of its own', async () => {
    const batchSampler: BatchSampler = { length: 2, batches: (epoch) => [[epoch, 0], [3]] };
    const loader = new DataLoader(numbered(4), { batchSampler });
    expect(loader.batchSize).toBeUndefined();
    expect(await indices(loader)).toEqual([[0, 0], [3]]);
    expect(await indices(loader)).toEqual([[1, 0], [3]]);
    expect(() => new DataLoader(numbered(4), { batchSampler, shuffle: true })).toThrow(
      /shuffle has no meaning beside it/,
    );
  });

  it('refuses options out of range', () => {
    const make =
      (options: DataLoaderOptions<{ i: number }, unknown>): (() => unknown) =>
      () =>
        new DataLoader(numbered(4), options);
    for (const options of [
      { batchSize: 0 },
      { batchSize: 1.5 },
      { seed: 0.5, shuffle: true },
      { bucketByLength: { key: () => Number.NaN } },
      { bucketByLength: { key: () => 1, bucketBatches: 0 } },
    ]) {
      expect(make(options)).toThrow(ArgumentError);
    }
  });
});

describe('the position of a loader', () => {
  const options = { batchSize: 3, shuffle: true, seed: 7 };

  it('is the number of batches delivered', async () => {
    const loader = new DataLoader(numbered(8), options);
    expect(loader.state()).toEqual({ epoch: 0, batch: 0 });
    const seen: number[] = [];
    for await (const _ of loader) seen.push(loader.state().batch);
    expect(seen).toEqual([1, 2, 0]);
    expect(loader.state()).toEqual({ epoch: 1, batch: 0 });
    for await (const _ of loader) break;
    expect(loader.state()).toEqual({ epoch: 1, batch: 1 });
    // An epoch that was left is over: the next loop is the next epoch.
    await collect(loader);
    expect(loader.state()).toEqual({ epoch: 3, batch: 0 });
  });

  it('lets an interrupted run go on with the batch it would have had', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(40),
        fc.boolean(),
        async (length, batchSize, stop, buckets) => {
          const make = (): DataLoader<{ i: number }> =>
            new DataLoader(numbered(length), {
              batchSize,
              shuffle: true,
              seed: 3,
              ...(buckets ? { bucketByLength: { key: ({ i }) => i % 4, bucketBatches: 2 } } : {}),
            });
          const epochs = 3;
          const whole: number[][] = [];
          const uninterrupted = make();
          for (let epoch = 0; epoch < epochs; epoch++) whole.push(...(await indices(uninterrupted)));
          // Train up to `stop` batches, save, start again from the saved position (through JSON, as a checkpoint would).
          const first = make();
          const seen: number[][] = [];
          run: for (let epoch = 0; epoch < epochs; epoch++) {
            for await (const { i } of first) {
              seen.push(i);
              if (seen.length > stop) break run;
            }
          }
          const state = JSON.parse(JSON.stringify(first.state()));
          const resumed = make();
          resumed.loadState(state);
          for (let { epoch } = state; epoch < epochs; epoch++) {
            resumed.setEpoch(epoch);
            seen.push(...(await indices(resumed)));
          }
          expect(seen).toEqual(whole);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it('must be one that the loader has', () => {
    const loader = new DataLoader(numbered(8), options);
    for (const state of [
      { epoch: -1, batch: 0 },
      { epoch: 0, batch: 4 },
      { epoch: 0.5, batch: 0 },
      { epoch: 0, batch: -1 },
    ]) {
      expect(() => loader.loadState(state)).toThrow(ArgumentError);
    }
    loader.loadState({ epoch: 2, batch: 3 });
    expect(loader.state()).toEqual({ epoch: 3, batch: 0 });
  });
});

describe('length buckets', () => {
  // Lengths as reviews have them: most short, some very long.
  const lengths = Array.from({ length: 5000 }, (_, i) => 1 + Math.floor(300 * (((i * 7919) % 5000) / 5000) ** 3));
  const padding = (batches: readonly (readonly number[])[]): number => {
    let padded = 0;
    let real = 0;
    for (const batch of batches) {
      const longest = Math.max(...batch.map((row) => lengths[row] ?? 0));
      padded += longest * batch.length;
      for (const row of batch) real += lengths[row] ?? 0;
    }
    return padded / real - 1;
  };
  const dataset = Dataset.fromRows(lengths.map((length, i) => ({ i, length })));
  const load = async (bucketed: boolean): Promise<number[][]> =>
    indices(
      new DataLoader(dataset, {
        batchSize: 32,
        shuffle: true,
        seed: 1,
        ...(bucketed ? { bucketByLength: { key: ({ length }) => length } } : {}),
      }),
    );

  it('pad a small part of what plain shuffling pads', async () => {
    expect(padding(await load(false))).toBeGreaterThan(1);
    expect(padding(await load(true))).toBeLessThan(0.15);
  });

  it('hold every row once, in batches that come in random order', async () => {
    const batches = await load(true);
    expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    // Spearman's rank correlation of a batch's place and its longest row: 157 batches, so three standard errors are 0.24.
    const longest = batches.map((batch) => Math.max(...batch.map((row) => lengths[row] ?? 0)));
    const rank = (values: readonly number[]): number[] => {
      const sorted = values.map((value, i) => [value, i] as const).sort((a, b) => a[0] - b[0]);
      const ranks = values.map(() => 0);
      for (const [place, [, i]] of sorted.entries()) ranks[i] = place;
      return ranks;
    };
    const ranks = rank(longest);
    const n = ranks.length;
    const distance = ranks.reduce((sum, r, i) => sum + (r - i) ** 2, 0);
    expect(Math.abs(1 - (6 * distance) / (n * (n * n - 1)))).toBeLessThan(0.24);
  });

  it('are another draw every epoch, and the same one for the same epoch', () => {
    const sampler = new LengthBucketSampler(lengths, { batchSize: 32, shuffle: true, seed: 5 });
    expect(sampler.batches(3)).toEqual(sampler.batches(3));
    expect(sampler.batches(3)).not.toEqual(sampler.batches(4));
  });

  it('drop rows without looking at their length', () => {
    // 4 of 5,000 rows are left out; over 300 epochs, their mean length must be that of all rows, within three standard errors.
    const sampler = new LengthBucketSampler(lengths, { batchSize: 4996, shuffle: true, dropLast: true });
    expect(sampler.length).toBe(1);
    const dropped: number[] = [];
    for (let epoch = 0; epoch < 300; epoch++) {
      const kept = new Set(sampler.batches(epoch).flat());
      for (const [i, length] of lengths.entries()) if (!kept.has(i)) dropped.push(length);
    }
    expect(dropped).toHaveLength(1200);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const all = mean(lengths);
    const deviation = Math.sqrt(mean(lengths.map((length) => (length - all) ** 2)));
    expect(Math.abs(mean(dropped) - all)).toBeLessThan((3 * deviation) / Math.sqrt(1200));
  });

  it('without shuffling sort all rows, the longest first', () => {
    expect(new LengthBucketSampler([1, 3, 2, 3], { batchSize: 2 }).batches(0)).toEqual([
      [1, 3],
      [2, 0],
    ]);
  });
});

onEachDevice('DataCollatorWithPadding', () => {
  const tokenizer = new BertTokenizer({ vocab: smallVocab });
  const encode = (text: string, label: number) => ({ ...tokenizer.encode(text), label });
  const read = async (tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      await Promise.all(Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.toArray()] as const)),
    );

  it('pads each batch to its longest row', async () => {
    const dataset = Dataset.fromRows([encode('a', 1), encode('the world', 0), encode('a b c d', 1)]);
    const loader = new DataLoader(dataset, { batchSize: 2, collate: new DataCollatorWithPadding(tokenizer) });
    const batches = await collect(loader);
    const [first, second] = batches;
    if (first === undefined || second === undefined) throw new TypeError('expected two batches');
    expectTypeOf(first.labels).toEqualTypeOf<Tensor>();
    expect(Object.values(first).map((tensor) => [tensor.dtype, tensor.shape])).toEqual([
      ['int32', [2, 4]],
      ['int32', [2, 4]],
      ['int32', [2, 4]],
      ['int32', [2]],
    ]);
    const id = (token: string): number => smallVocab.indexOf(token);
    expect(await read({ ...first })).toEqual({
      inputIds: [
        [2, id('a'), 3, 0],
        [2, id('the'), id('world'), 3],
      ],
      attentionMask: [
        [1, 1, 1, 0],
        [1, 1, 1, 1],
      ],
      tokenTypeIds: [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
      labels: [1, 0],
    });
    expect(second.inputIds.shape).toEqual([1, 6]);
  });

  it('pads to a multiple or a length, on the side of the tokenizer', async () => {
    const rows = [{ inputIds: [5, 6, 7] }, { inputIds: Int32Array.of(8) }];
    expect(new DataCollatorWithPadding(tokenizer, { padToMultipleOf: 4 }).collate(rows).inputIds.shape).toEqual([2, 4]);
    expect(new DataCollatorWithPadding(tokenizer, { maxLength: 9 }).collate(rows).inputIds.shape).toEqual([2, 9]);
    const left = new BertTokenizer({ vocab: smallVocab, paddingSide: 'left' });
    const batch = new DataCollatorWithPadding(left).collate(rows);
    // Made before anybody knows its rows, a collator may meet some with labels.
    expectTypeOf(batch.labels).toEqualTypeOf<Tensor | undefined>();
    expectTypeOf(new DataCollatorWithPadding<{ inputIds: number[] }>(left).collate).returns.not.toHaveProperty(
      'labels',
    );
    expect(await read({ ...batch })).toEqual({
      inputIds: [
        [5, 6, 7],
        [0, 0, 8],
      ],
      attentionMask: [
        [1, 1, 1],
        [0, 0, 1],
      ],
      tokenTypeIds: [
        [0, 0, 0],
        [0, 0, 0],
      ],
    });
  });

  it('pads labels of tokens with -100', async () => {
    const rows = [
      { inputIds: [1, 2], labels: [7, -100] },
      { inputIds: [3], labels: [9] },
    ];
    const { labels } = new DataCollatorWithPadding<{ inputIds: number[]; labels: number[] }>(tokenizer).collate(rows);
    expect(await labels.toArray()).toEqual([
      [7, -100],
      [9, -100],
    ]);
  });

  it('refuses rows that do not fit together', () => {
    const collator = new DataCollatorWithPadding(tokenizer, { maxLength: 2 });
    const refused = (rows: Parameters<typeof collator.collate>[0], message: string): void => {
      expect(() => collator.collate(rows)).toThrow(ArgumentError);
      expect(() => collator.collate(rows)).toThrow(message);
    };
    refused([], 'no rows to make a batch of');
    refused([{ inputIds: [1, 2, 3] }], 'a row of 3 tokens is longer than maxLength 2');
    refused([{ inputIds: [1, 2], attentionMask: [1] }], 'row 0 of the batch has 2 inputIds but 1 attentionMask');
    refused([{ inputIds: [1], label: 1 }, { inputIds: [1] }], 'row 1 of the batch has no label');
    refused(
      [
        { inputIds: [1], label: 1 },
        { inputIds: [1], labels: [1] },
      ],
      'row 1 of the batch has several labels',
    );
    refused(
      [
        { inputIds: [1], labels: [1] },
        { inputIds: [1], label: 1 },
      ],
      'row 1 of the batch has one label',
    );
    refused([{ inputIds: [1], label: 0.5 }], 'the label of row 0 of the batch must be a whole number, got 0.5');
    expect(() => new DataCollatorWithPadding(tokenizer, { padToMultipleOf: 0 })).toThrow(ArgumentError);
  });

  it('padSequences pads and cuts before or after, as Keras', async () => {
    const sequences = [[1], [2, 3, 4]];
    expect(await padSequences(sequences).toArray()).toEqual([
      [0, 0, 1],
      [2, 3, 4],
    ]);
    expect(await padSequences(sequences, { maxLength: 2 }).toArray()).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(
      await padSequences(sequences, { maxLength: 2, padding: 'post', truncating: 'post', value: -1 }).toArray(),
    ).toEqual([
      [1, -1],
      [2, 3],
    ]);
    expect(() => padSequences(sequences, { maxLength: -1 })).toThrow(ArgumentError);
  });
});
