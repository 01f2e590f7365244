/**
 * Memory management over a linear range that can only grow: a two-level segregated fit allocator (Masmano, Ripoll, Crespo,
 * Real 2004). Free blocks hang in lists by size class, sixteen classes to every power of two, so that finding, splitting and
 * merging take constant time; a freed block joins its free neighbours at once, so that varying lengths do not fragment memory
 * without bound. The bookkeeping lives outside the range it manages.
 */

/** Every block starts and ends at a multiple of this: a cache line. */
export const ALIGNMENT = 64;

const SUBCLASS_BITS = 4;
const SUBCLASSES = 1 << SUBCLASS_BITS;
const CLASSES = 32 * SUBCLASSES;

/** Who takes blocks: an error about memory says what each of them holds. */
export type Holder = 'tensors' | 'kept weights' | 'kernels' | 'threads';

/** A block, taken or free. Places and sizes count units of {@link ALIGNMENT} bytes. */
export interface Block {
  start: number;
  size: number;
  free: boolean;
  /** While taken. */
  holder: Holder;
  /** Neighbours in memory. */
  before: Block | undefined;
  after: Block | undefined;
  /** Neighbours in the list of the size class, while free. */
  previous: Block | undefined;
  next: Block | undefined;
}

/** The class that a size belongs to: its power of two, and which sixteenth of it. */
function classOf(size: number): number {
  if (size < SUBCLASSES) return size;
  const power = 31 - Math.clz32(size);
  return ((power - SUBCLASS_BITS + 1) << SUBCLASS_BITS) + ((size >>> (power - SUBCLASS_BITS)) & (SUBCLASSES - 1));
}

/** The first class all of whose sizes are at least this. */
function classAbove(size: number): number {
  if (size < SUBCLASSES) return size;
  const power = 31 - Math.clz32(size);
  return classOf(size + (1 << (power - SUBCLASS_BITS)) - 1);
}

function newBlock(start: number, size: number, before: Block | undefined): Block {
  return {
    start,
    size,
    free: false,
    holder: 'tensors',
    before,
    after: undefined,
    previous: undefined,
    next: undefined,
  };
}

export class Allocator {
  /** The first free block of every class. */
  readonly #lists = new Array<Block | undefined>(CLASSES).fill(undefined);
  /** A bit for every class with free blocks, sixteen a word. */
  readonly #filled = new Int32Array(CLASSES / SUBCLASSES);
  #last: Block | undefined;
  #end: number;
  #taken = 0;

  /** Manages memory from `start` units on; there is none until {@link extend}. */
  constructor(start: number) {
    this.#end = start;
  }

  /** Units taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Where managed memory ends, in units. */
  get end(): number {
    return this.#end;
  }

  /** Units that a request of this size lacks at the end of memory. */
  missing(size: number): number {
    return size - (this.#last?.free ? this.#last.size : 0);
  }

  /** The size of the largest free block, in units. */
  largestFree(): number {
    let largest = 0;
    for (let list = CLASSES - 1; list >= 0 && largest === 0; list--) {
      for (let block = this.#lists[list]; block; block = block.next) largest = Math.max(largest, block.size);
    }
    return largest;
  }

  /** How many blocks of each size each holder has taken, those that hold the most together first; sizes in units. */
  holders(): { readonly holder: Holder; readonly size: number; readonly count: number }[] {
    const held = new Map<string, { holder: Holder; size: number; count: number }>();
    for (let block = this.#last; block; block = block.before) {
      if (block.free) continue;
      const { holder, size } = block;
      const known = held.get(`${holder} ${size}`);
      if (known) known.count++;
      else held.set(`${holder} ${size}`, { holder, size, count: 1 });
    }
    return [...held.values()].sort((a, b) => b.size * b.count - a.size * a.count || b.size - a.size);
  }

  /** Adds memory at the end. */
  extend(units: number): void {
    const block = newBlock(this.#end, units, this.#last);
    if (this.#last) this.#last.after = block;
    this.#end += units;
    this.#last = block;
    this.#release(block);
  }

  /** A block of at least one unit, or undefined where no free block is large enough. */
  take(size: number, holder: Holder = 'tensors'): Block | undefined {
    const block = this.#find(size);
    if (block === undefined) return undefined;
    this.#unlink(block);
    block.free = false;
    block.holder = holder;
    if (block.size > size) {
      const { after } = block;
      const rest = newBlock(block.start + size, block.size - size, block);
      rest.after = after;
      if (after) after.before = rest;
      else this.#last = rest;
      block.after = rest;
      block.size = size;
      rest.free = true;
      this.#link(rest);
    }
    this.#taken += size;
    return block;
  }

  /** Gives a block back. */
  give(block: Block): void {
    this.#taken -= block.size;
    this.#release(block);
  }

  #find(size: number): Block | undefined {
    let list = this.#nextFilled(classAbove(size));
    if (list >= 0) return this.#lists[list];
    // The classes above are empty; in its own one some block may still be large enough.
    list = classOf(size);
    for (let block = this.#lists[list]; block; block = block.next) if (block.size >= size) return block;
    return undefined;
  }

  /** The first class from `from` on that has free blocks, or -1. */
  #nextFilled(from: number): number {
    let word = from >>> SUBCLASS_BITS;
    let bits = (this.#filled[word] ?? 0) & (-1 << (from & (SUBCLASSES - 1)));
    while (bits === 0) {
      word++;
      if (word >= this.#filled.length) return -1;
      bits = this.#filled[word] ?? 0;
    }
    return (word << SUBCLASS_BITS) + (31 - Math.clz32(bits & -bits));
  }

  /** Joins a block with its free neighbours and lists the whole. */
  #release(block: Block): void {
    let whole = block;
    const { before, after } = block;
    if (after?.free) {
      this.#unlink(after);
      this.#absorb(whole, after);
    }
    if (before?.free) {
      this.#unlink(before);
      this.#absorb(before, whole);
      whole = before;
    }
    whole.free = true;
    this.#link(whole);
  }

  /** Makes `block` cover its neighbour `after`, too. */
  #absorb(block: Block, after: Block): void {
    block.size += after.size;
    block.after = after.after;
    if (after.after) after.after.before = block;
    else this.#last = block;
  }

  #link(block: Block): void {
    const list = classOf(block.size);
    const head = this.#lists[list];
    block.previous = undefined;
    block.next = head;
    if (head) head.previous = block;
    this.#lists[list] = block;
    this.#filled[list >>> SUBCLASS_BITS] =
      (this.#filled[list >>> SUBCLASS_BITS] ?? 0) | (1 << (list & (SUBCLASSES - 1)));
  }

  #unlink(block: Block): void {
    const { previous, next } = block;
    if (next) next.previous = previous;
    if (previous) {
      previous.next = next;
      return;
    }
    const list = classOf(block.size);
    this.#lists[list] = next;
    if (next === undefined) {
      const word = list >>> SUBCLASS_BITS;
      this.#filled[word] = (this.#filled[word] ?? 0) & ~(1 << (list & (SUBCLASSES - 1)));
    }
  }
}
