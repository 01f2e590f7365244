/** Rows drawn by weight, so that rare classes come as often as frequent ones. */
import { ArgumentError } from '@course/tensor';
import { epochGenerator } from '../random/torch.js';
import type { BatchSampler } from './samplers.js';

/** Options of a {@link WeightedRandomSampler}. */
export interface WeightedSamplerOptions {
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Rows in an epoch; by default as many as there are weights. */
  readonly numSamples?: number;
  /** Whether a row may come several times in an epoch; true by default. */
  readonly replacement?: boolean;
  /** Seed of what is drawn; 0 by default. Epoch e is drawn from `seed + e`. */
  readonly seed?: number;
  /** Leave out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
}

/**
 * Draws rows by weight, after
 * [WeightedRandomSampler](https://pytorch.org/docs/stable/data.html#torch.utils.data.WeightedRandomSampler). With replacement, epoch e has
 * the rows that PyTorch draws from a generator seeded with `seed + e`; without, the same chances, other rows.
 *
 * @example
 * const weights = dataset.column('label').map((label) => (label === 1 ? 0.9 : 0.1));
 * const loader = new DataLoader(dataset, { batchSampler: new WeightedRandomSampler(weights, { batchSize: 2 }) });
 * loader.length; // 2
 */
export class WeightedRandomSampler implements BatchSampler {
  readonly length: number;
  readonly #weights: readonly number[];
  readonly #options: Required<WeightedSamplerOptions>;

  /** @throws ArgumentError for weights that are negative or all 0, and for options out of range. */
  constructor(weights: ArrayLike<number>, options: WeightedSamplerOptions) {
    const { batchSize, numSamples = weights.length, replacement = true, seed = 0, dropLast = false } = options;
    this.#weights = Array.from(weights);
    this.#options = { batchSize, numSamples, replacement, seed, dropLast };
    for (const [name, value] of Object.entries({ batchSize, numSamples })) {
      if (!(Number.isInteger(value) && value > 0))
        throw new ArgumentError(`WeightedRandomSampler: ${name} must be a positive whole number, got ${value}`);
    }
    if (!Number.isSafeInteger(seed))
      throw new ArgumentError(`WeightedRandomSampler: seed must be a whole number, got ${seed}`);
    const wrong = this.#weights.findIndex((weight) => !(Number.isFinite(weight) && weight >= 0));
    if (wrong !== -1)
      throw new ArgumentError(
        `WeightedRandomSampler: weight ${wrong} must be a number of at least 0, got ${weights[wrong]}`,
      );
    const positive = this.#weights.filter((weight) => weight > 0).length;
    if (positive === 0 || (!replacement && positive < numSamples))
      throw new ArgumentError(
        `WeightedRandomSampler: ${positive} rows have a weight above 0, too few for ${numSamples} ${replacement ? 'draws' : 'without replacement'}`,
      );
    this.length = dropLast ? Math.floor(numSamples / batchSize) : Math.ceil(numSamples / batchSize);
  }

  batches(epoch: number): number[][] {
    const { batchSize, numSamples, seed, replacement } = this.#options;
    const draw = (): number => epochDraw.randomDouble();
    const epochDraw = epochGenerator(seed, epoch);
    const rows = replacement ? this.#withReplacement(numSamples, draw) : this.#withoutReplacement(numSamples, draw);
    return Array.from({ length: this.length }, (_, i) => rows.slice(i * batchSize, (i + 1) * batchSize));
  }

  /** By the place of a number in the running sums of the weights. */
  #withReplacement(count: number, draw: () => number): number[] {
    const sums = new Float64Array(this.#weights.length);
    let total = 0;
    for (const [i, weight] of this.#weights.entries()) sums[i] = total += weight;
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) / total;
    return Array.from({ length: count }, () => {
      const place = draw();
      let [low, high] = [0, sums.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((sums[middle] ?? 0) < place) low = middle + 1;
        else high = middle;
      }
      // Never a row of weight 0, not even for a number of exactly 0.
      while (this.#weights[low] === 0) low++;
      return low;
    });
  }

  /** The rows with the first arrivals, of rates that are the weights (Efraimidis and Spirakis 2006). */
  #withoutReplacement(count: number, draw: () => number): number[] {
    const arrivals = this.#weights.map((weight) => -Math.log1p(-draw()) / weight);
    const rows = this.#weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
    return rows.sort((a, b) => (arrivals[a] ?? 0) - (arrivals[b] ?? 0)).slice(0, count);
  }
}
