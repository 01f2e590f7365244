// Loaders that make batches in worker threads, and loaders over streams: the batches that one thread makes, wherever a run is cut off; no worker
// left behind, however a loop ends; no process kept alive.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  BertTokenizer,
  type Collate,
  DataCollatorForLanguageModeling,
  DataCollatorForSeq2Seq,
  DataCollatorForWholeWordMask,
  DataCollatorWithPadding,
  DataLoader,
  Dataset,
  IterableDataset,
  type LabelledBatch,
} from '@course/data';
import { ArgumentError, init, manualSeed, memory, Tensor } from '@course/tensor';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { failure, temporaryFolder } from './support/files.js';
import { smallVocab } from './support/vocabulary.js';

const { write } = temporaryFolder();
const tokenizer = new BertTokenizer({ vocab: smallVocab });
interface Row {
  readonly inputIds: number[];
  readonly labels: number;
}
const rows: Row[] = Array.from({ length: 23 }, (_, i) => ({
  inputIds: tokenizer.encode('the playing tokens '.repeat(1 + ((i * 7) % 5))).inputIds,
  labels: i,
}));
const dataset = Dataset.fromRows(rows);

/** A batch with its tensors as lists, and freed. */
async function plain(batch: unknown): Promise<Record<string, unknown>> {
  const fields = Object.entries(batch as Record<string, unknown>).map(async ([name, value]) => {
    if (!(value instanceof Tensor)) return [name, value];
    const list = await value.toArray();
    value.dispose();
    return [name, list];
  });
  return Object.fromEntries(await Promise.all(fields));
}

async function all(loader: AsyncIterable<unknown>): Promise<Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = [];
  for await (const batch of loader) seen.push(await plain(batch));
  return seen;
}

/** Worker threads of this process, those that keep nothing alive included. */
function workers(): number {
  const { workers: threads } = process.report.getReport() as unknown as { readonly workers: readonly unknown[] };
  return threads.length;
}

/** Worker threads that are left once those that are ending have ended. */
async function workersLeft(expected: number): Promise<number> {
  for (let i = 0; i < 100 && workers() > expected; i++) await sleep(20);
  return workers();
}

const collateModule = `export default (rows) => ({
  inputIds: { data: Int32Array.from(rows, (row) => row.labels), shape: [rows.length] },
  weights: { data: Float32Array.from(rows, (row) => row.labels / 2), shape: [rows.length, 1] },
  names: rows.map((row) => 'row ' + row.labels),
});`;

onEachDevice('batches of workers', () => {
  const collators: readonly [name: string, collate: () => Collate<Row, unknown>][] = [
    ['padding', () => new DataCollatorWithPadding(tokenizer, { padToMultipleOf: 4 })],
    ['masked language modeling', () => new DataCollatorForLanguageModeling(tokenizer)],
    ['causal language modeling', () => new DataCollatorForLanguageModeling(tokenizer, { mlm: false })],
    ['whole words', () => new DataCollatorForWholeWordMask(tokenizer, { mlmProbability: 0.5 })],
    ['a module', () => pathToFileURL(write('collate.mjs', collateModule))],
  ];

  it.each(collators)('are those of one thread: %s', async (_, collate) => {
    const options = { batchSize: 4, shuffle: true, seed: 3 };
    manualSeed(5);
    const expected = await all(new DataLoader(dataset, { ...options, collate: collate() }));
    expect(expected).toHaveLength(6);
    for (const [numWorkers, prefetch] of [
      [1, 0],
      [2, 5],
    ] as const) {
      manualSeed(5);
      expect(await all(new DataLoader(dataset, { ...options, collate: collate(), numWorkers, prefetch }))).toEqual(
        expected,
      );
    }
    // Made ahead, nothing is drawn ahead: the rest after a cut is the same too.
    manualSeed(5);
    const cut = new DataLoader(dataset, { ...options, collate: collate(), numWorkers: 2 });
    const seen: unknown[] = [];
    for await (const batch of cut) {
      seen.push(await plain(batch));
      if (seen.length === 2) break;
    }
    const state = cut.state();
    expect(state).toEqual({ epoch: 0, batch: 2 });
    const rest = new DataLoader(dataset, { ...options, collate: collate(), numWorkers: 1 });
    rest.loadState(state);
    seen.push(...(await all(rest)));
    expect(seen).toEqual(expected);
    expect(rest.state()).toEqual({ epoch: 1, batch: 0 });
  });

  it('of pairs, and without a collator', async () => {
    const pairs = Dataset.fromRows(rows.map(({ inputIds }) => ({ inputIds, labels: inputIds.slice(1) })));
    const collate = new DataCollatorForSeq2Seq(tokenizer, { decoderStartTokenId: 2 });
    expect(await all(new DataLoader(pairs, { batchSize: 5, collate, numWorkers: 2 }))).toEqual(
      await all(new DataLoader(pairs, { batchSize: 5, collate })),
    );
    const columns = new DataLoader(dataset, { batchSize: 8, numWorkers: 1 });
    expect(await all(columns)).toEqual(await all(new DataLoader(dataset, { batchSize: 8 })));
  });

  it('have the types and tensors that a module gives them, also without workers', async () => {
    const collate = pathToFileURL(write('typed.mjs', collateModule));
    interface Typed {
      readonly inputIds: Tensor;
      readonly weights: Tensor;
      readonly names: string[];
    }
    for (const numWorkers of [0, 1]) {
      const loader = new DataLoader<Row, Typed>(dataset, { batchSize: 2, collate, numWorkers });
      for await (const batch of loader) {
        expectTypeOf(batch.inputIds).toEqualTypeOf<Tensor>();
        expect([batch.inputIds.dtype, batch.weights.dtype]).toEqual(['int32', 'float32']);
        expect(await plain(batch)).toEqual({ inputIds: [0, 1], weights: [[0], [0.5]], names: ['row 0', 'row 1'] });
        break;
      }
    }
  });

  it('leave no tensor behind when a loop is left', async () => {
    const before = memory().tensors;
    for (const numWorkers of [0, 2]) {
      const collate = new DataCollatorWithPadding<Row>(tokenizer);
      const loader = new DataLoader(dataset, { batchSize: 2, collate, numWorkers, prefetch: 4 });
      for await (const batch of loader) {
        expectTypeOf(batch).toEqualTypeOf<LabelledBatch>();
        for (const tensor of Object.values(batch)) tensor.dispose();
        break;
      }
    }
    await sleep(20);
    expect(memory().tensors).toBe(before);
  });
});

describe('workers', () => {
  const collate = new DataCollatorWithPadding<Row>(tokenizer);
  beforeAll(async () => {
    await init({ device: 'cpu' });
    // The threads of the CPU kernels, which are none of the loader's, start here.
    await all(new DataLoader(dataset, { collate }));
  });

  it('end with the loop, whether it ends, is left or fails', async () => {
    const before = workers();
    const loader = new DataLoader(dataset, { batchSize: 2, collate, numWorkers: 2 });
    await all(loader);
    expect(await workersLeft(before)).toBe(before);
    for await (const _ of loader) {
      expect(workers()).toBeGreaterThan(before);
      break;
    }
    expect(await workersLeft(before)).toBe(before);
    const run = async (): Promise<void> => {
      for await (const _ of loader) throw new ArgumentError('enough');
    };
    await expect(run()).rejects.toThrow('enough');
    expect(await workersLeft(before)).toBe(before);
  });

  it('stay between epochs when told to, until close', async () => {
    const before = workers();
    const module = `let calls = 0; export default (rows) => ({ calls: ++calls });`;
    const options = {
      batchSize: 2,
      collate: pathToFileURL(write('count.mjs', module)),
      numWorkers: 1,
    };
    const kept = new DataLoader<Row, { calls: number }>(dataset, { ...options, persistentWorkers: true });
    await all(kept);
    expect((await all(kept)).at(-1)).toEqual({ calls: 24 });
    expect(workers()).toBe(before + 1);
    kept.close();
    expect(await workersLeft(before)).toBe(before);
    expect((await all(kept)).at(-1)).toEqual({ calls: 12 });
    kept.close();
    const fresh = new DataLoader<Row, { calls: number }>(dataset, options);
    await all(fresh);
    expect((await all(fresh)).at(-1)).toEqual({ calls: 12 });
    expect(await workersLeft(before)).toBe(before);
  });

  it('tell a failure at its turn, with its cause', async () => {
    const module = `export default (rows) => {
      if (rows.some((row) => row.labels === 5)) throw new TypeError('no such luck');
      return { labels: rows.map((row) => row.labels) };
    };`;
    const url = pathToFileURL(write('fails.mjs', module));
    const loader = new DataLoader<Row, { labels: number[] }>(dataset, { batchSize: 2, collate: url, numWorkers: 2 });
    const seen: number[] = [];
    const error = await failure(
      (async () => {
        for await (const { labels } of loader) seen.push(...labels);
      })(),
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(`DataLoader: ${url.href}: no such luck`);
    expect(String(error.cause)).toContain('fails.mjs:2');
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(loader.state()).toEqual({ epoch: 0, batch: 2 });
    // As in one thread, where it is a collator's own word.
    const mixed = Dataset.fromRows<{ inputIds: number[]; labels?: number }>([
      { inputIds: [1], labels: 1 },
      { inputIds: [2] },
    ]);
    for (const numWorkers of [0, 1]) {
      const bad = new DataLoader(mixed, { batchSize: 2, collate: new DataCollatorWithPadding(tokenizer), numWorkers });
      expect((await failure(all(bad))).message).toBe(
        'DataCollatorWithPadding: row 1 of the batch has no label, unlike the rows beside it',
      );
    }
  });

  it.each([
    ['is not there', undefined, /none\.mjs/],
    ['has no function', 'export const x = 1;', /the module has no function as its default export$/],
    ['ends its thread', 'export default () => process.exit(3);', /a worker ended: it left with code 3$/],
    ['returns what cannot travel', 'export default () => ({ f: () => 1 });', /could not be cloned/],
    [
      'returns objects of a class',
      'class Odd {} export default () => ({ odd: new Odd() });',
      /odd is a Odd, which cannot travel between threads/,
    ],
  ])('name a module that %s', async (_, source, message) => {
    const path = source === undefined ? '/no/such/none.mjs' : write('odd.mjs', source);
    const loader = new DataLoader<Row, unknown>(dataset, { collate: pathToFileURL(path), numWorkers: 1 });
    expect((await failure(all(loader))).message).toMatch(message);
    if (source === undefined || source.includes('const')) {
      const here = new DataLoader<Row, unknown>(dataset, { collate: pathToFileURL(path) });
      expect((await failure(all(here))).message).toMatch(message);
    }
  });

  it('refuse what cannot travel', async () => {
    const refused = (options: object): string => {
      try {
        new DataLoader(dataset, { numWorkers: 1, ...options });
      } catch (error) {
        if (error instanceof ArgumentError) return error.message;
      }
      return 'taken';
    };
    expect(refused({ collate: () => 1 })).toMatch(/the URL of a module .*: a function cannot travel to a worker$/);
    class Own {
      collate(): number {
        return 1;
      }
    }
    expect(refused({ collate: new Own() })).toMatch(/: a Own cannot travel/);
    // A class that replaces what a collator does cannot have it done by the original.
    class Louder extends DataCollatorWithPadding<Row> {
      override collate(some: readonly Row[]): LabelledBatch {
        return super.collate(some.map((row) => ({ ...row, labels: 9 })));
      }
    }
    expect(refused({ collate: new Louder(tokenizer) })).toMatch(/: a Louder cannot travel/);
    const [first] = await all(new DataLoader(dataset, { batchSize: 2, collate: new Louder(tokenizer) }));
    expect(first?.labels).toEqual([9, 9]);
    expect(refused({ numWorkers: -1 })).toMatch(/numWorkers must be a whole number of threads, got -1$/);
    expect(refused({ numWorkers: 0, persistentWorkers: true })).toMatch(/persistentWorkers needs numWorkers/);
    const tensors = new DataLoader(dataset.withFormat({ type: 'torch' }), { numWorkers: 1 });
    expect((await failure(all(tensors))).message).toMatch(/the column inputIds holds tensors, which cannot travel/);
    const functions = new DataLoader(Dataset.fromRows([{ f: () => 1 }]), { numWorkers: 1 });
    expect((await failure(all(functions))).message).toMatch(/DataLoader: this cannot travel to a worker/);
  });

  const built = fileURLToPath(new URL('../../packages/data/dist/workers/program-text.js', import.meta.url));
  // `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
  it.skipIf(!existsSync(built)).each([
    ['leaves the loop', 'for await (const _ of loader) break;'],
    ['drops an iterator', 'await loader[Symbol.asyncIterator]().next();'],
    ['fails', 'for await (const _ of loader) throw new RangeError("mine");'],
    ['keeps its workers', 'for await (const _ of loader);'],
  ])('keep no process alive that %s', { timeout: 60_000 }, async (_, body) => {
    const program = `
      import { DataLoader, Dataset } from '@course/data';
      const dataset = Dataset.fromRows(Array.from({ length: 50 }, (_, i) => ({ i })));
      const loader = new DataLoader(dataset, { batchSize: 2, numWorkers: 2, persistentWorkers: ${body.endsWith(');')} });
      ${body}`;
    const code = await new Promise((resolve) => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        cwd: new URL('../../examples', import.meta.url),
        timeout: 40_000,
        stdio: 'ignore',
      });
      child.on('close', (status, signal) => resolve(signal ?? status));
    });
    expect(code).toBe(body.includes('throw') ? 1 : 0);
  });
});

describe('a loader over a stream', () => {
  const numbers = (count: number): IterableDataset<{ i: number }> =>
    IterableDataset.fromGenerator(function* () {
      for (let i = 0; i < count; i++) yield { i };
    });
  const values = async (loader: AsyncIterable<{ i: number[] }>): Promise<number[][]> => {
    const seen: number[][] = [];
    for await (const { i } of loader) seen.push(i);
    return seen;
  };

  it('has batches of its rows, the last one short or left out', async () => {
    const loader = new DataLoader(numbers(7), { batchSize: 3 });
    expect(await values(loader)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(loader.state()).toEqual({ epoch: 1, batch: 0 });
    expect(await values(new DataLoader(numbers(7), { batchSize: 3, dropLast: true }))).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(() => loader.length).toThrow('a stream does not know how many batches it has');
  });

  it('draws another order every epoch', async () => {
    const loader = new DataLoader(numbers(20).shuffle({ seed: 1, bufferSize: 8 }), { batchSize: 5 });
    const [first, second] = [await values(loader), await values(loader)];
    expect(second).not.toEqual(first);
    expect(second.flat().sort((a, b) => a - b)).toEqual(first.flat().sort((a, b) => a - b));
    loader.setEpoch(0);
    expect(await values(loader)).toEqual(first);
  });

  it.each([0, 2])('goes on with the batch it would have had, with %d workers', async (numWorkers) => {
    const make = (): DataLoader<{ i: number }, { i: number[] }, IterableDataset<{ i: number }>> =>
      new DataLoader(numbers(23).shuffle({ seed: 7, bufferSize: 6 }), { batchSize: 4, numWorkers });
    const whole = make();
    const epochs = [await values(whole), await values(whole)];
    for (let cut = 0; cut <= 6; cut++) {
      const loader = make();
      await values(loader);
      const seen: number[][] = [];
      if (cut > 0) {
        for await (const { i } of loader) {
          seen.push(i);
          if (seen.length === cut) break;
        }
      } else loader.setEpoch(1);
      const state = JSON.parse(JSON.stringify(loader.state()));
      expect(state).toEqual({ epoch: 1, batch: cut });
      const rest = make();
      rest.loadState(state);
      expect([...seen, ...(await values(rest))]).toEqual(epochs[1]);
    }
    const beyond = make();
    beyond.loadState({ epoch: 0, batch: 8 });
    expect((await failure(values(beyond))).message).toMatch(/no batch 8 of epoch 0: the stream ends before it$/);
  });

  it('reads no more than it delivers and prefetches, and closes what it reads', async () => {
    let [read, closed] = [0, 0];
    const endless = IterableDataset.fromGenerator(function* () {
      try {
        for (;;) yield { i: read++ };
      } finally {
        closed++;
      }
    });
    for await (const { i } of new DataLoader(endless, { batchSize: 10 })) {
      expect(i).toHaveLength(10);
      break;
    }
    expect([read, closed]).toEqual([10, 1]);
    for await (const _ of new DataLoader(endless, { batchSize: 10, prefetch: 3 })) break;
    await sleep(1);
    expect(read).toBeLessThanOrEqual(10 + 40);
    expect(closed).toBe(2);
  });

  it('tells a failure of the stream at its turn', async () => {
    const failing = IterableDataset.fromGenerator(function* () {
      for (let i = 0; i < 5; i++) yield { i };
      throw new ArgumentError('the source broke');
    });
    const seen: number[][] = [];
    const run = async (): Promise<void> => {
      for await (const { i } of new DataLoader(failing, { batchSize: 2, prefetch: 4 })) seen.push(i);
    };
    await expect(run()).rejects.toThrow('the source broke');
    expect(seen).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('refuses what only a data set can do', () => {
    for (const options of [
      { shuffle: true },
      { seed: 1 },
      { bucketByLength: { key: () => 1 } },
      { batchSampler: { length: 1, batches: () => [[0]] } },
      { batchSize: 0 },
    ])
      expect(() => new DataLoader(numbers(3), options)).toThrow(ArgumentError);
  });
});
