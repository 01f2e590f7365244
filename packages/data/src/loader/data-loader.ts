/**
 * Batches of a data set, epoch after epoch, in an order that a seed fixes. The loader knows where it stands (`state`), so a run that
 * was cut off goes on with the very batch it would have had next.
 */
import { ArgumentError, Tensor } from '@course/tensor';
import type { Dataset } from '../datasets/dataset.js';
import type { Collate } from './collate.js';
import { type DefaultBatch, defaultCollate } from './default-collate.js';
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
  /** Draw another order every epoch; false by default. */
  readonly shuffle?: boolean;
  /** Seed of the orders; 0 by default. */
  readonly seed?: number;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
  /** Makes a batch of rows; by default rows become columns: plain arrays, or for tensors of one shape a tensor. */
  readonly collate?: Collate<Row, Batch>;
  /** Put rows of similar length together, so that little is padded. */
  readonly bucketByLength?: LengthBuckets<Row>;
  /** Batches that are made ahead while one is used, for collators that wait for something; 0 by default. */
  readonly prefetch?: number;
  /** Decides alone which rows make which batch; excludes the options about that. */
  readonly batchSampler?: BatchSampler;
}

/** Where a loader stands. Plain data, to be saved with a checkpoint. */
export interface LoaderState {
  readonly epoch: number;
  /** Number of batches of that epoch that have been delivered. */
  readonly batch: number;
}

/**
 * Iterates over a data set in batches, after [torch.utils.data.DataLoader](https://pytorch.org/docs/stable/data.html). Each
 * `for await` is one epoch; with `shuffle`, epoch e has the order of `torch.randperm` seeded with `seed + e`.
 *
 * @example
 * const loader = new DataLoader(dataset, { batchSize: 2, shuffle: true, seed: 42 });
 * for (let epoch = 0; epoch < 3; epoch++) {
 *   for await (const batch of loader) batch.text; // string[]
 * }
 */
export class DataLoader<Row, Batch = DefaultBatch<Row>> implements AsyncIterable<Batch> {
  /** The rows. */
  readonly dataset: Dataset<Row>;
  /** Rows in a batch; undefined where a `batchSampler` decides. */
  readonly batchSize: number | undefined;
  readonly #sampler: BatchSampler;
  readonly #prefetch: number;
  readonly #collate: (rows: readonly Row[]) => Batch | Promise<Batch>;
  /** Where the next `for await` starts. */
  #next: LoaderState = { epoch: 0, batch: 0 };
  /** Where the last one stands. */
  #position: LoaderState = { epoch: 0, batch: 0 };

  /** @throws ArgumentError for options out of range, or that exclude each other. */
  constructor(dataset: Dataset<Row>, options: DataLoaderOptions<Row, Batch> = {}) {
    const { collate, batchSampler, prefetch = 0 } = options;
    if (!(Number.isInteger(prefetch) && prefetch >= 0))
      throw new ArgumentError(`DataLoader: prefetch must be a whole number of batches, got ${prefetch}`);
    this.#prefetch = prefetch;
    this.dataset = dataset;
    this.batchSize = batchSampler === undefined ? (options.batchSize ?? 1) : undefined;
    this.#sampler = batchSampler === undefined ? makeSampler(dataset, options) : checkAlone(batchSampler, options);
    if (collate === undefined) this.#collate = (rows) => defaultCollate(rows) as Batch;
    else this.#collate = typeof collate === 'function' ? collate : (rows) => collate.collate(rows);
  }

  /** Number of batches in an epoch. */
  get length(): number {
    return this.#sampler.length;
  }

  /** Where the loader stands: the batch that would come next, were the epoch at hand gone on with. */
  state(): LoaderState {
    const { epoch, batch } = this.#position;
    return batch >= this.length && batch > 0 ? { epoch: epoch + 1, batch: 0 } : { epoch, batch };
  }

  /**
   * Makes the next `for await` go on where `state` was taken; the data set and the options must be those of then.
   *
   * @throws ArgumentError for a position that this loader does not have.
   */
  loadState(state: LoaderState): void {
    const { epoch, batch } = state;
    if (!(Number.isInteger(epoch) && epoch >= 0 && Number.isInteger(batch) && batch >= 0 && batch <= this.length)) {
      throw new ArgumentError(
        `loadState: there is no batch ${batch} of epoch ${epoch}; this loader has ${this.length} batches an epoch`,
      );
    }
    this.#next = { epoch, batch };
    this.#position = this.#next;
  }

  /** Makes the next `for await` that of a certain epoch; goes on inside of it if `loadState` said so. */
  setEpoch(epoch: number): void {
    if (epoch !== this.#next.epoch) this.loadState({ epoch, batch: 0 });
  }

  /** The batches of one epoch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const { epoch, batch: start } = this.#next;
    this.#next = { epoch: epoch + 1, batch: 0 };
    this.#position = { epoch, batch: start };
    const batches = this.#sampler.batches(epoch);
    const make = async (i: number): Promise<Batch> =>
      this.#collate((batches[i] ?? []).map((row) => this.dataset.at(row)));
    const ahead: Promise<Batch>[] = [];
    try {
      for (let i = start; i < batches.length; i++) {
        while (ahead.length <= this.#prefetch && i + ahead.length < batches.length) {
          const batch = make(i + ahead.length);
          // It is told when its turn comes; until then nobody waits for it.
          batch.catch(() => undefined);
          ahead.push(batch);
        }
        const batch = await (ahead.shift() as Promise<Batch>);
        this.#position = { epoch, batch: i + 1 };
        yield batch;
      }
    } finally {
      // Who leaves early will not free what was made ahead.
      for (const batch of ahead) void batch.then(disposeBatch, () => undefined);
    }
  }
}

/** Frees the tensors of a batch. */
function disposeBatch(batch: unknown): void {
  if (typeof batch !== 'object' || batch === null) return;
  for (const value of Object.values(batch)) if (value instanceof Tensor) value.dispose();
}

function makeSampler<Row>(dataset: Dataset<Row>, options: DataLoaderOptions<Row, unknown>): BatchSampler {
  const { batchSize = 1, shuffle = false, seed = 0, dropLast = false, bucketByLength } = options;
  const common = { batchSize, shuffle, seed, dropLast };
  if (bucketByLength === undefined) return new SimpleBatchSampler(dataset.length, common);
  const { key, bucketBatches = 50 } = bucketByLength;
  return new LengthBucketSampler(
    Array.from(dataset, (row) => key(row)),
    { ...common, bucketBatches },
  );
}

function checkAlone<Row>(batchSampler: BatchSampler, options: DataLoaderOptions<Row, unknown>): BatchSampler {
  for (const name of ['batchSize', 'shuffle', 'seed', 'dropLast', 'bucketByLength'] as const) {
    if (options[name] !== undefined) {
      throw new ArgumentError(
        `DataLoader: batchSampler decides about batches alone, so ${name} has no meaning beside it`,
      );
    }
  }
  return batchSampler;
}
