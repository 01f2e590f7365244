/**
 * The generator that random functions use when none is passed. It is made at its first use, so that importing the
 * package does nothing, and starts from the system's entropy until somebody seeds it, as in PyTorch.
 */
import { entropySeed, Generator } from './generator.js';

let shared: Generator | undefined;

/** The generator of `rand`, `randn`, `randint`, `randperm`, the initialisers and dropout. */
export function defaultGenerator(): Generator {
  shared ??= new Generator(entropySeed());
  return shared;
}

/**
 * Seeds the default generator, as [torch.manual_seed](https://pytorch.org/docs/stable/generated/torch.manual_seed.html):
 * what is drawn afterwards equals what PyTorch draws on a CPU after the same seed.
 *
 * @param seed A whole number in [-2^63, 2^64); a negative one counts from 2^64, and only the low 32 bits decide the stream.
 * @returns The default generator.
 * @throws ArgumentError for any other seed.
 * @example
 * manualSeed(42);
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator().manualSeed(seed);
}

/** Seeds the default generator from the system's entropy and returns the seed taken, as `torch.seed`. */
export function seed(): bigint {
  return defaultGenerator().seed();
}

/** The seed that the default generator's stream started from, as `torch.initial_seed`. */
export function initialSeed(): bigint {
  return defaultGenerator().initialSeed();
}
