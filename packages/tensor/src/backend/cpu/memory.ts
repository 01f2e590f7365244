/**
 * The linear memory of the CPU backend: from its start the kernels' own data, the region for parameter records, scratch memory,
 * and then the heap. Memory that threads share cannot be moved, so its whole range of addresses is reserved at once, and used as
 * it grows. Growing makes a new ArrayBuffer, so views are taken from here each time, never kept.
 */
import { DeviceError } from '../../errors.js';
import { ALIGNMENT, Allocator, type Block, type Holder } from './allocator.js';
import { type WasmMemory, wasm } from './webassembly.js';

const PAGE = 65_536;
/** What 32-bit addresses reach, less a page: so a kernel may step some way past an operand without coming out at 0. */
const MOST_PAGES = 65_535;
/** Less than this is not worth sharing. */
const FEWEST_SHARED_PAGES = 1024;
/** At least this much is added at a time, if there is room, so that a run does not grow memory step by step. */
const GROWTH = 16 * 2 ** 20;
/** Kernels read whole vectors and so up to 60 bytes past an operand: the last unit of memory belongs to nobody. */
const MARGIN = ALIGNMENT;

/** Sizes of blocks that an error lists. */
const LISTED = 5;

/** Bytes for people. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}

function newMemory(maximum: number, shared: boolean): WasmMemory {
  return new wasm.Memory({ initial: 1, maximum, shared });
}

export class LinearMemory {
  readonly wasm: WasmMemory;
  /** Gives back memory that can be done without, and says whether there was any: asked before memory is said to be out. */
  reclaim: () => boolean = () => false;
  #mostPages: number;
  #allocator: Allocator | undefined;
  #i32: Int32Array;
  #f32: Float32Array;

  /** Memory of at most so many bytes; `shared` among threads, if the engine has the addresses for that. */
  constructor(maximumBytes = MOST_PAGES * PAGE, shared = false) {
    this.#mostPages = Math.max(1, Math.min(MOST_PAGES, Math.floor(maximumBytes / PAGE)));
    this.wasm = (shared ? this.#reserve() : undefined) ?? newMemory(MOST_PAGES, false);
    this.#i32 = new Int32Array(this.wasm.buffer);
    this.#f32 = new Float32Array(this.wasm.buffer);
  }

  /** Whether threads can compute in this memory. */
  get isShared(): boolean {
    return !(this.wasm.buffer instanceof ArrayBuffer);
  }

  /** All of memory as words; the view is good until the next allocation. */
  get i32(): Int32Array {
    return this.#i32;
  }

  get f32(): Float32Array {
    return this.#f32;
  }

  /** Bytes held from the system. */
  get reservedBytes(): number {
    return this.#i32.byteLength;
  }

  get maximumBytes(): number {
    return this.#mostPages * PAGE;
  }

  /** Lets the heap begin at an address; what lies below is the caller's. */
  startHeap(address: number): void {
    const start = Math.ceil(address / ALIGNMENT);
    const pages = Math.ceil((start * ALIGNMENT + MARGIN) / PAGE) - this.reservedBytes / PAGE;
    if (pages > 0) this.#grow(pages);
    this.#allocator = new Allocator(start);
    this.#extend();
  }

  /** Bytes in blocks that are taken. */
  get takenBytes(): number {
    return (this.#allocator?.taken ?? 0) * ALIGNMENT;
  }

  /** A block of at least `bytes`; undefined where memory cannot hold it. */
  take(bytes: number, holder: Holder = 'tensors'): Block | undefined {
    const block = this.#find(bytes, holder);
    return block === undefined && this.reclaim() ? this.#find(bytes, holder) : block;
  }

  #find(bytes: number, holder: Holder): Block | undefined {
    const units = Math.max(1, Math.ceil(bytes / ALIGNMENT));
    const allocator = this.#heap();
    const block = allocator.take(units, holder);
    if (block) return block;
    const missing = Math.ceil((allocator.missing(units) * ALIGNMENT) / PAGE);
    const room = this.#mostPages - this.reservedBytes / PAGE;
    if (missing > room) return undefined;
    const wanted = Math.max(missing, Math.min(room, Math.max(GROWTH, this.reservedBytes / 8) / PAGE));
    if (!this.#grow(Math.ceil(wanted)) && !this.#grow(missing)) return undefined;
    this.#extend();
    return allocator.take(units, holder);
  }

  give(block: Block): void {
    this.#heap().give(block);
  }

  /** What an out-of-memory error says of the state of memory. */
  describe(): string {
    const heap = this.#heap();
    const free = heap.largestFree() * ALIGNMENT + (this.maximumBytes - this.reservedBytes);
    const holders = heap
      .holders()
      .slice(0, LISTED)
      .map(({ holder, size, count }) => `${holder} ${count} of ${formatBytes(size * ALIGNMENT)}`);
    const most = holders.length === 0 ? '' : `; what holds the most: ${holders.join(', ')}`;
    return `${formatBytes(this.takenBytes)} are in use of at most ${formatBytes(this.maximumBytes)}, and at most ${formatBytes(free)} are free in one piece${most}`;
  }

  #heap(): Allocator {
    if (this.#allocator === undefined) throw new DeviceError('cpu: the heap was not started');
    return this.#allocator;
  }

  /** Shared memory as large as asked for, or the half of that, and so on: engines differ in what they can reserve. */
  #reserve(): WasmMemory | undefined {
    for (let pages = MOST_PAGES; pages >= FEWEST_SHARED_PAGES; pages = Math.floor(pages / 2)) {
      try {
        const memory = newMemory(pages, true);
        this.#mostPages = Math.min(this.#mostPages, pages);
        return memory;
      } catch {
        // Fewer may do.
      }
    }
    return undefined;
  }

  /** Hands what the memory has grown to the allocator. */
  #extend(): void {
    const allocator = this.#heap();
    const end = Math.floor((this.reservedBytes - MARGIN) / ALIGNMENT);
    if (end > allocator.end) allocator.extend(end - allocator.end);
  }

  #grow(pages: number): boolean {
    const room = this.#mostPages - this.reservedBytes / PAGE;
    if (pages > room) return false;
    try {
      this.wasm.grow(pages);
    } catch {
      return false; // The engine or the system refuses: the caller says what was asked for.
    }
    this.#i32 = new Int32Array(this.wasm.buffer);
    this.#f32 = new Float32Array(this.wasm.buffer);
    return true;
  }
}
