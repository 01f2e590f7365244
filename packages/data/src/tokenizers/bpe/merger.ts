/**
 * Byte-pair encoding of one word (Sennrich et al. 2016): of all pairs of neighbours the one that was learned first is joined, the
 * leftmost of equals, until none is left. As `Word::merge_all` of the Rust tokenizers: a heap of merges over a linked list of
 * symbols, so that a word of n bytes costs n log n, whatever it holds.
 */
import type { PairTable } from './pair-table.js';

/** Positions take this much of a heap key, ranks the rest: both stay exact in a double. */
const POSITIONS = 2 ** 31;
/** More merges than this would not fit into a key. */
export const MAX_MERGES = 2 ** 22;

const GONE = -1;

/** Joins the symbols of words. One instance is used for word after word. */
export class Merger {
  /** The symbols: put in before `merge`, joined after it. */
  symbols = new Int32Array(64);
  /** After `merge`: the index of the symbol that each one started at before. */
  starts = new Int32Array(64);
  readonly #pairs: PairTable;
  #previous = new Int32Array(64);
  #next = new Int32Array(64);
  #heap = new Float64Array(256);
  #heapSize = 0;

  constructor(pairs: PairTable) {
    this.#pairs = pairs;
  }

  /** Makes room for `count` symbols. */
  reserve(count: number): void {
    if (count <= this.symbols.length) return;
    const capacity = Math.max(count, 2 * this.symbols.length);
    this.symbols = new Int32Array(capacity);
    this.starts = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
  }

  /** Joins the first `count` symbols as far as they go, and returns how many there are then. */
  merge(count: number): number {
    const symbols = this.symbols;
    const previous = this.#previous;
    const next = this.#next;
    const { results } = this.#pairs;
    this.#heapSize = 0;
    for (let i = 0; i < count; i++) {
      previous[i] = i - 1;
      next[i] = i + 1;
      if (i > 0) this.#offer(i - 1, symbols[i - 1] as number, symbols[i] as number);
    }
    while (this.#heapSize > 0) {
      const key = this.#pop();
      const rank = Math.floor(key / POSITIONS);
      const at = key - rank * POSITIONS;
      const after = next[at] as number;
      if (symbols[at] === GONE || after >= count) continue;
      // The pair may have changed since it was queued; what counts is whether it makes the same token.
      const now = this.#pairs.rank(symbols[at] as number, symbols[after] as number);
      const result = results[rank] as number;
      if (now === -1 || results[now] !== result) continue;
      const beyond = next[after] as number;
      const before = previous[at] as number;
      symbols[at] = result;
      symbols[after] = GONE;
      next[at] = beyond;
      if (beyond < count) {
        previous[beyond] = at;
        this.#offer(at, result, symbols[beyond] as number);
      }
      if (before >= 0) this.#offer(before, symbols[before] as number, result);
    }
    let kept = 0;
    for (let i = 0; i < count; i = next[i] as number) {
      this.starts[kept] = i;
      symbols[kept++] = symbols[i] as number;
    }
    return kept;
  }

  /** Queues the merge of a pair whose first symbol is at `at`, if there is one. */
  #offer(at: number, first: number, second: number): void {
    const rank = this.#pairs.rank(first, second);
    if (rank === -1) return;
    if (this.#heapSize === this.#heap.length) {
      const wider = new Float64Array(2 * this.#heap.length);
      wider.set(this.#heap);
      this.#heap = wider;
    }
    const heap = this.#heap;
    const key = rank * POSITIONS + at;
    let i = this.#heapSize++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as number;
      if (above <= key) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0] as number;
    const size = --this.#heapSize;
    const last = heap[size] as number;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[i] = heap[child] as number;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}
