/**
 * Threads that compute pieces of launches in one shared memory. They are started at the first launch that is worth dividing and
 * join in as they arrive, so nothing ever waits for them to start; how work is divided and awaited is written in assembly/pool.ts.
 * Where threads cannot be had the pool runs nothing, and its owner computes alone.
 */
import { availableThreads, startThread } from '#platform';
import { DeviceError } from '../../errors.js';
import { ALIGNMENT, type Block } from './allocator.js';
import { PoolField } from './layout.generated.js';
import type { LinearMemory } from './memory.js';
import type { KernelModule, KernelName } from './module.js';
import { SCRATCH_BYTES } from './scratch.js';

/** Pieces for each thread at most: enough that one which is slow, or late, leaves its share to the others, and that uneven pieces even out. */
const PIECES_EACH = 16;
/** Turns of spinning before a thread sleeps: some 40 µs, which bridges the gaps between the kernels of a model. */
const PATIENCE = 80_000;
/** The same where there are more threads than processors, and spinning takes time from those that compute. */
const LITTLE_PATIENCE = 4000;

/** How long to wait for threads to start: where they cannot, kernels run on fewer. */
const LONGEST_START_MS = 2000;

/**
 * What a thread runs: plain JavaScript, as text, because no path to a file holds in a bundle. It makes an instance like the one of
 * the thread that launches, function table included, and serves. A kernel that traps is reported before the thread ends.
 */
const SCRIPT = `({ module, memory, table, scratch, pool, patience, failed, done }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const first = exports.table.grow(table.length);
  table.forEach((name, i) => exports.table.set(first + i, exports[name]));
  exports.setScratch(scratch);
  try {
    exports.serve(pool, patience);
  } catch (error) {
    const words = new Int32Array(memory.buffer);
    Atomics.store(words, failed, 1);
    Atomics.add(words, done, 1);
    Atomics.notify(words, done);
    throw error;
  }
}`;

export class ThreadPool {
  readonly #memory: LinearMemory;
  readonly #module: KernelModule;
  #threads: number;
  /** Address of the pool's words, once it is open. */
  #words: number | undefined;
  #scratch: Block | undefined;
  #maySleep = 0;
  #patience = PATIENCE;
  #forks = 0;
  /** The kernel of a launch that was not joined yet. */
  #running: KernelName | undefined;

  /** A pool that computes on so many threads, the caller's included. */
  constructor(memory: LinearMemory, module: KernelModule, threads: number) {
    this.#memory = memory;
    this.#module = module;
    this.#threads = memory.isShared ? threads : 1;
  }

  /** Threads that compute, those that have not arrived yet and the caller's included. */
  get threads(): number {
    return this.#threads;
  }

  /** Threads that have arrived, beside the caller's. */
  get arrived(): number {
    return this.#words === undefined ? 0 : Atomics.load(this.#memory.i32, this.#words / 4 + PoolField.ready);
  }

  /** Threads that sleep, as all do some microseconds after the last launch. */
  get asleep(): number {
    return this.#words === undefined ? 0 : Atomics.load(this.#memory.i32, this.#words / 4 + PoolField.sleepers);
  }

  /** Launches that were divided. */
  get forks(): number {
    return this.#forks;
  }

  /** Computes on another number of threads from now on. */
  resize(threads: number): void {
    if (!this.#memory.isShared || threads === this.#threads) return;
    this.join();
    this.close();
    this.#threads = threads;
  }

  /** Starts the threads and resolves when all have arrived, or when they had time enough. */
  async ready(): Promise<void> {
    if (this.#threads === 1 || (this.#words ?? this.#open()) === undefined) return;
    for (let waited = 0; waited < LONGEST_START_MS && this.arrived < this.#threads - 1; waited++)
      await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /**
   * Begins to run a kernel over the work items [0, items) in up to `most` pieces, after the kernel before; says no where it cannot, or
   * nobody would help. Its record and operands are the threads' until {@link ThreadPool.join}.
   */
  start(kernel: KernelName, record: number, items: number, most: number): boolean {
    if (this.#threads === 1) return false;
    this.join();
    const words = this.#words ?? this.#open();
    if (words === undefined || Atomics.load(this.#memory.i32, words / 4 + PoolField.ready) === 0) return false;
    const pieces = Math.min(most, this.#threads * PIECES_EACH);
    this.#forks++;
    this.#module.fork(words, this.#module.tableIndices[kernel], record, items, pieces);
    this.#running = kernel;
    return true;
  }

  /** Returns when nothing runs any more, having helped. */
  join(): void {
    // Small, since it is called wherever memory is looked at.
    if (this.#running !== undefined) this.#finish(this.#running);
  }

  #finish(kernel: KernelName): void {
    this.#running = undefined;
    const words = this.#words;
    if (words === undefined) return;
    try {
      this.#module.join(words, this.#patience, this.#maySleep);
    } catch (cause) {
      throw this.#broken(kernel, cause);
    }
    if (Atomics.load(this.#memory.i32, words / 4 + PoolField.failed) !== 0) throw this.#broken(kernel);
  }

  /** Lets the threads end. */
  close(): void {
    if (this.#words === undefined) return;
    Atomics.store(this.#memory.i32, this.#words / 4 + PoolField.ticket, -1);
    Atomics.notify(this.#memory.i32, this.#words / 4 + PoolField.ticket);
    // The words stay taken: a thread that is only now starting will look there.
    this.#words = undefined;
    this.#running = undefined;
    if (this.#scratch) this.#memory.give(this.#scratch);
    this.#scratch = undefined;
  }

  /** Starts the threads; where that is refused, those that were started are all there are. */
  #open(): number | undefined {
    const others = this.#threads - 1;
    const place = this.#memory.take(PoolField.length * 4, 'threads');
    const scratch = place && this.#memory.take(others * SCRATCH_BYTES, 'threads');
    if (place === undefined || scratch === undefined) {
      if (place) this.#memory.give(place);
      return undefined;
    }
    const words = place.start * ALIGNMENT;
    this.#memory.i32.fill(0, words / 4, words / 4 + PoolField.length);
    this.#words = words;
    this.#scratch = scratch;
    this.#maySleep = Number(canSleep(this.#memory.i32, words / 4 + PoolField.ticket));
    this.#patience = this.#threads > availableThreads() ? LITTLE_PATIENCE : PATIENCE;
    for (let i = 0; i < others; i++) {
      const data = {
        ...this.#module.blueprint,
        scratch: scratch.start * ALIGNMENT + i * SCRATCH_BYTES,
        pool: words,
        patience: this.#patience,
        failed: words / 4 + PoolField.failed,
        done: words / 4 + PoolField.done,
      };
      const lose = () => {
        if (this.#words === words) this.#threads--;
      };
      try {
        startThread(SCRIPT, data, lose);
      } catch {
        // Not allowed here (a content security policy, Node's permissions) or no resources: the others do the work.
        this.#threads -= others - i;
        break;
      }
    }
    return words;
  }

  /** A kernel trapped, which it never should: other pieces may still be computed, so nothing here is used again. */
  #broken(kernel: KernelName, cause?: unknown): DeviceError {
    this.#scratch = undefined;
    this.close();
    this.#threads = 1;
    return new DeviceError(`cpu: the kernel ${kernel} failed`, cause === undefined ? {} : { cause });
  }
}

/** Whether this thread may wait asleep: the main thread of a page may not. */
function canSleep(words: Int32Array, zero: number): boolean {
  try {
    Atomics.wait(words, zero, 1); // Another value than the one there: returns at once.
    return true;
  } catch {
    return false;
  }
}
