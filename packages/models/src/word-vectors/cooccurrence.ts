/**
 * How often words stand near each other, counted as GloVe counts: a neighbour at distance n counts 1/n. Pairs lie in an open hash table of typed
 * arrays, each once for both orders, since a Map of tens of millions of pairs would take some gigabytes.
 */
import type { Corpus } from './corpus.js';

/** The non-zero entries of a matrix of words by words. */
export interface Cooccurrences {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly counts: Float64Array;
}

/** What is counted. */
export interface CooccurrenceOptions {
  /** How far words may be from each other. */
  readonly window: number;
  /** Both sides of a word; else those to the left alone. */
  readonly symmetric: boolean;
  /** A neighbour at distance n counts 1/n, else 1. */
  readonly distanceWeighting: boolean;
}

/** A hash table from pairs of numbers to sums. */
class PairSums {
  #rows = new Int32Array(1 << 12).fill(-1);
  #columns = new Int32Array(1 << 12);
  #sums = new Float64Array(1 << 12);
  size = 0;

  add(row: number, column: number, value: number): void {
    if (2 * this.size >= this.#rows.length) this.#grow();
    const at = this.#place(row, column);
    if (this.#rows[at] === -1) {
      this.#rows[at] = row;
      this.#columns[at] = column;
      this.size++;
    }
    this.#sums[at]! += value;
  }

  get(row: number, column: number): number {
    return this.#sums[this.#place(row, column)]!;
  }

  /** Calls `take` with every pair, in no order. */
  forEach(take: (row: number, column: number) => void): void {
    for (let i = 0; i < this.#rows.length; i++) if (this.#rows[i] !== -1) take(this.#rows[i]!, this.#columns[i]!);
  }

  #place(row: number, column: number): number {
    const mask = this.#rows.length - 1;
    let hash = Math.imul(row, 0x9e3779b1) ^ Math.imul(column, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let at = (hash ^ (hash >>> 13)) & mask;
    while (this.#rows[at] !== -1 && (this.#rows[at] !== row || this.#columns[at] !== column)) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [rows, columns, sums] = [this.#rows, this.#columns, this.#sums];
    this.#rows = new Int32Array(2 * rows.length).fill(-1);
    this.#columns = new Int32Array(2 * rows.length);
    this.#sums = new Float64Array(2 * rows.length);
    for (let i = 0; i < rows.length; i++) {
      if (rows[i] === -1) continue;
      const at = this.#place(rows[i]!, columns[i]!);
      this.#rows[at] = rows[i]!;
      this.#columns[at] = columns[i]!;
      this.#sums[at] = sums[i]!;
    }
  }
}

/** Counts the pairs of a corpus, sorted by row and column. Windows end with their sentence. */
export function countCooccurrences(
  { tokens, ends }: Corpus,
  { window, symmetric, distanceWeighting }: CooccurrenceOptions,
): Cooccurrences {
  const sums = new PairSums();
  let begin = 0;
  for (const end of ends) {
    for (let i = begin; i < end; i++) {
      for (let j = Math.max(begin, i - window); j < i; j++) {
        const [word, left, value] = [tokens[i]!, tokens[j]!, distanceWeighting ? 1 / (i - j) : 1];
        if (symmetric) sums.add(Math.min(word, left), Math.max(word, left), word === left ? 2 * value : value);
        else sums.add(word, left, value);
      }
    }
    begin = end;
  }
  // In order of row and column: that of a hash table would change with its size.
  const keys: number[] = [];
  const size = 1 + tokens.reduce((most, token) => Math.max(most, token), 0);
  sums.forEach((row, column) => {
    keys.push(row * size + column);
    if (symmetric && row !== column) keys.push(column * size + row);
  });
  const order = Float64Array.from(keys).sort();
  const rows = Int32Array.from(order, (key) => Math.floor(key / size));
  const columns = Int32Array.from(order, (key) => key % size);
  const counts = Float64Array.from(order, (_, i) => {
    const [row, column] = [rows[i]!, columns[i]!];
    return symmetric ? sums.get(Math.min(row, column), Math.max(row, column)) : sums.get(row, column);
  });
  return { rows, columns, counts };
}
