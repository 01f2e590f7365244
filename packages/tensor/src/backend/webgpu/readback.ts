/**
 * Reading back: a copy into a staging buffer that can be mapped, submitted with all work before it. Staging buffers are reused; those of
 * large reads are not kept.
 */

import { DeviceError } from '../../errors.js';
import { BufferUsage, MAP_MODE_READ, messageOf, type WebGpuDevice } from './device.js';
import { wholeVectors } from './limits.js';
import { sizeClass } from './pool.js';
import type { Recorder } from './recorder.js';

const LARGEST_KEPT = 16 * 2 ** 20;
/** In all: many reads may be under way at once. */
const MOST_KEPT = 64 * 2 ** 20;

/** Bytes of a buffer. */
export interface Piece {
  readonly gpu: GPUBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Words fetched along with a read, and what refuses the read because of them. */
export interface Watched {
  readonly piece: Piece;
  check(words: Uint32Array): void;
}

export class Readback {
  readonly #idle = new Map<number, GPUBuffer[]>();
  #idleBytes = 0;

  constructor(
    private readonly device: WebGpuDevice,
    private readonly recorder: Recorder,
  ) {}

  /** The bytes as they stand after all that was recorded so far. */
  async read({ gpu, byteOffset, byteLength }: Piece, watched?: Watched): Promise<ArrayBuffer> {
    const maxBufferSize = wholeVectors(this.device.limits.maxBufferSize);
    const total = byteLength + (watched?.piece.byteLength ?? 0);
    if (watched !== undefined && total > maxBufferSize) {
      const [bytes] = await Promise.all([
        this.read({ gpu, byteOffset, byteLength }),
        this.read(watched.piece).then((record) => watched.check(new Uint32Array(record))),
      ]);
      return bytes;
    }
    const size = sizeClass(total, maxBufferSize);
    const staging = this.#take(size) ?? this.#create(size);
    this.recorder.copy(gpu, byteOffset, staging, 0, byteLength);
    if (watched !== undefined) {
      const { piece } = watched;
      this.recorder.copy(piece.gpu, piece.byteOffset, staging, byteLength, piece.byteLength);
    }
    this.recorder.submit();
    const [bytes, record] = await this.#fetch(staging, byteLength, total);
    watched?.check(new Uint32Array(record));
    return bytes;
  }

  /** The first bytes of a staging buffer, and those from there to `total`. */
  async #fetch(staging: GPUBuffer, byteLength: number, total: number): Promise<[ArrayBuffer, ArrayBuffer]> {
    try {
      await Promise.race([staging.mapAsync(MAP_MODE_READ, 0, total), this.device.failed]);
      await Promise.race([this.device.reported(), this.device.failed]);
    } catch (error) {
      // The mapping of an invalid buffer is refused before its error scope has told why.
      await Promise.race([this.device.reported(), this.device.failed]);
      throw (
        this.device.failure ?? new DeviceError(`webgpu: reading back failed: ${messageOf(error)}`, { cause: error })
      );
    }
    this.device.check();
    const mapped = staging.getMappedRange(0, total);
    const pieces: [ArrayBuffer, ArrayBuffer] = [mapped.slice(0, byteLength), mapped.slice(byteLength)];
    staging.unmap();
    this.#keep(staging);
    return pieces;
  }

  #create(size: number): GPUBuffer {
    const close = this.device.watch('out-of-memory', `a staging buffer of ${size} bytes`);
    const buffer = this.device.gpu.createBuffer({ size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    close();
    return buffer;
  }

  #take(size: number): GPUBuffer | undefined {
    const staging = this.#idle.get(size)?.pop();
    if (staging !== undefined) this.#idleBytes -= size;
    return staging;
  }

  #keep(staging: GPUBuffer): void {
    if (staging.size > LARGEST_KEPT || this.#idleBytes + staging.size > MOST_KEPT) {
      staging.destroy();
      return;
    }
    this.#idleBytes += staging.size;
    const idle = this.#idle.get(staging.size);
    if (idle === undefined) this.#idle.set(staging.size, [staging]);
    else idle.push(staging);
  }
}
