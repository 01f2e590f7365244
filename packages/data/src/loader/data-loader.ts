/**
 * Batches of a data set or a stream, epoch after epoch, in an order that a seed fixes. The loader knows where it stands (`state`), so a run that
 * was cut off goes on with the very batch it would have had next; what is made ahead, or in workers, is not counted before it is delivered.
 */
import { ArgumentError, device, type Generator } from '@course/tensor';
import { Dataset } from '../datasets/dataset.js';
import type { IterableDataset } from '../datasets/iterable-dataset.js';
import type { Collate } from './collate.js';
import type { DefaultBatch } from './default-collate.js';
import { GeneratorOrder } from './generator-order.js';
import { type Preparation, preparationHere, preparationInWorkers, setupOf } from './preparation.js';
import { type BatchSampler, LengthBucketSampler, SimpleBatchSampler } from './samplers.js';

/** How rows of similar length find together. */
export interface LengthBuckets<Row> {
  /** The length of a row, such as `(row) => row.inputIds.length`. */
  readonly key: (row: Row) => number;
  /** Rows of similar length are looked for within this many batches; 50 by default. */
  readonly bucketBatches?: number;
}

/** Options of a `DataLoader`. */
export interface DataLoaderOptions<Row, Batch> {
  /** Rows in a batch; 1 by default. */
  readonly batchSize?: number;
  /** Draw another order every epoch; false by default. A stream is shuffled by its own `shuffle`. */
  readonly shuffle?: boolean;
  /** Seed of the orders; 0 by default. Epoch e is drawn from `seed + e`. */
  readonly seed?: number;
  /** With `shuffle`, in place of a seed: what all orders are drawn from, one after the other, as PyTorch draws them from its `generator`. */
  readonly generator?: Generator;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
  /** Makes a batch of rows; by default rows become columns: plain arrays, or for tensors of one shape a tensor. */
  readonly collate?: Collate<Row, Batch>;
  /** Put rows of similar length together, so that little is padded. */
  readonly bucketByLength?: LengthBuckets<Row>;
  /** Batches that are made ahead while one is used; by default two for each worker, none without workers. */
  readonly prefetch?: number;
  /**
   * Worker threads that make batches; 0 by default. Rows travel as structured clones. A collator of this library travels, and so does the URL
   * of a module; a function does not. The batches are those that one thread makes, in the same order.
   */
  readonly numWorkers?: number;
  /** Keep the workers between epochs, until `close`; false by default: they end with the loop, however it ends. */
  readonly persistentWorkers?: boolean;
  /** Decides alone which rows make which batch; excludes the options about that. */
  readonly batchSampler?: BatchSampler;
}

/** Where a loader stands. Plain data, to be saved with a checkpoint. */
export interface LoaderState {
  readonly epoch: number;
  /** Number of batches of that epoch that have been delivered. */
  readonly batch: number;
  /** Where the `generator` stood when the epoch began, for loaders that have one. */
  readonly generator?: string;
}

/**
 * Iterates over a data set in batches, after [torch.utils.data.DataLoader](https://pytorch.org/docs/stable/data.html). Each
 * `for await` is one epoch; with `shuffle`, epoch e has the order of `torch.randperm` seeded with `seed + e`. Of a stream, epoch e has the
 * order that `setEpoch(e)` gives it; to go on in the middle, its rows are read again up to there.
 *
 * @example
 * const loader = new DataLoader(dataset, { batchSize: 2, shuffle: true, seed: 42 });
 * for (let epoch = 0; epoch < 3; epoch++) {
 *   for await (const batch of loader) batch.text; // string[]
 * }
 */
export class DataLoader<
  Row,
  Batch = DefaultBatch<Row>,
  Source extends Dataset<Row> | IterableDataset<Row> = Dataset<Row>,
> implements AsyncIterable<Batch>
{
  /** The rows. */
  readonly dataset: Source;
  /** Rows in a batch; undefined where a `batchSampler` decides. */
  readonly batchSize: number | undefined;
  /** Worker threads that make batches. */
  readonly numWorkers: number;
  /** Undefined for a stream. */
  readonly #sampler: BatchSampler | GeneratorOrder | undefined;
  readonly #dropLast: boolean;
  readonly #prefetch: number;
  readonly #collate: Collate<Row, Batch> | undefined;
  readonly #persistent: boolean;
  #preparation: Preparation<Row, Batch> | undefined;
  /** Where the next `for await` starts. */
  #next: LoaderState = { epoch: 0, batch: 0 };
  /** Where the last one stands. */
  #position: LoaderState = { epoch: 0, batch: 0 };

  /** @throws ArgumentError for options out of range, or that exclude each other, and for a collator that cannot travel to workers. */
  constructor(dataset: Source & (Dataset<Row> | IterableDataset<Row>), options: DataLoaderOptions<Row, Batch> = {}) {
    const { collate, batchSampler, numWorkers = 0, prefetch = 2 * numWorkers, persistentWorkers = false } = options;
    for (const [name, count] of Object.entries({ numWorkers, prefetch })) {
      if (!(Number.isInteger(count) && count >= 0))
        throw new ArgumentError(
          `DataLoader: ${name} must be a whole number of ${name === 'prefetch' ? 'batches' : 'threads'}, got ${count}`,
        );
    }
    if (persistentWorkers && numWorkers === 0)
      throw new ArgumentError('DataLoader: persistentWorkers needs numWorkers above 0');
    if (numWorkers > 0) setupOf(collate);
    this.#prefetch = prefetch;
    this.numWorkers = numWorkers;
    this.#persistent = persistentWorkers;
    this.#collate = collate;
    this.dataset = dataset;
    this.#dropLast = options.dropLast ?? false;
    this.batchSize = batchSampler === undefined ? (options.batchSize ?? 1) : undefined;
    const rows: Dataset<Row> | IterableDataset<Row> = dataset;
    if (!(rows instanceof Dataset)) checkStream(options);
    else this.#sampler = batchSampler === undefined ? makeSampler(rows, options) : checkAlone(batchSampler, options);
  }

  /**
   * Number of batches in an epoch.
   *
   * @throws ArgumentError for a stream, which does not know its end.
   */
  get length(): number {
    if (this.#sampler !== undefined) return this.#sampler.length;
    throw new ArgumentError('DataLoader: a stream does not know how many batches it has');
  }

  /** Where the loader stands: the batch that would come next, were the epoch at hand gone on with. */
  state(): LoaderState {
    const { epoch, batch } = this.#position;
    const atEnd = this.#sampler !== undefined && batch >= this.#sampler.length && batch > 0;
    const state = atEnd ? { epoch: epoch + 1, batch: 0 } : { epoch, batch };
    if (!(this.#sampler instanceof GeneratorOrder)) return state;
    return { ...state, generator: (atEnd ? undefined : this.#position.generator) ?? this.#sampler.position() };
  }

  /**
   * Makes the next `for await` go on where `state` was taken; the data set and the options must be those of then.
   *
   * @throws ArgumentError for a position that this loader does not have.
   */
  loadState(state: LoaderState): void {
    const { epoch, batch, generator } = state;
    const most = this.#sampler?.length ?? Number.POSITIVE_INFINITY;
    if (!(Number.isInteger(epoch) && epoch >= 0 && Number.isInteger(batch) && batch >= 0 && batch <= most)) {
      throw new ArgumentError(
        `loadState: there is no batch ${batch} of epoch ${epoch}; this loader has ${most} batches an epoch`,
      );
    }
    const draws = this.#sampler instanceof GeneratorOrder;
    if (draws ? generator === undefined && batch > 0 : generator !== undefined) {
      throw new ArgumentError(
        `loadState: the state ${draws ? 'lacks' : 'has'} a generator, which this loader ${draws ? 'draws from' : 'does not draw from'}`,
      );
    }
    this.#next = { epoch, batch, ...(generator !== undefined && { generator }) };
    this.#position = this.#next;
  }

  /** Makes the next `for await` that of a certain epoch; goes on inside of it if `loadState` said so. */
  setEpoch(epoch: number): void {
    if (epoch !== this.#next.epoch) this.loadState({ epoch, batch: 0 });
  }

  /** The batches of one epoch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const { epoch, batch: start, generator: saved } = this.#next;
    const stood = this.#sampler instanceof GeneratorOrder ? { generator: saved ?? this.#sampler.position() } : {};
    this.#next = { epoch: epoch + 1, batch: 0 };
    this.#position = { epoch, batch: start, ...stood };
    const groups = this.#groups(epoch, start, saved);
    const preparation = this.#prepared();
    const make = async (): Promise<{ readonly prepared: unknown } | undefined> => {
      const group = await groups.next();
      return group.done === true ? undefined : { prepared: await preparation.prepare(group.value) };
    };
    const ahead: ReturnType<typeof make>[] = [];
    try {
      for (let i = start; ; i++) {
        while (ahead.length <= this.#prefetch) {
          const next = make();
          // A failure is told when its turn comes; until then nobody waits for it.
          next.catch(() => undefined);
          ahead.push(next);
        }
        const made = await ahead.shift();
        if (made === undefined) break;
        // A loop that reads nothing back would otherwise run away from a GPU.
        await device.caughtUp();
        const batch = await preparation.finish(made.prepared);
        this.#position = { epoch, batch: i + 1, ...stood };
        yield batch;
      }
      this.#position = { epoch: epoch + 1, batch: 0 };
    } finally {
      // Who leaves early will not free what was made ahead.
      for (const each of ahead)
        void each.then(
          (made) => made && preparation.discard(made.prepared),
          () => undefined,
        );
      if (!this.#persistent) preparation.close();
      // A read that is under way is not waited for.
      const closing = groups.return();
      if (ahead.length === 0) await closing;
      else closing.catch(() => undefined);
    }
  }

  /** Ends the workers that `persistentWorkers` kept; a later `for await` starts others. */
  close(): void {
    this.#preparation?.close();
    this.#preparation = undefined;
  }

  /** `using` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The data set and the options that tell most. */
  toString(): string {
    const { dataset, batchSize, numWorkers } = this;
    const fields = [`batchSize: ${batchSize ?? 'by batchSampler'}`, `numWorkers: ${numWorkers}`];
    return `DataLoader(${[String(dataset), ...fields].join(', ')})`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  #prepared(): Preparation<Row, Batch> {
    if (this.numWorkers === 0) return preparationHere(this.#collate);
    if (!this.#persistent) return preparationInWorkers(this.#collate, this.numWorkers);
    if (this.#preparation?.isClosed !== false) this.#preparation = preparationInWorkers(this.#collate, this.numWorkers);
    return this.#preparation;
  }

  /** The rows of the batches of an epoch. */
  async *#groups(epoch: number, start: number, generator?: string): AsyncGenerator<readonly Row[], void, undefined> {
    const rows: Dataset<Row> | IterableDataset<Row> = this.dataset;
    if (rows instanceof Dataset) {
      const sampler = this.#sampler;
      const batches = (sampler instanceof GeneratorOrder ? sampler.draw(generator) : sampler?.batches(epoch)) ?? [];
      for (const batch of batches.slice(start)) yield batch.map((row) => rows.at(row));
      return;
    }
    const { batchSize = 1 } = this;
    rows.setEpoch(epoch);
    let some: Row[] = [];
    let before = start * batchSize;
    for await (const row of rows) {
      if (before > 0) {
        before--;
        continue;
      }
      some.push(row);
      if (some.length < batchSize) continue;
      yield some;
      some = [];
    }
    // The last batch may have been short.
    if (before >= batchSize)
      throw new ArgumentError(`loadState: there is no batch ${start} of epoch ${epoch}: the stream ends before it`);
    if (some.length > 0 && !this.#dropLast) yield some;
  }
}

function checkStream<Row>(options: DataLoaderOptions<Row, unknown>): void {
  for (const name of ['shuffle', 'seed', 'generator', 'bucketByLength', 'batchSampler'] as const) {
    if (options[name] !== undefined && options[name] !== false)
      throw new ArgumentError(
        `DataLoader: a stream comes in its own order (shuffle it by its own method), so ${name} has no meaning`,
      );
  }
  const { batchSize = 1 } = options;
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new ArgumentError(`batchSize must be a positive whole number, got ${batchSize}`);
}

function makeSampler<Row>(
  dataset: Dataset<Row>,
  options: DataLoaderOptions<Row, unknown>,
): BatchSampler | GeneratorOrder {
  const { batchSize = 1, shuffle = false, seed = 0, dropLast = false, bucketByLength } = options;
  const common = { batchSize, shuffle, seed, dropLast };
  if (options.generator !== undefined) {
    if (shuffle && options.seed === undefined && bucketByLength === undefined)
      return new GeneratorOrder(dataset.length, common, options.generator);
    throw new ArgumentError(
      'DataLoader: a generator draws the orders of shuffle: true, without seed or bucketByLength',
    );
  }
  if (bucketByLength === undefined) return new SimpleBatchSampler(dataset.length, common);
  const { key, bucketBatches = 50 } = bucketByLength;
  return new LengthBucketSampler(
    Array.from(dataset, (row) => key(row)),
    { ...common, bucketBatches },
  );
}

function checkAlone<Row>(batchSampler: BatchSampler, options: DataLoaderOptions<Row, unknown>): BatchSampler {
  for (const name of ['batchSize', 'shuffle', 'seed', 'generator', 'dropLast', 'bucketByLength'] as const) {
    if (options[name] !== undefined) {
      throw new ArgumentError(
        `DataLoader: batchSampler decides about batches alone, so ${name} has no meaning beside it`,
      );
    }
  }
  return batchSampler;
}
