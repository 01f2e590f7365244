/**
 * A trie over UTF-16 code units in two integer arrays (J. Aoe, "An efficient digital search algorithm by using a
 * double-array structure", 1989): the child of node n by character code c is slot base[n] + c, and it is a child indeed
 * when check[slot] is n. One step costs three array reads, whatever the size of the alphabet, and matching allocates nothing.
 */

/** No node: where a step does not lead anywhere. */
export const NO_NODE = -1;

/** An immutable map from strings to non-negative integers that is walked code unit by code unit. */
export class DoubleArrayTrie {
  readonly root = 0;
  /** Code unit → dense code, from 1; 0 for units that occur in no key. Frequent units have small codes. */
  readonly #codes = new Uint16Array(0x10000);
  #base: Int32Array;
  /** The parent of the node in a slot; -1 for a free slot. */
  #check: Int32Array;
  /** The value of the key that ends at a node, or -1. */
  #values: Int32Array;
  /** Where the search for free slots starts: below, hardly any are left. */
  #firstFree = 1;

  /**
   * @param entries Keys with their values, which must not be negative. Of equal keys the last one counts; an empty key
   * is left out.
   */
  constructor(entries: Iterable<readonly [key: string, value: number]>) {
    const map = new Map(entries);
    map.delete('');
    const keys = [...map.keys()].sort(byCodeUnits);
    this.#numberUnits(keys);
    const capacity = 1024;
    this.#base = new Int32Array(capacity);
    this.#check = new Int32Array(capacity).fill(-1);
    this.#values = new Int32Array(capacity).fill(-1);
    this.#check[0] = 0;
    this.#place(keys, map);
  }

  /** The node that a step by one code unit leads to from `node`, or `NO_NODE`. */
  step(node: number, unit: number): number {
    const code = this.#codes[unit] as number;
    const next = (this.#base[node] as number) + code;
    return code !== 0 && this.#check[next] === node ? next : NO_NODE;
  }

  /** The value of the key that ends at `node`, or -1. */
  valueAt(node: number): number {
    return this.#values[node] as number;
  }

  /** The node that a whole string leads to from the root, or `NO_NODE`. */
  walk(text: string): number {
    let node = this.root;
    for (let i = 0; i < text.length && node !== NO_NODE; i++) node = this.step(node, text.charCodeAt(i));
    return node;
  }

  /**
   * The longest key that `units` spells from index `from` on, starting at `node`.
   *
   * @returns Whether there is one; `found` then tells its end and its value.
   */
  longestMatch(node: number, units: Uint16Array, from: number, to: number, found: TrieMatch): boolean {
    const codes = this.#codes;
    const base = this.#base;
    const check = this.#check;
    const values = this.#values;
    let end = -1;
    let value = -1;
    for (let i = from; i < to; i++) {
      const code = codes[units[i] as number] as number;
      const next = (base[node] as number) + code;
      if (code === 0 || check[next] !== node) break;
      node = next;
      const here = values[node] as number;
      if (here >= 0) {
        value = here;
        end = i + 1;
      }
    }
    found.end = end;
    found.value = value;
    return end >= 0;
  }

  #numberUnits(keys: readonly string[]): void {
    const counts = new Uint32Array(0x10000);
    for (const key of keys)
      for (let i = 0; i < key.length; i++) {
        const unit = key.charCodeAt(i);
        counts[unit] = (counts[unit] ?? 0) + 1;
      }
    const used = [...counts.keys()].filter((unit) => counts[unit] !== 0);
    used.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b);
    for (const [i, unit] of used.entries()) this.#codes[unit] = i + 1;
  }

  /** Finds every node a slot, parents first. A node is the range of sorted keys that share its path. */
  #place(keys: readonly string[], values: ReadonlyMap<string, number>): void {
    // Nodes whose children are still to be placed, four numbers each: node, depth, first key, end of keys.
    const pending = [this.root, 0, 0, keys.length];
    // The children of the node at hand: their codes, and where the keys of each start.
    const codes: number[] = [];
    const lows: number[] = [];
    while (pending.length > 0) {
      const high = pending.pop() as number;
      let low = pending.pop() as number;
      const depth = pending.pop() as number;
      const node = pending.pop() as number;
      const first = keys[low] ?? '';
      if (first.length === depth && low < high) {
        this.#values[node] = values.get(first) ?? -1;
        low++;
      }
      codes.length = 0;
      lows.length = 0;
      for (let i = low; i < high; i++) {
        const code = this.#codes[(keys[i] as string).charCodeAt(depth)] as number;
        if (code === codes[codes.length - 1]) continue;
        codes.push(code);
        lows.push(i);
      }
      if (codes.length === 0) continue;
      lows.push(high);
      const base = this.#fit(codes);
      this.#base[node] = base;
      for (let i = 0; i < codes.length; i++) {
        const child = base + (codes[i] as number);
        this.#check[child] = node;
        pending.push(child, depth + 1, lows[i] as number, lows[i + 1] as number);
      }
    }
  }

  /** A base at which every code falls on a free slot. */
  #fit(codes: readonly number[]): number {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = 0;
    for (const code of codes) {
      lowest = Math.min(lowest, code);
      highest = Math.max(highest, code);
    }
    const start = Math.max(this.#firstFree, lowest);
    let taken = 0;
    for (let slot = start; ; slot++) {
      this.#reserve(slot - lowest + highest + 1);
      if (this.#check[slot] !== -1) {
        taken++;
        continue;
      }
      const base = slot - lowest;
      if (!codes.every((code) => this.#check[base + code] === -1)) continue;
      // Where nearly all slots are taken, the next search need not look again.
      if (taken >= 0.95 * (slot - start + 1)) this.#firstFree = slot;
      return base;
    }
  }

  #reserve(count: number): void {
    if (count <= this.#check.length) return;
    const grown = (column: Int32Array): Int32Array<ArrayBuffer> => {
      const wider = new Int32Array(Math.max(count, 2 * column.length)).fill(-1);
      wider.set(column);
      return wider;
    };
    this.#base = grown(this.#base);
    this.#check = grown(this.#check);
    this.#values = grown(this.#values);
  }
}

/** Where a longest match ends and what its value is; filled by `longestMatch`, so that matching allocates nothing. */
export interface TrieMatch {
  end: number;
  value: number;
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
