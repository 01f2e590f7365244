/**
 * What the kernels' callers stand on: a place to write parameter records, temporary memory, and `launch`. A launch computes
 * work items that are independent of each other; how a range of them is cut never changes a bit of the result, so `launch` alone
 * decides on which threads they run. `start` returns before they are done, so that the program comes to its next kernel while this one is
 * computed; whoever looks at memory through here waits for it.
 */
import { wordBytes } from '../../dtype.js';
import { DeviceError } from '../../errors.js';
import type { Dense, DeviceBuffer } from '../requests.js';
import type { Block } from './allocator.js';
import { formatBytes, type LinearMemory } from './memory.js';
import type { KernelModule, KernelName } from './module.js';
import { Packings } from './packings.js';
import { ThreadPool } from './pool.js';
import { SCRATCH_BYTES } from './scratch.js';

/** Bytes for the records of one request: those of the widest fused expression, over 30 dims, take some 190,000. */
const RECORD_BYTES = 262_144;

/** A buffer in linear memory. */
export class CpuBuffer implements DeviceBuffer {
  /** Undefined when nothing is held: an empty buffer, or one that was freed. */
  block: Block | undefined;
  freed = false;

  constructor(
    readonly owner: Launcher,
    readonly byteLength: number,
    /** Of the first byte. */
    readonly address: number,
    block: Block | undefined,
  ) {
    this.block = block;
  }
}

export class Launcher {
  /** The threads that launches may use. */
  readonly pool: ThreadPool;
  /** Right operands of matmul that are kept in panels. */
  readonly packings: Packings;
  readonly #memory: LinearMemory;
  readonly #module: KernelModule;
  readonly #records: number;
  /** Address of the calling thread's scratch memory, which kernels overwrite. */
  readonly scratch: number;
  #used = 0;
  #dispatches = 0;

  constructor(memory: LinearMemory, module: KernelModule, threads = 1) {
    this.#memory = memory;
    this.#module = module;
    this.#records = Math.ceil(module.heapBase / 64) * 64;
    this.scratch = this.#records + RECORD_BYTES;
    memory.startHeap(this.scratch + SCRATCH_BYTES);
    module.setScratch(this.scratch);
    this.packings = new Packings(memory);
    this.pool = new ThreadPool(memory, module, threads);
  }

  get primitives(): ReadonlyMap<string, number> {
    return this.#module.primitives;
  }

  /** Threads that a launch can be divided among. */
  get threads(): number {
    return this.pool.threads;
  }

  /** Kernels launched. */
  get dispatches(): number {
    return this.#dispatches;
  }

  /** Memory as words, when all that was launched is computed. Good until the next allocation, and the next launch. */
  get i32(): Int32Array {
    this.pool.join();
    return this.#memory.i32;
  }

  get f32(): Float32Array {
    this.pool.join();
    return this.#memory.f32;
  }

  /** The word index of a fresh record; the records of the request before are forgotten. */
  record(words: number): number {
    this.#used = 0;
    return this.more(words);
  }

  /** The word index of further words that go with the current record. */
  more(words: number): number {
    const start = this.#used;
    this.#used += words;
    if (this.#used * 4 > RECORD_BYTES) {
      throw new DeviceError(
        `cpu: a kernel's parameters take ${this.#used} words, at most ${RECORD_BYTES / 4} fit: fewer operands or dims`,
      );
    }
    return this.#records / 4 + start;
  }

  /** Runs a kernel over the work items [0, items), at least `grain` of them in a piece. */
  launch(kernel: KernelName, record: number, items: number, grain: number): void {
    this.start(kernel, record, items, grain);
    this.pool.join();
  }

  /** As {@link Launcher.launch}, but it may return before: for the last launch of a request, of which nothing is read or changed here. */
  start(kernel: KernelName, record: number, items: number, grain: number): void {
    this.#dispatches++;
    if (items >= 2 * grain && this.pool.start(kernel, record * 4, items, Math.floor(items / grain))) return;
    this.pool.join();
    this.#module.kernels[kernel](record * 4, 0, items);
  }

  /** The address of an operand's first element; 0 for an absent one. */
  pointer(operand: Dense | undefined): number {
    if (operand === undefined) return 0;
    const { buffer } = operand;
    if (!(buffer instanceof CpuBuffer) || buffer.owner !== this) {
      throw new DeviceError('cpu: an operand lies in a buffer of another device');
    }
    if (buffer.freed)
      throw new DeviceError(`cpu: an operand lies in a buffer of ${buffer.byteLength} bytes that was freed`);
    return buffer.address + operand.offset * wordBytes(operand.dtype);
  }

  /** Memory, not cleared. */
  take(bytes: number): Block {
    const block = this.#memory.take(bytes, 'kernels');
    if (block) return block;
    throw new DeviceError(`cpu: out of memory: cannot get ${formatBytes(bytes)}; ${this.#memory.describe()}`);
  }

  /** Memory that a kernel can do without; undefined where there is none. */
  takeSpare(bytes: number): Block | undefined {
    return this.#memory.take(bytes, 'kernels');
  }

  give(block: Block): void {
    this.#memory.give(block);
  }
}
