/**
 * NumPy's default generator, as far as shuffling needs it: `SeedSequence`, PCG64 (O'Neill 2014, XSL-RR on 128 bits) and the
 * draws of `Generator` that data sets are ordered by (`permutation`, `integers`, `choice`). Python's `datasets` shuffles with it, so the
 * same seed picks the same rows here as in a published experiment.
 */
import { ArgumentError } from '@course/tensor';

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const MASK_128 = (1n << 128n) - 1n;
const MASK_64 = (1n << 64n) - 1n;

/** The entropy pool of `numpy.random.SeedSequence(seed)`, and the 32-bit words that it gives. */
function seedWords(seed: number, count: number): Uint32Array {
  const entropy = [seed >>> 0, ...(seed >= 2 ** 32 ? [Math.floor(seed / 2 ** 32)] : [])];
  const pool = new Uint32Array(4);
  let hashConstant = 0x43b0d7e5;
  const hash = (word: number): number => {
    let value = (word ^ hashConstant) >>> 0;
    hashConstant = Math.imul(hashConstant, 0x931e8875) >>> 0;
    value = Math.imul(value, hashConstant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  for (let i = 0; i < 4; i++) pool[i] = hash(entropy[i] ?? 0);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to] ?? 0, hash(pool[from] ?? 0));
  }
  const words = new Uint32Array(count);
  let outConstant = 0x8b51f9dd;
  for (let i = 0; i < count; i++) {
    let value = ((pool[i % 4] ?? 0) ^ outConstant) >>> 0;
    outConstant = Math.imul(outConstant, 0x58f38ded) >>> 0;
    value = Math.imul(value, outConstant) >>> 0;
    words[i] = value ^ (value >>> 16);
  }
  return words;
}

/** The bit generator of `numpy.random.default_rng(seed)`, and what is drawn from it. */
export class NumpyGenerator {
  #state: bigint;
  readonly #increment: bigint;
  /** The upper half of the last 64-bit number, which the next 32-bit draw takes. */
  #half: number | undefined;

  /** @throws ArgumentError for a seed that is no whole number in [0, 2^53). */
  constructor(seed: number) {
    if (!(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new ArgumentError(`seed must be a whole number in [0, 2^53), got ${seed}`);
    }
    const words = seedWords(seed, 8);
    const word64 = (i: number): bigint => (BigInt(words[2 * i + 1] ?? 0) << 32n) | BigInt(words[2 * i] ?? 0);
    const start = (word64(0) << 64n) | word64(1);
    const sequence = (word64(2) << 64n) | word64(3);
    this.#increment = ((sequence << 1n) | 1n) & MASK_128;
    this.#state = (this.#increment + start) & MASK_128;
    this.#step();
  }

  /** The next 32 random bits. */
  next32(): number {
    const half = this.#half;
    if (half !== undefined) {
      this.#half = undefined;
      return half;
    }
    this.#step();
    const mixed = (this.#state >> 64n) ^ (this.#state & MASK_64);
    const rotation = this.#state >> 122n;
    const bits = ((mixed >> rotation) | (mixed << (64n - rotation))) & MASK_64;
    this.#half = Number(bits >> 32n);
    return Number(bits & 0xffffffffn);
  }

  /** A whole number in [0, bound], by drawing as many bits as `bound` has until they fit. */
  upTo(bound: number): number {
    const mask = 2 ** (32 - Math.clz32(bound)) - 1;
    for (;;) {
      const value = (this.next32() & mask) >>> 0;
      if (value <= bound) return value;
    }
  }

  /** A whole number in [0, bound], by multiplication (Lemire 2019): how `integers` and `choice` draw. */
  lemire(bound: number): number {
    if (bound === 0) return 0;
    const size = BigInt(bound) + 1n;
    let product = BigInt(this.next32()) * size;
    if ((product & 0xffffffffn) < size) {
      const threshold = (0x100000000n - size) % size;
      while ((product & 0xffffffffn) < threshold) product = BigInt(this.next32()) * size;
    }
    return Number(product >> 32n);
  }

  /** Puts an array in random order, in place: `shuffle`. */
  shuffle<A extends Int32Array | unknown[]>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.upTo(i);
      const value = array[i];
      array[i] = array[j];
      array[j] = value;
    }
    return array;
  }

  /** The numbers 0 to `length - 1` in random order: `permutation(length)`. */
  permutation(length: number): Int32Array {
    return this.shuffle(Int32Array.from({ length }, (_, i) => i));
  }

  /** Whole numbers in [0, high): `integers(0, high, size=count)`. */
  integers(high: number, count: number): number[] {
    return Array.from({ length: count }, () => this.lemire(high - 1));
  }

  /** `count` of the numbers 0 to `length - 1`: `choice(length, count, replace=False)` of up to 10,000 (Floyd's algorithm). */
  choice(length: number, count: number): number[] {
    const taken = new Set<number>();
    const chosen: number[] = [];
    for (let j = length - count; j < length; j++) {
      const value = this.lemire(j);
      const next = taken.has(value) ? j : value;
      taken.add(next);
      chosen.push(next);
    }
    for (let i = count - 1; i > 0; i--) {
      const j = this.lemire(i);
      [chosen[i], chosen[j]] = [chosen[j] ?? 0, chosen[i] ?? 0];
    }
    return chosen;
  }

  #step(): void {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK_128;
  }
}

/**
 * The numbers 0 to `length - 1` in the order of `numpy.random.default_rng(seed).permutation(length)`.
 *
 * @throws ArgumentError for a seed that is no whole number in [0, 2^53).
 */
export function numpyPermutation(length: number, seed: number): Int32Array {
  return new NumpyGenerator(seed).permutation(length);
}
