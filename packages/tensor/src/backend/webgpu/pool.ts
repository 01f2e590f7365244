/**
 * Memory on the device. What the tensor core holds is a `WebGpuBuffer`, a name; the `GPUBuffer` behind it is taken when it is
 * first used and given back when it is freed, to be used again at once: dispatches run in the order they were recorded, so a
 * later owner cannot disturb an earlier one. The exception is an upload, which lands before the whole open batch: it gets a
 * buffer that the batch does not touch.
 *
 * Of the free buffers of a size class the oldest is taken, whatever the order in which they came back: what a training step gets then depends only on
 * which buffers are free when it begins, so that each step meets the buffers of the one before, and hence its cached bind groups, again.
 */
import type { DeviceBuffer } from '../requests.js';
import type { CachedGroup } from './bindings.js';
import { BufferUsage, type WebGpuDevice } from './device.js';
import { largestBuffer } from './limits.js';

/** A GPUBuffer and what the caches know of it. */
export class PhysicalBuffer {
  /** The batch that used it last, to tell whether an upload may overtake. */
  lastBatch = 0;
  /** The cached bind groups that name it. */
  readonly bindGroups = new Set<CachedGroup>();

  constructor(
    readonly id: number,
    readonly gpu: GPUBuffer,
    readonly size: number,
  ) {}
}

/** What the backend hands out. */
export class WebGpuBuffer implements DeviceBuffer {
  physical: PhysicalBuffer | null = null;
  isFreed = false;

  constructor(
    readonly owner: BufferPool,
    readonly byteLength: number,
  ) {}
}

const SMALLEST = 256;
/** Free buffers are kept up to this many bytes, or up to the bytes in use, whichever is more. */
const SPARE_BYTES = 256 * 2 ** 20;

/** From this size on a quarter more would be felt: weights of a model are this large, and stay. */
const LARGE = 2 ** 20;

/** The least multiple of one of `steps` parts of the octave that holds so many bytes. */
function rounded(byteLength: number, steps: number): number {
  const step = 2 ** Math.floor(Math.log2(byteLength - 1)) / steps;
  return Math.ceil(byteLength / step) * step;
}

/**
 * Sizes in four steps an octave, or sixteen for large ones: at most a quarter is wasted, or a sixteenth. Multiples of 16, so that kernels may
 * touch whole vec4s.
 */
export function sizeClass(byteLength: number, limit: number): number {
  if (byteLength <= SMALLEST) return SMALLEST;
  const size = rounded(byteLength, byteLength < LARGE ? 4 : 16);
  return size <= limit ? size : Math.ceil(byteLength / 16) * 16;
}

export interface PoolOptions {
  /** Called when a buffer's memory goes, with the caches that name it. */
  onDestroy(buffer: PhysicalBuffer): void;
  /** Fills fresh memory, after all that was recorded so far, so that whoever reads what nobody wrote finds out. */
  readonly poison?: (buffer: PhysicalBuffer) => void;
  /** What the memory is for, as an error about it ends, or nothing. */
  purpose(): string;
}

export class BufferPool {
  /** Bytes of all GPUBuffers, free ones included. */
  reservedBytes = 0;
  #freeBytes = 0;
  #nextId = 1;
  /** By size class, the youngest first. */
  readonly #free = new Map<number, PhysicalBuffer[]>();
  /** Dropped while the open batch may still name them. */
  readonly #retired: GPUBuffer[] = [];
  readonly #largest: number;

  constructor(
    private readonly device: WebGpuDevice,
    private readonly options: PoolOptions,
  ) {
    this.#largest = largestBuffer(device.limits).byteLength;
  }

  /** The memory behind a buffer. An upload (`avoidBatch`) never gets memory that the batch of this number uses. */
  back(buffer: WebGpuBuffer, avoidBatch = -1): PhysicalBuffer {
    if (buffer.physical === null) {
      const size = sizeClass(buffer.byteLength, this.#largest);
      buffer.physical = this.#take(size, avoidBatch);
      this.options.poison?.(buffer.physical);
    }
    return buffer.physical;
  }

  /** Takes the memory back from a buffer. */
  release(buffer: WebGpuBuffer): void {
    const { physical } = buffer;
    buffer.physical = null;
    if (physical === null) return;
    const free = this.#free.get(physical.size);
    if (free === undefined) this.#free.set(physical.size, [physical]);
    else free.splice(placeIn(free, physical), 0, physical);
    this.#freeBytes += physical.size;
  }

  /** To be called after each submission: destroys what was dropped, now that no recorded command names it. */
  afterSubmit(): void {
    for (const buffer of this.#retired) buffer.destroy();
    this.#retired.length = 0;
  }

  /** Has a buffer destroyed after the next submission. */
  retire(buffer: GPUBuffer): void {
    this.#retired.push(buffer);
  }

  /** A free buffer of the class, or of a later one up to a quarter larger, so that lengths that vary meet each other's buffers; else a new one. */
  #take(size: number, avoidBatch: number): PhysicalBuffer {
    const found = this.#takeFree(size, avoidBatch);
    if (found) return found;
    if (size >= LARGE) {
      const most = rounded(size, 4);
      for (let next = rounded(size + 1, 16); next <= most; next = rounded(next + 1, 16)) {
        const larger = this.#takeFree(next, avoidBatch);
        if (larger) return larger;
      }
    }
    this.#dropSpare(size);
    return this.#create(size);
  }

  #takeFree(size: number, avoidBatch: number): PhysicalBuffer | undefined {
    const free = this.#free.get(size);
    if (free === undefined) return undefined;
    for (let i = free.length - 1; i >= 0; i--) {
      const candidate = free[i];
      if (candidate === undefined || candidate.lastBatch === avoidBatch) continue;
      // Nearly always the last one.
      if (i === free.length - 1) free.pop();
      else free.splice(i, 1);
      this.#freeBytes -= size;
      return candidate;
    }
    return undefined;
  }

  #create(size: number): PhysicalBuffer {
    const close = this.device.watch(
      'out-of-memory',
      `a buffer of ${size} bytes beside ${this.reservedBytes} bytes held${this.options.purpose()}`,
    );
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const gpu = this.device.gpu.createBuffer({ size, usage });
    close();
    this.reservedBytes += size;
    return new PhysicalBuffer(this.#nextId++, gpu, size);
  }

  /** Before growing: lets go of free buffers, those of the largest class first, while more than the allowance is spare. */
  #dropSpare(wanted: number): void {
    const inUse = this.reservedBytes - this.#freeBytes;
    const allowance = Math.max(SPARE_BYTES, inUse);
    if (this.#freeBytes + wanted <= allowance) return;
    for (const size of [...this.#free.keys()].sort((a, b) => b - a)) {
      const free = this.#free.get(size) ?? [];
      while (free.length > 0 && this.#freeBytes + wanted > allowance) {
        const [youngest] = free.splice(0, 1);
        if (youngest === undefined) break;
        this.#freeBytes -= size;
        this.reservedBytes -= size;
        this.options.onDestroy(youngest);
        this.retire(youngest.gpu);
      }
    }
  }
}

/** Where a buffer belongs in a list, the youngest first. */
function placeIn(list: readonly PhysicalBuffer[], { id }: PhysicalBuffer): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.id ?? 0) > id) low = middle + 1;
    else high = middle;
  }
  return low;
}
