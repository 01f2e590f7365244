// What data sets do with columns: sorting, renaming, formats, features, batches; map with batches, workers and a file that keeps its
// result; the splits and orders of Hugging Face's `datasets` (tests/goldens/datasets.py).
import { readFileSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { concatenateDatasets, DataLoader, Dataset, IterableDataset } from '@course/data';
import { ArgumentError, init, type Tensor } from '@course/tensor';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { failure, temporaryFolder } from './support/files.js';

interface Goldens {
  splits: { seed: number; labels: number[]; testSize: number; train: number[]; test: number[] }[];
  shuffles: { seed: number; length: number; bufferSize: number; order: number[] }[];
}
const goldens: Goldens = JSON.parse(readFileSync(new URL('../goldens/datasets.json', import.meta.url), 'utf8'));
const { folder, write } = temporaryFolder();
const rows = [
  { text: 'b', label: 1, score: 0.5 },
  { text: 'a', label: 0, score: 2 },
  { text: 'c', label: 1, score: 1 },
];
const dataset = Dataset.fromRows(rows);

beforeAll(async () => {
  await init({ device: 'cpu' });
});

describe('columns', () => {
  it('are renamed, removed, selected and added', () => {
    const renamed = dataset.renameColumn('label', 'labels');
    expectTypeOf(renamed.at(0).labels).toEqualTypeOf<number>();
    expect(renamed.at(0)).toEqual({ text: 'b', labels: 1, score: 0.5 });
    expect(renamed.columnNames).toEqual(['text', 'labels', 'score']);
    expect(dataset.removeColumns(['score', 'text']).at(1)).toEqual({ label: 0 });
    expect(dataset.selectColumns(['score', 'text']).columns).toEqual(['score', 'text']);
    expect(dataset.addColumn('id', [7, 8, 9]).at(-1)).toEqual({ text: 'c', label: 1, score: 1, id: 9 });
    expect(Dataset.fromDict({ a: [1, 2], b: ['x', 'y'] }).at(1)).toEqual({ a: 2, b: 'y' });
    for (const act of [
      () => dataset.renameColumn('label', 'text'),
      () => dataset.removeColumns('nothing' as 'text'),
      () => dataset.selectColumns(['nothing' as 'text']),
      () => dataset.addColumn('text', [1, 2, 3]),
      () => dataset.addColumn('id', [1]),
      () => Dataset.fromDict({ a: [1], b: [1, 2] }),
    ])
      expect(act).toThrow(ArgumentError);
  });

  it('tell what they hold', () => {
    expect(dataset.features).toEqual({
      text: { type: 'Value', dtype: 'string' },
      label: { type: 'Value', dtype: 'int64' },
      score: { type: 'Value', dtype: 'float64' },
    });
    const classes = { type: 'ClassLabel', names: ['neg', 'pos'] } as const;
    const declared = Dataset.fromRows(rows, { features: { label: classes } });
    expect(declared.shuffle({ seed: 1 }).take(2).renameColumn('label', 'y').features.y).toEqual(classes);
    expect(Dataset.fromRows([{ ids: [1, 2] }, { ids: null }]).features.ids).toEqual({
      type: 'Sequence',
      feature: { type: 'Value', dtype: 'int64' },
    });
  });

  it('keep declared classes through map', async () => {
    const classes = { type: 'ClassLabel', names: ['neg', 'pos'] } as const;
    const mapped = await Dataset.fromRows(rows, { features: { label: classes } }).map((row) => ({ label: row.label }));
    expect(mapped.features).toEqual({ label: classes });
  });

  it('give their values once', () => {
    expect(dataset.unique('label')).toEqual([1, 0]);
    expect(() => Dataset.fromRows([{ a: [1] }]).unique('a')).toThrow(ArgumentError);
  });

  it('come in batches', () => {
    expect([...dataset.iter({ batchSize: 2 })]).toEqual([
      { text: ['b', 'a'], label: [1, 0], score: [0.5, 2] },
      { text: ['c'], label: [1], score: [1] },
    ]);
    expect([...dataset.iter({ batchSize: 2, dropLastBatch: true })]).toHaveLength(1);
    expect(() => [...dataset.iter({ batchSize: 0 })]).toThrow(ArgumentError);
  });

  it('order rows', async () => {
    expect(dataset.sort('text').column('text')).toEqual(['a', 'b', 'c']);
    expect(dataset.sort(['label', 'score'], { reverse: [true, false] }).column('text')).toEqual(['b', 'c', 'a']);
    const holes = Dataset.fromRows([{ x: 2 }, { x: null }, { x: Number.NaN }, { x: 1 }]);
    expect(holes.sort('x').column('x')).toEqual([1, 2, Number.NaN, null]);
    expect(holes.sort('x', { nullPlacement: 'at_start' }).column('x')[0]).toBeNull();
    expect(() => Dataset.fromRows([{ x: 1 }, { x: 'a' }]).sort('x')).toThrow(ArgumentError);
    // By code points: the order of the bytes of UTF-8.
    const texts = fc.array(fc.string({ unit: 'binary' }));
    const sorts = fc.property(texts, (unsorted) => {
      const sorted = Dataset.fromRows(unsorted.map((text) => ({ text }))).sort('text');
      const bytes = unsorted.map((text) => Buffer.from(text)).sort(Buffer.compare);
      expect(sorted.column('text')).toEqual(bytes.map(String));
    });
    await fc.assert(sorts);
  });

  it('are put together', () => {
    const both = concatenateDatasets([dataset, dataset.take(1)]);
    expect([...both]).toEqual([...rows, rows[0]]);
    expect(() => concatenateDatasets([dataset, dataset.removeColumns('text') as never])).toThrow(
      /data set 1 has the columns/,
    );
    expect(() => concatenateDatasets([])).toThrow(ArgumentError);
  });
});

describe('formats', () => {
  it('choose columns, with the others or without', () => {
    const view = dataset.skip(0);
    view.setFormat({ columns: ['label'] });
    expect(view.at(0)).toEqual({ label: 1 });
    expect([...view]).toHaveLength(3);
    view.setFormat({ columns: ['label'], outputAllColumns: true });
    expect(view.at(0)).toEqual({ label: 1, text: 'b', score: 0.5 });
    view.resetFormat();
    expect(view.at(0)).toEqual(rows[0]);
    expect(() => view.setFormat({ columns: ['nothing' as 'text'] })).toThrow(ArgumentError);
  });

  it('make tensors of numbers, which a loader stacks', async () => {
    const tokens = Dataset.fromRows([
      { ids: [1, 2], label: 1, weight: 0.5, text: 'x' },
      { ids: [3, 4], label: 0, weight: 1, text: 'y' },
    ]).withFormat({ type: 'torch', columns: ['ids', 'label', 'weight'], outputAllColumns: true });
    const first = tokens.at(0);
    expectTypeOf(first.ids).toEqualTypeOf<Tensor>();
    expect([first.ids.dtype, first.ids.shape, first.label.shape, first.text]).toEqual(['int32', [2], [], 'x']);
    for await (const batch of new DataLoader(tokens, { batchSize: 2 })) {
      expectTypeOf(batch.ids).toEqualTypeOf<Tensor>();
      expect(await batch.ids.toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(await batch.label.toArray()).toEqual([1, 0]);
      expect(batch.text).toEqual(['x', 'y']);
    }
  });
});

describe('map', () => {
  it('takes batches, which may grow or shrink', async () => {
    const seen: number[][] = [];
    const doubled = await dataset.map(
      ({ text }, indices) => {
        seen.push([...indices]);
        return { text: text.flatMap((one) => [one, one]) };
      },
      { batched: true, batchSize: 2 },
    );
    expect(doubled.column('text')).toEqual(['b', 'b', 'a', 'a', 'c', 'c']);
    expect(seen).toEqual([[0, 1], [2]]);
    const wrong = dataset.map(() => ({ a: [1], b: [1, 2] }), { batched: true });
    expect((await failure(wrong)).message).toBe('the column b has 2 values, a has 1');
    expect(await failure(dataset.map((row) => row, { numProc: 0 }))).toBeInstanceOf(ArgumentError);
  });

  it('leaves columns out, those that are gone already included', async () => {
    const kept = await dataset.map((row) => ({ ...row, length: row.text.length }), { removeColumns: 'text' });
    expect(kept.columns).toEqual(['label', 'score', 'length']);
    // As scripts for Python's `map` have it, whose rows keep what the function does not return.
    const batched = await dataset.map(({ text }) => ({ length: text.map((one) => one.length) }), {
      batched: true,
      removeColumns: ['text', 'label'],
    });
    expect(batched.columns).toEqual(['length']);
    const error = await failure(dataset.map((row) => row, { removeColumns: ['texts'] }));
    expect(error.message).toBe('map: removeColumns: no column texts; the columns are text, label, score');
  });

  it('has several promises under way, and keeps the order', async () => {
    let most = 0;
    let running = 0;
    const mapped = await dataset.map(
      async ({ label }, i) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 9 - 3 * i));
        running--;
        return { label };
      },
      { numProc: 2, removeColumns: [] },
    );
    expect(mapped.column('label')).toEqual([1, 0, 1]);
    expect(most).toBe(2);
  });

  it('runs a module in workers', async () => {
    const module = write('double.mjs', 'export default (row, i) => ({ twice: row.n * 2, i });');
    const numbers = Dataset.fromRows(Array.from({ length: 100 }, (_, n) => ({ n })));
    const mapped = await numbers.map<{ twice: number; i: number }>(pathToFileURL(module), { numProc: 2 });
    expect(mapped.column('twice')).toEqual(numbers.column('n').map((n) => 2 * n));
    expect(mapped.column('i')).toEqual(numbers.column('n'));
    const bad = pathToFileURL(write('bad.mjs', 'export default () => { throw new Error("no such luck"); };'));
    expect((await failure(numbers.map(bad))).message).toContain('no such luck');
    const none = pathToFileURL(write('none.mjs', 'export const x = 1;'));
    expect((await failure(numbers.map(none))).message).toContain('no function as its default export');
  });

  it('runs a module on batches in workers', async () => {
    const module = write(
      'batch.mjs',
      `export default ({ n }, indices) => ({ twice: n.map((x) => 2 * x), i: indices, of: n.map(() => n.length) });`,
    );
    const numbers = Dataset.fromRows(Array.from({ length: 50 }, (_, n) => ({ n })));
    const mapped = await numbers.map<{ twice: number; i: number; of: number }>(pathToFileURL(module), {
      numProc: 2,
      batched: true,
      batchSize: 20,
      removeColumns: ['n'],
    });
    expect(mapped.column('twice')).toEqual(numbers.column('n').map((n) => 2 * n));
    expect(mapped.column('i')).toEqual(numbers.column('n'));
    expect(mapped.column('of')).toEqual(numbers.column('n').map((n) => (n < 40 ? 20 : 10)));
    const uneven = pathToFileURL(write('uneven.mjs', 'export default () => ({ a: [1], b: [] });'));
    expect((await failure(numbers.map(uneven, { batched: true }))).message).toBe('the column b has 0 values, a has 1');
  });

  it('keeps the result of a module for as long as its text is the same', async () => {
    const cacheFileName = `${folder}/kept-module.jsonl`;
    const module = pathToFileURL(write('kept.mjs', 'export default (row) => ({ n: row.n, version: 1 });'));
    const numbers = Dataset.fromRows([{ n: 1 }, { n: 2 }]);
    const run = async (): Promise<unknown> =>
      (await numbers.map<{ version: number }>(module, { cacheFileName })).column('version');
    expect(await run()).toEqual([1, 1]);
    write('kept.mjs', 'export default (row) => ({ n: row.n, version: 2 });');
    expect(await run()).toEqual([2, 2]);
  });

  it('keeps its result in a file for as long as rows and function are the same', async () => {
    const cacheFileName = `${folder}/kept.jsonl`;
    let calls = 0;
    const run = (of: typeof dataset, newFingerprint = ''): Promise<Dataset<{ up: string; ids: Int32Array }>> =>
      of.map(
        ({ text }) => {
          calls++;
          return { up: text.toUpperCase(), ids: Int32Array.of(1, 2) };
        },
        { cacheFileName, newFingerprint },
      );
    const first = await run(dataset);
    expect([...first]).toEqual(rows.map(({ text }) => ({ up: text.toUpperCase(), ids: [1, 2] })));
    expect([...(await run(dataset))]).toEqual([...first]);
    expect(calls).toBe(3);
    await run(dataset, 'another tokenizer');
    expect(calls).toBe(6);
    await run(dataset.take(2), 'another tokenizer');
    expect(calls).toBe(8);
    expect(statSync(cacheFileName).size).toBeGreaterThan(10);
  });
});

describe('orders of `datasets`', () => {
  it('stratified splits', () => {
    for (const { seed, labels, testSize, train, test } of goldens.splits) {
      const numbered = Dataset.fromRows(labels.map((label, i) => ({ label, i })));
      const parts = numbered.trainTestSplit({ testSize, seed, stratifyByColumn: 'label' });
      expect(parts.train.column('i')).toEqual(train);
      expect(parts.test.column('i')).toEqual(test);
    }
    const few = Dataset.fromRows([{ y: 0 }, { y: 0 }, { y: 1 }]);
    expect(() => few.trainTestSplit({ stratifyByColumn: 'y' })).toThrow(/class 1 has only 1 row/);
    const small = Dataset.fromRows([0, 0, 1, 1, 2, 2].map((y) => ({ y })));
    expect(() => small.trainTestSplit({ testSize: 2, stratifyByColumn: 'y' })).toThrow(/fewer than the 3 classes/);
  });

  it('buffers of streams', async () => {
    for (const { seed, length, bufferSize, order } of goldens.shuffles) {
      const numbers = IterableDataset.fromGenerator(() => Array.from({ length }, (_, i) => ({ i })));
      const shuffled = numbers.shuffle({ seed, bufferSize });
      expect((await shuffled.toDataset()).column('i')).toEqual(order);
      // Read twice, the same; in another epoch, another order of the same rows.
      expect((await shuffled.toDataset()).column('i')).toEqual(order);
    }
    const numbers = IterableDataset.fromGenerator(() => Array.from({ length: 50 }, (_, i) => ({ i })));
    const shuffled = numbers.shuffle({ seed: 1, bufferSize: 10 });
    const before = (await shuffled.toDataset()).column('i');
    shuffled.setEpoch(1);
    const after = (await shuffled.toDataset()).column('i');
    expect(after).not.toEqual(before);
    expect(after.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('parts of given sizes', () => {
    const { train, test } = dataset.trainTestSplit({ trainSize: 1, testSize: 1, seed: 3 });
    expect([train.length, test.length]).toEqual([1, 1]);
    expect(dataset.trainTestSplit({ trainSize: 0.4, seed: 3 }).test.length).toBe(2);
    expect(() => dataset.trainTestSplit({ trainSize: 2, testSize: 2 })).toThrow(ArgumentError);
  });
});

describe('streams', () => {
  const stream = IterableDataset.fromGenerator(() => rows);
  it('do on the way what data sets do at once', async () => {
    const all = async <Row>(of: IterableDataset<Row>): Promise<Row[]> => [...(await of.toDataset())];
    expect(await all(stream.map(({ label }, i) => ({ label, i })))).toEqual([
      { label: 1, i: 0 },
      { label: 0, i: 1 },
      { label: 1, i: 2 },
    ]);
    const grown = stream.map(({ text }) => ({ t: text.flatMap((one) => [one, one]) }), { batched: true, batchSize: 2 });
    expect((await all(grown)).map(({ t }) => t).join('')).toBe('bbaacc');
    expect((await all(stream.filter(({ label }) => label === 1))).map(({ text }) => text)).toEqual(['b', 'c']);
    expect(await all(stream.skip(1).take(1).selectColumns('text'))).toEqual([{ text: 'a' }]);
    expect(await all(stream.renameColumn('text', 't').removeColumns(['label', 'score']).take(1))).toEqual([{ t: 'b' }]);
    expect((await all(stream.batch(2))).map(({ text }) => text)).toEqual([['b', 'a'], ['c']]);
    expect(await all(stream.iter({ batchSize: 2, dropLastBatch: true }))).toHaveLength(1);
    await expect(all(stream.renameColumn('nothing' as 'text', 'x'))).rejects.toThrow(ArgumentError);
  });

  it('read no more than is used, and close what they read', async () => {
    let opened = 0;
    let closed = 0;
    const endless = IterableDataset.fromGenerator(function* () {
      opened++;
      try {
        for (let i = 0; ; i++) yield { i };
      } finally {
        closed++;
      }
    });
    expect(
      (
        await endless
          .filter(({ i }) => i % 2 === 1)
          .take(3)
          .toDataset()
      ).column('i'),
    ).toEqual([1, 3, 5]);
    expect([opened, closed]).toEqual([1, 1]);
  });
});
