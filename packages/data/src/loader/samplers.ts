/**
 * Which rows make which batch. A batch sampler is a pure function of the epoch: the same seed and epoch give the same batches, so an
 * interrupted run can go on in the middle of an epoch without replaying what came before.
 */
import { ArgumentError } from '@course/tensor';
import { epochGenerator, torchPermutation } from '../random/torch.js';

/** The batches of an epoch, as row indices. */
export interface BatchSampler {
  /** Number of batches in an epoch. */
  readonly length: number;
  /** The batches of an epoch, in order. */
  batches(epoch: number): readonly (readonly number[])[];
}

/** What the samplers here share. */
export interface BatchSamplerOptions {
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Draw another order every epoch; false by default. */
  readonly shuffle?: boolean;
  /** Seed of the orders; 0 by default. Epoch e is drawn from `seed + e`. */
  readonly seed?: number;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
}

/** Options of a `LengthBucketSampler`. */
export interface LengthBucketOptions extends BatchSamplerOptions {
  /** Rows of similar length are looked for within this many batches; 50 by default. Fewer is more random, more pads less. */
  readonly bucketBatches?: number;
}

/** @throws ArgumentError for options out of range. */
export function checkSamplerOptions({ batchSize, seed = 0 }: BatchSamplerOptions): void {
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new ArgumentError(`batchSize must be a positive whole number, got ${batchSize}`);
  }
  if (!Number.isSafeInteger(seed)) throw new ArgumentError(`seed must be a whole number, got ${seed}`);
}

/** `length` batches of an order of rows. */
export function cutBatches(order: ArrayLike<number>, batchSize: number, length: number): number[][] {
  return Array.from({ length }, (_, i) =>
    Array.from({ length: Math.min(batchSize, order.length - i * batchSize) }, (_, j) => order[i * batchSize + j] ?? 0),
  );
}

/** Number of batches in an epoch. */
export function batchCount(rows: number, { batchSize, dropLast = false }: BatchSamplerOptions): number {
  return dropLast ? Math.floor(rows / batchSize) : Math.ceil(rows / batchSize);
}

/** Rows in order, or in the order of `torch.randperm` from a generator seeded with `seed + epoch`. */
export class SimpleBatchSampler implements BatchSampler {
  readonly length: number;
  readonly #rows: number;
  readonly #options: BatchSamplerOptions;

  /** @param rows Number of rows. */
  constructor(rows: number, options: BatchSamplerOptions) {
    checkSamplerOptions(options);
    this.#rows = rows;
    this.#options = options;
    this.length = batchCount(rows, options);
  }

  batches(epoch: number): number[][] {
    const { shuffle = false, seed = 0, batchSize } = this.#options;
    const order = shuffle
      ? torchPermutation(this.#rows, epochGenerator(seed, epoch))
      : Array.from({ length: this.#rows }, (_, i) => i);
    return cutBatches(order, batchSize, this.length);
  }
}

/**
 * Batches of rows of similar length, so that little is padded. With `shuffle`, rows are shuffled, sorted by length within groups of
 * `bucketBatches` batches, and the batches shuffled again (after `LengthGroupedSampler` of `transformers`); without, all rows are
 * sorted by length.
 *
 * @see <https://github.com/huggingface/transformers/blob/main/src/transformers/trainer_pt_utils.py>
 */
export class LengthBucketSampler implements BatchSampler {
  readonly length: number;
  readonly #lengths: ArrayLike<number>;
  readonly #options: LengthBucketOptions;

  /** @param lengths The length of each row. */
  constructor(lengths: ArrayLike<number>, options: LengthBucketOptions) {
    checkSamplerOptions(options);
    const { bucketBatches = 50 } = options;
    if (!(Number.isInteger(bucketBatches) && bucketBatches > 0)) {
      throw new ArgumentError(`bucketBatches must be a positive whole number, got ${bucketBatches}`);
    }
    for (let i = 0; i < lengths.length; i++) {
      if (Number.isFinite(lengths[i])) continue;
      throw new ArgumentError(`the length of row ${i} must be a number, got ${lengths[i]}`);
    }
    this.#lengths = lengths;
    this.#options = options;
    this.length = batchCount(lengths.length, options);
  }

  batches(epoch: number): number[][] {
    const { shuffle = false, seed = 0, batchSize, dropLast = false, bucketBatches = 50 } = this.#options;
    const rows = this.#lengths.length;
    const longestFirst = (a: number, b: number): number => (this.#lengths[b] ?? 0) - (this.#lengths[a] ?? 0);
    if (!shuffle) {
      const order = Array.from({ length: rows }, (_, i) => i).sort(longestFirst);
      return cutBatches(order, batchSize, this.length);
    }
    const generator = epochGenerator(seed, epoch);
    const shuffled = torchPermutation(rows, generator);
    // Dropped before sorting: which rows are left out must not depend on their length.
    const order = Array.from(dropLast ? shuffled.subarray(0, this.length * batchSize) : shuffled);
    const grouped: number[] = [];
    for (let from = 0; from < order.length; from += bucketBatches * batchSize) {
      for (const row of order.slice(from, from + bucketBatches * batchSize).sort(longestFirst)) grouped.push(row);
    }
    const batches = cutBatches(grouped, batchSize, this.length);
    return Array.from(torchPermutation(batches.length, generator), (i) => batches[i] ?? []);
  }
}
