/**
 * Fills fresh memory by copies, which keep their place among the dispatches: an upload would overtake those of the open batch that still use
 * the memory for what it was before.
 */
import { POISON } from '../poison.js';
import { BufferUsage, type WebGpuDevice } from './device.js';
import type { PhysicalBuffer } from './pool.js';
import type { Recorder } from './recorder.js';

const SOURCE_BYTES = 2 ** 20;

/** What a pool calls for memory that it hands out. */
export function poisonWith({ gpu }: WebGpuDevice, recorder: () => Recorder): (buffer: PhysicalBuffer) => void {
  let source: GPUBuffer | undefined;
  return (buffer) => {
    if (source === undefined) {
      source = gpu.createBuffer({ size: SOURCE_BYTES, usage: BufferUsage.COPY_SRC | BufferUsage.COPY_DST });
      gpu.queue.writeBuffer(source, 0, new Uint32Array(SOURCE_BYTES / 4).fill(POISON));
    }
    const { batch } = recorder();
    for (let at = 0; at < buffer.size; at += SOURCE_BYTES)
      recorder().copy(source, 0, buffer.gpu, at, Math.min(SOURCE_BYTES, buffer.size - at));
    buffer.lastBatch = batch;
  };
}
