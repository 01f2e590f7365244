/**
 * The order of rows from a generator that goes on from epoch to epoch, as `DataLoader(shuffle=True, generator=g)` of PyTorch has it. Where an
 * epoch began is told as text, so that a run that was cut off draws the same order again.
 */
import { ArgumentError, type Generator } from '@course/tensor';
import { torchPermutation } from '../random/torch.js';
import { type BatchSamplerOptions, batchCount, checkSamplerOptions, cutBatches } from './samplers.js';

/** The batches of one epoch after the other. */
export class GeneratorOrder {
  /** Number of batches in an epoch. */
  readonly length: number;
  readonly #rows: number;
  readonly #batchSize: number;
  readonly #generator: Generator;

  constructor(rows: number, options: BatchSamplerOptions, generator: Generator) {
    checkSamplerOptions(options);
    this.#rows = rows;
    this.#batchSize = options.batchSize;
    this.#generator = generator;
    this.length = batchCount(rows, options);
  }

  /** Where the generator stands. */
  position(): string {
    return btoa(Array.from(this.#generator.getState(), (byte) => String.fromCharCode(byte)).join(''));
  }

  /**
   * Draws the batches of an epoch.
   *
   * @param from Where the generator stood when the epoch began; by default where it stands.
   * @throws ArgumentError for what is no such place.
   */
  draw(from?: string): number[][] {
    if (from !== undefined) this.#generator.setState(bytesOf(from));
    // PyTorch's iterator draws a seed for its workers first, whether it has some or not.
    this.#generator.random64();
    const order = torchPermutation(this.#rows, this.#generator);
    // At the end of its epoch, PyTorch's sampler draws one more order, of which it takes nothing.
    torchPermutation(this.#rows, this.#generator);
    return cutBatches(order, this.#batchSize, this.length);
  }
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    throw new ArgumentError('loadState: generator is no state that a loader told', { cause: error });
  }
}
