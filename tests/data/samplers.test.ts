// Weighted samplers beside PyTorch (tests/goldens/samplers.py), batches made ahead, blocks of tokens, pairs of texts, whole words.
import { readFileSync } from 'node:fs';
import {
  BertTokenizer,
  DataCollatorForSeq2Seq,
  DataCollatorForWholeWordMask,
  DataLoader,
  Dataset,
  groupTexts,
  WeightedRandomSampler,
} from '@course/data';
import { ArgumentError, Generator, init, memory } from '@course/tensor';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

interface Draws {
  seed: number;
  weights: number[];
  count: number;
  rows: number[];
}
interface Orders {
  seed: number;
  length: number;
  epochs: number[][][];
}
const goldens: { cases: Draws[]; orders: Orders[] } = JSON.parse(
  readFileSync(new URL('../goldens/samplers.json', import.meta.url), 'utf8'),
);
const pieces = ['un', '##want', '##ed', 'run', '##ning', 'a', 'b', 'c', 'd'];
const vocab = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...pieces,
  ...Array.from({ length: 86 }, (_, i) => `w${i}`),
];
const tokenizer = new BertTokenizer({ vocab });

beforeAll(async () => {
  await init({ device: 'cpu' });
});

describe('WeightedRandomSampler', () => {
  it.each(goldens.cases)('draws what PyTorch draws: seed $seed', ({ seed, weights, count, rows }) => {
    const sampler = new WeightedRandomSampler(weights, { batchSize: 7, numSamples: count, seed });
    expect(sampler.length).toBe(Math.ceil(count / 7));
    expect(sampler.batches(0).flat()).toEqual(rows);
    // Epoch e is that of seed + e.
    const before = new WeightedRandomSampler(weights, { batchSize: 7, numSamples: count, seed: seed - 1 });
    expect(before.batches(1).flat()).toEqual(rows);
  });

  it('draws each row once without replacement, heavy ones first more often', () => {
    let first = 0;
    const trials = 2000;
    for (let seed = 0; seed < trials; seed++) {
      const rows =
        new WeightedRandomSampler([3, 1, 0], { batchSize: 2, numSamples: 2, replacement: false, seed }).batches(0)[0] ??
        [];
      expect([...rows].sort()).toEqual([0, 1]);
      first += Number(rows[0] === 0);
    }
    // Binomial with p = 3/4: within 5 standard deviations.
    expect(Math.abs(first - 0.75 * trials)).toBeLessThan(5 * Math.sqrt(trials * 0.75 * 0.25));
  });

  it('refuses what has no meaning', () => {
    for (const [weights, options] of [
      [[0, 0], { batchSize: 1 }],
      [[-1, 2], { batchSize: 1 }],
      [[Number.NaN], { batchSize: 1 }],
      [[1, 1], { batchSize: 0 }],
      [[1, 1], { batchSize: 1, numSamples: 3, replacement: false }],
      [[1], { batchSize: 1, seed: 0.5 }],
    ] as const)
      expect(() => new WeightedRandomSampler(weights, options)).toThrow(ArgumentError);
  });
});

describe('a generator', () => {
  const make = (length: number, seed: number): DataLoader<{ i: number }> =>
    new DataLoader(Dataset.fromRows(Array.from({ length }, (_, i) => ({ i }))), {
      batchSize: 3,
      shuffle: true,
      generator: new Generator().manualSeed(seed),
    });
  const epoch = async (loader: DataLoader<{ i: number }>): Promise<number[][]> => {
    const batches: number[][] = [];
    for await (const { i } of loader) batches.push(i);
    return batches;
  };

  it.each(goldens.orders)('shuffles epoch after epoch as in PyTorch: seed $seed', async ({ seed, length, epochs }) => {
    const loader = make(length, seed);
    for (const expected of epochs) expect(await epoch(loader)).toEqual(expected);
  });

  it('is resumed where its epoch began', async () => {
    const { seed, length, epochs } = goldens.orders[1] ?? { seed: 0, length: 0, epochs: [] };
    for (let cut = 0; cut <= 5; cut++) {
      const loader = make(length, seed);
      expect(loader.state()).toMatchObject({ epoch: 0, batch: 0 });
      await epoch(loader);
      const seen: number[][] = [];
      if (cut > 0) {
        for await (const { i } of loader) {
          seen.push(i);
          if (seen.length === cut) break;
        }
      }
      const state = JSON.parse(JSON.stringify(loader.state()));
      const rest = make(length, 0);
      rest.loadState(state);
      if (cut < 5) seen.push(...(await epoch(rest)));
      expect(seen).toEqual(epochs[1]);
      expect(await epoch(rest)).toEqual(epochs[2]);
    }
  });

  it('has a place in states of its loaders alone', () => {
    const loader = make(9, 1);
    expect(() => loader.loadState({ epoch: 0, batch: 1 })).toThrow('lacks a generator, which this loader draws from');
    const seeded = new DataLoader(loader.dataset, { batchSize: 3, shuffle: true });
    expect(() => seeded.loadState(loader.state())).toThrow('has a generator, which this loader does not draw from');
    expect(() => seeded.setEpoch(4)).not.toThrow();
    for (const options of [
      { shuffle: false },
      { shuffle: true, seed: 1 },
      { shuffle: true, bucketByLength: { key: () => 1 } },
    ])
      expect(() => new DataLoader(loader.dataset, { ...options, generator: new Generator() })).toThrow(ArgumentError);
  });

  it('refuses a place that is none', async () => {
    for (const generator of ['%', 'AAAA']) {
      const loader = make(9, 1);
      loader.loadState({ epoch: 0, batch: 1, generator });
      await expect(epoch(loader)).rejects.toThrow(ArgumentError);
    }
  });
});

describe('prefetch', () => {
  const numbers = Dataset.fromRows(Array.from({ length: 10 }, (_, i) => ({ i })));

  it('makes batches ahead, in order, and keeps the place', async () => {
    let made = 0;
    const collate = async (rows: readonly { i: number }[]): Promise<number[]> => {
      made++;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return rows.map(({ i }) => i);
    };
    const loader = new DataLoader(numbers, { batchSize: 2, prefetch: 2, collate });
    const seen: number[][] = [];
    for await (const batch of loader) {
      seen.push(batch);
      if (seen.length === 1) expect(made).toBe(3);
      if (seen.length === 2) break;
    }
    expect(loader.state()).toEqual({ epoch: 0, batch: 2 });
    const rest = new DataLoader(numbers, { batchSize: 2, prefetch: 1, collate });
    rest.loadState(loader.state());
    for await (const batch of rest) seen.push(batch);
    expect(seen.flat()).toEqual(numbers.column('i'));
    expect(() => new DataLoader(numbers, { prefetch: -1 })).toThrow(ArgumentError);
  });

  it('frees what is not used, and tells a failure at its turn', async () => {
    const tokens = Dataset.fromRows([{ x: 1 }, { x: 2 }, { x: 3 }]).withFormat({ type: 'torch' });
    const before = memory().tensors;
    for await (const batch of new DataLoader(tokens, { prefetch: 2 })) {
      batch.x.dispose();
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(memory().tensors).toBe(before);
    const seen: number[] = [];
    const failing = new DataLoader(numbers, {
      prefetch: 3,
      collate: async ([row]) => {
        if (row?.i === 2) throw new ArgumentError('no such luck');
        return row?.i ?? -1;
      },
    });
    const run = async (): Promise<void> => {
      for await (const i of failing) seen.push(i);
    };
    await expect(run()).rejects.toThrow('no such luck');
    expect(seen).toEqual([0, 1]);
  });
});

it('groups texts into blocks', async () => {
  const rows = Dataset.fromRows([{ inputIds: [1, 2, 3] }, { inputIds: [4] }, { inputIds: [5, 6, 7, 8, 9] }]);
  const blocks = await rows.map(groupTexts(4), { batched: true });
  expect([...blocks]).toEqual([
    { inputIds: [1, 2, 3, 4], labels: [1, 2, 3, 4] },
    { inputIds: [5, 6, 7, 8], labels: [5, 6, 7, 8] },
  ]);
  expect(() => groupTexts(0)).toThrow(ArgumentError);
  expect(() => groupTexts(2)({ inputIds: [[1, 2]], attentionMask: [[1]] })).toThrow(ArgumentError);
  // Columns keep their names and types, which a collator asks for.
  const typed = Dataset.fromRows([{ inputIds: [1, 2, 3], attentionMask: [1, 1, 1] }]);
  const pairs = await typed.map(groupTexts(2), { batched: true });
  expectTypeOf(pairs.at(0)).toEqualTypeOf<{ inputIds: number[]; attentionMask: number[]; labels: number[] }>();
});

it('pads pairs of texts', async () => {
  const collator = new DataCollatorForSeq2Seq(tokenizer, { decoderStartTokenId: 2 });
  const batch = collator.collate([
    { inputIds: [2, 10, 3], labels: [11, 12, 3] },
    { inputIds: [2, 3], labels: [3] },
  ]);
  expect(await batch.inputIds.toArray()).toEqual([
    [2, 10, 3],
    [2, 3, 0],
  ]);
  expect(await batch.labels.toArray()).toEqual([
    [11, 12, 3],
    [3, -100, -100],
  ]);
  expect(await batch.decoderInputIds?.toArray()).toEqual([
    [2, 11, 12],
    [2, 3, 0],
  ]);
  const plain = new DataCollatorForSeq2Seq(tokenizer, { padToMultipleOf: 4 }).collate([{ inputIds: [2], labels: [3] }]);
  expect(await plain.labels.toArray()).toEqual([[3, -100, -100, -100]]);
  expect(plain.decoderInputIds).toBeUndefined();
  expect(() => collator.collate([{ inputIds: [2] } as never])).toThrow(ArgumentError);
});

it('hides whole words, 80/10/10', async () => {
  const generator = new Generator().manualSeed(1);
  const collator = new DataCollatorForWholeWordMask(tokenizer, { generator });
  const row = tokenizer.encode('unwanted running a b c d unwanted running a b c d');
  const counts = { asked: 0, mask: 0, same: 0, other: 0 };
  for (let i = 0; i < 1500; i++) {
    const { inputIds, labels } = collator.collate([row]);
    const [[ids = []], [asked = []]] = [await inputIds.toArray(), await labels.toArray()] as [number[][], number[][]];
    const places = asked.flatMap((label, place) => (label === -100 ? [] : [place]));
    // 19 tokens with [CLS] and [SEP]: at most round(19 * 0.15) of them, and never a part of a word.
    expect(places.length).toBeLessThanOrEqual(3);
    for (const word of [
      [1, 2, 3],
      [4, 5],
      [10, 11, 12],
      [13, 14],
    ])
      expect([0, word.length]).toContain(word.filter((place) => places.includes(place)).length);
    expect([asked[0], asked.at(-1)]).toEqual([-100, -100]);
    for (const [place, id] of ids.entries()) {
      const before = row.inputIds[place];
      if (asked[place] === -100) expect(id).toBe(before);
      else {
        expect(asked[place]).toBe(before);
        counts.asked++;
        counts[id === 4 ? 'mask' : id === before ? 'same' : 'other']++;
      }
    }
    inputIds.dispose();
    labels.dispose();
  }
  // A random token is the mask or the old one in 1 of 100 cases each: 5 standard deviations hold that too.
  for (const [kind, share] of [
    ['mask', 0.801],
    ['same', 0.101],
    ['other', 0.098],
  ] as const) {
    const bound = 5 * Math.sqrt(counts.asked * share * (1 - share));
    expect(Math.abs(counts[kind] - share * counts.asked), kind).toBeLessThan(bound);
  }
  expect(() => new DataCollatorForWholeWordMask(tokenizer, { mlmProbability: 0 })).toThrow(ArgumentError);
});
