/**
 * PyTorch's CPU generator on the host: a Mersenne Twister, the second half of the last Box–Muller pair, and a seed. A
 * program seeded like a PyTorch program draws the same numbers; a state saved by either side is read by the other.
 * Kernels that make random numbers on a device take a Philox key from here, which leaves the host stream untouched.
 */
import { ArgumentError } from '../errors.js';
import { Mt19937, type Mt19937State } from './mt19937.js';

/** Seed of a `new Generator()`, as in PyTorch (`c10::detail::DEFAULT_SEED_VAL`). */
const DEFAULT_SEED = 67280421310721n;

// The bytes of `torch.get_rng_state()`: at::CPUGeneratorImplState, little-endian, as laid out on every 64-bit system.
const STATE_BYTES = 5056;
const SEED_AT = 0;
const LEFT_AT = 8;
const SEEDED_AT = 12;
const NEXT_AT = 16;
const WORDS_AT = 24;
const WORDS = 624;
// PyTorch writes 0.0 here and ignores it when reading (a field of its earliest format): room for our Philox counter.
const PHILOX_COUNTER_AT = WORDS_AT + 8 * WORDS;
const NORMAL_AT = PHILOX_COUNTER_AT + 8;
const NORMAL_VALID_AT = NORMAL_AT + 16;

/** Where a device kernel's Philox stream starts: `seed` is the 64-bit key, `offset` tells one request from the next. */
export interface PhiloxKey {
  /** The low and the high 32 bits of the generator's seed. */
  readonly seed: readonly [lo: number, hi: number];
  /** How many keys were taken before this one since the generator was seeded, modulo 2^32. */
  readonly offset: number;
}

/** Told of every key that is taken, while a captured function is recorded. */
export const keys: { watcher: ((generator: Generator, offset: number) => void) | null } = { watcher: null };

/** The seed as PyTorch stores it: an unsigned 64-bit integer, negative ones in two's complement. */
function toUint64(seed: number | bigint): bigint {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
    throw new ArgumentError(`manualSeed: the seed must be a whole number below 2^53 or a bigint, got ${seed}`);
  }
  const value = BigInt(seed);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new ArgumentError(`manualSeed: the seed must lie in [-2^63, 2^64), got ${seed}`);
  }
  return BigInt.asUintN(64, value);
}

/** A seed from the system's entropy; PyTorch keeps 53 bits of it, which a JavaScript number holds exactly. */
export function entropySeed(): bigint {
  const [hi = 0, lo = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(hi & 0x1fffff) << 32n) | BigInt(lo);
}

/**
 * A stream of random numbers that equals PyTorch's CPU generator of the same seed, as
 * [torch.Generator](https://pytorch.org/docs/stable/generated/torch.Generator.html).
 *
 * @example
 * const generator = new Generator().manualSeed(42);
 * generator.random(); // 1608637542
 */
export class Generator {
  #seed: bigint;
  #engine: Mt19937;
  #philoxCounter = 0;

  /**
   * The second sample of the last Box–Muller pair, waiting for the next single normal draw (PyTorch's
   * `next_double_normal_sample`). Only the distributions write it.
   */
  cachedNormal: number | undefined;

  /** @param seed As for `manualSeed`; without one, PyTorch's fixed default seed. */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.#seed = toUint64(seed);
    this.#engine = new Mt19937(Number(this.#seed & 0xffffffffn));
  }

  /**
   * Starts the stream anew. Only the low 32 bits of the seed reach the Mersenne Twister, as in PyTorch.
   *
   * @param seed A whole number in [-2^63, 2^64).
   * @throws ArgumentError for any other seed.
   */
  manualSeed(seed: number | bigint): this {
    this.#seed = toUint64(seed);
    this.#engine = new Mt19937(Number(this.#seed & 0xffffffffn));
    this.#philoxCounter = 0;
    this.cachedNormal = undefined;
    return this;
  }

  /** Starts the stream anew from the system's entropy and returns the seed taken. */
  seed(): bigint {
    const seed = entropySeed();
    this.manualSeed(seed);
    return seed;
  }

  /** The seed that the stream started from, in [0, 2^64). */
  initialSeed(): bigint {
    return this.#seed;
  }

  /** The next 32 random bits, as an integer in [0, 2^32). */
  random(): number {
    return this.#engine.next();
  }

  /** The next 64 random bits: two draws, the first one the high half. */
  random64(): bigint {
    const hi = this.#engine.next();
    const lo = this.#engine.next();
    return (BigInt(hi) << 32n) | BigInt(lo);
  }

  /** The next double in [0, 1): the low 53 bits of `random64()` times 2^-53. */
  randomDouble(): number {
    const hi = this.#engine.next() & 0x1fffff;
    const lo = this.#engine.next();
    return (hi * 2 ** 32 + lo) * 2 ** -53;
  }

  /**
   * A key for a counter-based stream on a device. Each call gives another one, the same ones after the same seed, and
   * none consumes numbers of the host stream.
   */
  philoxKey(): PhiloxKey {
    const offset = this.#philoxCounter;
    keys.watcher?.(this, offset);
    this.#philoxCounter = (offset + 1) >>> 0;
    return { seed: [Number(this.#seed & 0xffffffffn), Number(this.#seed >> 32n)], offset };
  }

  /** @internal Lets somebody else draw from the host stream: he gets its state and returns the one behind his draws. */
  handOver(draw: (state: Mt19937State) => Mt19937State): void {
    this.#engine.restore(draw(this.#engine.state()));
  }

  /** @internal How many keys were taken since the generator was seeded: a replay goes on from there. */
  get keysTaken(): number {
    return this.#philoxCounter;
  }
  set keysTaken(count: number) {
    this.#philoxCounter = count >>> 0;
  }

  /** @internal Where the host stream stands, in a text that changes with every draw. */
  get hostPosition(): string {
    const { words, position } = this.#engine.state();
    return `${this.#seed},${position},${words[0]},${words[WORDS - 1]},${this.cachedNormal}`;
  }

  /**
   * The whole state as 5,056 bytes, laid out as those of
   * [torch.get_rng_state](https://pytorch.org/docs/stable/generated/torch.get_rng_state.html), which PyTorch restores too.
   */
  getState(): Uint8Array {
    const bytes = new Uint8Array(STATE_BYTES);
    const view = new DataView(bytes.buffer);
    const { words, position } = this.#engine.state();
    view.setBigUint64(SEED_AT, this.#seed, true);
    view.setInt32(LEFT_AT, WORDS + 1 - position, true);
    view.setInt32(SEEDED_AT, 1, true);
    view.setBigUint64(NEXT_AT, BigInt(position), true);
    for (const [i, word] of words.entries()) view.setUint32(WORDS_AT + 8 * i, word, true);
    view.setUint32(PHILOX_COUNTER_AT, this.#philoxCounter, true);
    view.setFloat64(NORMAL_AT, this.cachedNormal ?? 0, true);
    view.setInt32(NORMAL_VALID_AT, this.cachedNormal === undefined ? 0 : 1, true);
    return bytes;
  }

  /**
   * Goes on from a state that `getState` or PyTorch's `get_rng_state` returned.
   *
   * @throws ArgumentError when the bytes are no such state.
   */
  setState(state: Uint8Array): void {
    if (state.length !== STATE_BYTES) {
      throw new ArgumentError(`setState: expected a generator state of ${STATE_BYTES} bytes, got ${state.length}`);
    }
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const left = view.getInt32(LEFT_AT, true);
    const next = view.getBigUint64(NEXT_AT, true);
    // `left` counts down to 1; a freshly seeded PyTorch engine has left 1 and next 0: its first block is still to be made.
    const position = WORDS + 1 - left;
    if (
      view.getInt32(SEEDED_AT, true) !== 1 ||
      position < 1 ||
      position > WORDS ||
      (left > 1 && next !== BigInt(position))
    ) {
      throw new ArgumentError('setState: the bytes are no state of a seeded mt19937 generator');
    }
    const words = new Uint32Array(WORDS);
    for (let i = 0; i < WORDS; i++) words[i] = view.getUint32(WORDS_AT + 8 * i, true);
    this.#engine.restore({ words, position } satisfies Mt19937State);
    this.#seed = view.getBigUint64(SEED_AT, true);
    this.#philoxCounter = view.getUint32(PHILOX_COUNTER_AT, true);
    this.cachedNormal = view.getInt32(NORMAL_VALID_AT, true) === 0 ? undefined : view.getFloat64(NORMAL_AT, true);
  }
}
