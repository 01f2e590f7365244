/** Merges by pair of ids: a hash table in integer arrays, for a `Map` with composed keys is several times as slow. */

/** Which token a pair of tokens becomes, and how early that merge was learned. */
export class PairTable {
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #ranks: Int32Array;
  readonly #mask: number;
  /** The token that a merge makes, by rank. */
  readonly results: Int32Array;

  /** @param merges Pairs with their results, by rank. Of a pair that comes twice the last one counts. */
  constructor(merges: readonly (readonly [first: number, second: number, result: number])[]) {
    let capacity = 16;
    while (capacity < 2 * merges.length) capacity *= 2;
    this.#mask = capacity - 1;
    this.#first = new Int32Array(capacity);
    this.#second = new Int32Array(capacity);
    this.#ranks = new Int32Array(capacity).fill(-1);
    this.results = new Int32Array(merges.length);
    for (const [rank, [first, second, result]] of merges.entries()) {
      const slot = this.#slot(first, second);
      this.#first[slot] = first;
      this.#second[slot] = second;
      this.#ranks[slot] = rank;
      this.results[rank] = result;
    }
  }

  /** The rank of the merge of a pair; -1 where there is none. */
  rank(first: number, second: number): number {
    return this.#ranks[this.#slot(first, second)] as number;
  }

  /** Where a pair is, or would go. */
  #slot(first: number, second: number): number {
    const hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#ranks[slot] !== -1 && !(this.#first[slot] === first && this.#second[slot] === second)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}
