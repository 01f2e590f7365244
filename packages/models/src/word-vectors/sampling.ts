/**
 * Which words training looks at: noise words drawn by their frequency to the power of 3/4, and frequent words skipped (Mikolov et al. 2013,
 * "Distributed Representations of Words and Phrases and their Compositionality", 2.2 and 2.3). The original draws noise from a table of
 * 100 million entries; the alias method (Walker 1977) draws from the same distribution, exactly, with two numbers a word.
 */
import type { Generator } from '@course/tensor';

const TWO_32 = 2 ** 32;

/** Draws word numbers with probability proportional to `counts ** exponent`. */
export class UnigramTable {
  /** Column i is word i below `#threshold[i]` (of 2^32) and word `#alias[i]` above. */
  readonly #threshold: Float64Array;
  readonly #alias: Int32Array;
  readonly #random: Generator;

  constructor(counts: readonly number[], exponent: number, random: Generator) {
    const size = counts.length;
    this.#random = random;
    this.#threshold = new Float64Array(size).fill(TWO_32);
    this.#alias = Int32Array.from({ length: size }, (_, i) => i);
    const powers = counts.map((count) => count ** exponent);
    const total = powers.reduce((sum, power) => sum + power, 0);
    const share = powers.map((power) => (power * size) / total);
    const small: number[] = [];
    const large: number[] = [];
    for (const [i, part] of share.entries()) (part < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const [low, high] = [small.pop() ?? 0, large.pop() ?? 0];
      this.#threshold[low] = (share[low] ?? 0) * TWO_32;
      this.#alias[low] = high;
      const rest = (share[high] ?? 0) + (share[low] ?? 0) - 1;
      share[high] = rest;
      (rest < 1 ? small : large).push(high);
    }
  }

  draw(): number {
    const random = this.#random;
    const column = Math.floor((random.random() * this.#alias.length) / TWO_32);
    return random.random() < (this.#threshold[column] ?? 0) ? column : (this.#alias[column] ?? 0);
  }
}

/**
 * The probability to keep an occurrence of each word, times 2^32: 1 up to a frequency of about `sample`, and falling with its root, by
 * the formula of word2vec.c and gensim. All are kept when `sample` is 0.
 */
export function keepThresholds(counts: readonly number[], sample: number): Float64Array {
  const limit = sample * counts.reduce((sum, count) => sum + count, 0);
  return Float64Array.from(counts, (count) =>
    limit === 0 ? TWO_32 : Math.min(1, (Math.sqrt(count / limit) + 1) * (limit / count)) * TWO_32,
  );
}

/** Draws rows uniformly from [-1 / width, 1 / width), as gensim begins. */
export function drawRows(rows: Float32Array, width: number, random: Generator): void {
  for (let i = 0; i < rows.length; i++) rows[i] = ((random.random() / TWO_32) * 2 - 1) / width;
}
