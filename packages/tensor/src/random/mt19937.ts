/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform
 * pseudorandom number generator", 1998): the engine below PyTorch's CPU generator. It knows integers only; what becomes
 * of them is `distributions.ts`. Words are 32 bit and computed with `|`, `^`, `>>>` and `Math.imul` alone.
 */
import { ArgumentError } from '../errors.js';

const N = 624;
const M = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;
const TWIST = 0x9908b0df;

/** What an engine needs to go on from where it stands. */
export interface Mt19937State {
  /** The 624 words of the current block. */
  readonly words: Uint32Array;
  /** How many of them were handed out: 0 to 624. */
  readonly position: number;
}

/** MT19937 with 32-bit output. */
export class Mt19937 {
  #words = new Uint32Array(N);
  #position = N;

  /** Starts as `init_genrand` of the reference code does, from one 32-bit word; higher bits of `seed` are ignored. */
  constructor(seed: number) {
    let previous = seed >>> 0;
    this.#words[0] = previous;
    for (let i = 1; i < N; i++) {
      previous = (Math.imul(previous ^ (previous >>> 30), 1812433253) + i) >>> 0;
      this.#words[i] = previous;
    }
  }

  /** The next 32 random bits, as an integer in [0, 2^32). */
  next(): number {
    if (this.#position === N) this.#twist();
    let y = this.#words[this.#position++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** A copy of the state. */
  state(): Mt19937State {
    return { words: this.#words.slice(), position: this.#position };
  }

  /** Goes on from a saved state. */
  restore({ words, position }: Mt19937State): void {
    if (words.length !== N || !Number.isInteger(position) || position < 0 || position > N) {
      throw new ArgumentError(
        `mt19937 state: expected ${N} words and a position in [0, ${N}], got ${words.length} words and ${position}`,
      );
    }
    this.#words = words.slice();
    this.#position = position;
  }

  /** Makes the next block of 624 words in place. */
  #twist(): void {
    const words = this.#words;
    let current = words[0] ?? 0;
    for (let i = 0; i < N; i++) {
      const next = words[i + 1 < N ? i + 1 : 0] ?? 0;
      const y = (current & UPPER) | (next & LOWER);
      words[i] = (words[i + M < N ? i + M : i + M - N] ?? 0) ^ (y >>> 1) ^ (-(y & 1) & TWIST);
      current = next;
    }
    this.#position = 0;
  }
}
