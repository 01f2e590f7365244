/**
 * Times of dispatches by the GPU's own clock. While somebody measures, each dispatch gets a compute pass of its own that writes a
 * timestamp at its beginning and at its end; the stamps are resolved and read when he is done. Passes of their own cost some time between
 * dispatches, none within them.
 */
import type { DispatchTime } from '../backend.js';
import { BufferUsage, MAP_MODE_READ, type WebGpuDevice } from './device.js';

/** Two stamps a dispatch; 4096 is the most that a query set may have. */
const DISPATCHES_A_SET = 2048;
const QUERY_RESOLVE = 0x200; // GPUBufferUsage.QUERY_RESOLVE, which Node does not have as a global.
const STAMP_BYTES = 8;

export class Timestamps {
  readonly #sets: GPUQuerySet[] = [];
  readonly #names: { readonly name: string; readonly request: number }[] = [];

  constructor(
    private readonly device: WebGpuDevice,
    /** The number of the request at hand. */
    private readonly request: () => number,
  ) {}

  /** Where the pass of the next dispatch writes its stamps. */
  next(name: string): GPUComputePassTimestampWrites {
    const number = this.#names.push({ name, request: this.request() }) - 1;
    const at = number % DISPATCHES_A_SET;
    if (at === 0) this.#sets.push(this.device.gpu.createQuerySet({ type: 'timestamp', count: 2 * DISPATCHES_A_SET }));
    const querySet = this.#sets.at(-1) as GPUQuerySet;
    return { querySet, beginningOfPassWriteIndex: 2 * at, endOfPassWriteIndex: 2 * at + 1 };
  }

  /** The times, when all dispatches are done. */
  async read(): Promise<DispatchTime[]> {
    const { gpu } = this.device;
    const times: DispatchTime[] = [];
    let zero: bigint | undefined;
    for (const [i, set] of this.#sets.entries()) {
      const names = this.#names.slice(i * DISPATCHES_A_SET, (i + 1) * DISPATCHES_A_SET);
      const size = names.length * 2 * STAMP_BYTES;
      const resolved = gpu.createBuffer({ size, usage: QUERY_RESOLVE | BufferUsage.COPY_SRC });
      const staging = gpu.createBuffer({ size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
      const encoder = gpu.createCommandEncoder();
      encoder.resolveQuerySet(set, 0, names.length * 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      gpu.queue.submit([encoder.finish()]);
      await Promise.race([staging.mapAsync(MAP_MODE_READ), this.device.failed]);
      const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
      for (const [at, { name, request }] of names.entries()) {
        const [begin = 0n, end = 0n] = stamps.subarray(2 * at, 2 * at + 2);
        // Milliseconds from the first stamp: the clock's own zero means nothing, and numbers hold differences exactly.
        zero ??= begin;
        const start = Number(begin - zero) / 1e6;
        times.push({ name, request, start, milliseconds: Math.max(0, Number(end - begin) / 1e6) });
      }
      staging.destroy();
      resolved.destroy();
      set.destroy();
    }
    return times;
  }
}
