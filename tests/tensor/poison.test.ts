// COURSE_POISON: fresh memory is filled, so that a suite run under it finds kernels that read what nobody wrote. Here: that it is filled indeed, and
// that nothing else is.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../packages/tensor/src/backend/backend.js';
import { CpuBackend } from '../../packages/tensor/src/backend/cpu/cpu-backend.js';
import type { DeviceBuffer } from '../../packages/tensor/src/backend/requests.js';
import { WebGpuBackend } from '../../packages/tensor/src/backend/webgpu/backend.js';
import { devices } from '../support/devices.js';

const BYTES = 64;

async function wordsOf(backend: Backend, buffer: DeviceBuffer): Promise<Uint32Array> {
  return new Uint32Array(await backend.read(buffer, 0, BYTES));
}

describe.each(devices)('COURSE_POISON on %s', (kind) => {
  const before = process.env.COURSE_POISON;
  let backend!: Backend;

  beforeAll(async () => {
    process.env.COURSE_POISON = '1';
    backend = kind === 'cpu' ? await CpuBackend.create() : await WebGpuBackend.create({ allowSoftware: true });
  });
  afterAll(() => {
    backend.destroy();
    if (before === undefined) delete process.env.COURSE_POISON;
    else process.env.COURSE_POISON = before;
  });

  it('makes fresh memory NaN in every floating dtype, also memory that was used before', async () => {
    for (let round = 0; round < 2; round++) {
      const buffer = backend.allocate(BYTES);
      const words = await wordsOf(backend, buffer);
      expect([...new Float32Array(words.buffer)].every(Number.isNaN)).toBe(true);
      expect([...new Float64Array(words.buffer)].every(Number.isNaN)).toBe(true);
      // float16: an exponent of ones, and digits.
      expect([...new Uint16Array(words.buffer)].every((half) => (half & 0x7fff) > 0x7c00)).toBe(true);
      backend.write(buffer, 0, new Uint32Array(BYTES / 4));
      expect(await wordsOf(backend, buffer)).toEqual(new Uint32Array(BYTES / 4));
      backend.free(buffer);
    }
  });

  it('keeps to the order of calls: what uses the memory before is not disturbed', async () => {
    const dense = (buffer: DeviceBuffer) => ({ buffer, dtype: 'float32', offset: 0 }) as const;
    const ones = new Uint32Array(new Float32Array(BYTES / 4).fill(1).buffer);
    const sums = backend.allocate(BYTES);
    backend.write(sums, 0, new Uint32Array(BYTES / 4));
    for (let i = 0; i < BYTES / 4; i++) {
      const input = backend.allocate(BYTES);
      backend.write(input, 0, ones);
      const out = { ...dense(sums), offset: i };
      backend.run({ kind: 'reduce', op: 'sum', outer: 1, length: i + 1, inner: 1, scale: 1, input: dense(input), out });
      backend.free(input);
    }
    expect([...new Float32Array((await wordsOf(backend, sums)).buffer)]).toEqual(
      Array.from({ length: BYTES / 4 }, (_, i) => i + 1),
    );
  });
});
