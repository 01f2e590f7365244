/**
 * Reading back: a copy into a staging buffer that can be mapped, submitted with all work before it. Staging buffers are reused; those of
 * large reads are not kept.
 */

import { DeviceError } from '../../errors.js';
import { BufferUsage, MAP_MODE_READ, messageOf, type WebGpuDevice } from './device.js';
import { sizeClass } from './pool.js';
import type { Recorder } from './recorder.js';

const LARGEST_KEPT = 16 * 2 ** 20;

export class Readback {
  readonly #idle = new Map<number, GPUBuffer[]>();

  constructor(
    private readonly device: WebGpuDevice,
    private readonly recorder: Recorder,
  ) {}

  /** The bytes as they stand after all that was recorded so far. */
  read(source: GPUBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    const size = sizeClass(byteLength, this.device.limits.maxBufferSize);
    const staging = this.#idle.get(size)?.pop() ?? this.#create(size);
    this.recorder.copy(source, byteOffset, staging, 0, byteLength);
    this.recorder.submit();
    return this.#fetch(staging, byteLength);
  }

  async #fetch(staging: GPUBuffer, byteLength: number): Promise<ArrayBuffer> {
    try {
      await Promise.race([staging.mapAsync(MAP_MODE_READ, 0, byteLength), this.device.failed]);
      await Promise.race([this.device.reported(), this.device.failed]);
    } catch (error) {
      // The mapping of an invalid buffer is refused before its error scope has told why.
      await Promise.race([this.device.reported(), this.device.failed]);
      throw (
        this.device.failure ?? new DeviceError(`webgpu: reading back failed: ${messageOf(error)}`, { cause: error })
      );
    }
    this.device.check();
    const bytes = staging.getMappedRange(0, byteLength).slice(0);
    staging.unmap();
    this.#keep(staging);
    return bytes;
  }

  #create(size: number): GPUBuffer {
    const close = this.device.watch('out-of-memory', `a staging buffer of ${size} bytes`);
    const buffer = this.device.gpu.createBuffer({ size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    close();
    return buffer;
  }

  #keep(staging: GPUBuffer): void {
    if (staging.size > LARGEST_KEPT) {
      staging.destroy();
      return;
    }
    const idle = this.#idle.get(staging.size);
    if (idle === undefined) this.#idle.set(staging.size, [staging]);
    else idle.push(staging);
  }
}
