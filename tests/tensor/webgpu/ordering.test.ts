// The contract's order, which a backend that records and submits later could break in many ways: writes must not overtake
// kernels, freed memory must not be seen by its next owner too early, reads deliver what stood there when they were called.
import { describe, expect, it } from 'vitest';
import type { Dense } from '../../../packages/tensor/src/backend/requests.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { noise, toWords, useGpu } from './gpu.js';

const addScalar = new Program({
  inputs: ['float32'],
  scalars: ['float32'],
  steps: [{ op: 'add', type: 'float32', dtype: 'float32', args: [0, 1] }],
  outputs: [2],
});

describe('order of calls', () => {
  const gpu = useGpu();

  function add(input: Dense, value: number, out: Dense, count: number): void {
    gpu().run({
      kind: 'pointwise',
      program: addScalar,
      shape: [count],
      inputs: [{ ...input, strides: [1] }],
      scalars: [value],
      outputs: [{ ...out, strides: [1] }],
    });
  }

  it('a write does not reach kernels requested before it', async () => {
    const x = gpu().put([1, 2, 3, 4]);
    const [before, after] = [gpu().room(4), gpu().room(4)];
    add(x, 10, before, 4);
    gpu().backend.write(x.buffer, 0, toWords('float32', [5, 6, 7, 8]));
    add(x, 10, after, 4);
    expect(await gpu().get(before, 4)).toEqual([11, 12, 13, 14]);
    expect(await gpu().get(after, 4)).toEqual([15, 16, 17, 18]);
  });

  it('many writes and kernels alternate', async () => {
    const x = gpu().put([0]);
    const outs = Array.from({ length: 500 }, () => gpu().room(1));
    outs.forEach((out, i) => {
      gpu().backend.write(x.buffer, 0, toWords('float32', [i]));
      add(x, 0.5, out, 1);
    });
    const read = await Promise.all(outs.map((out) => gpu().get(out, 1)));
    expect(read.flat()).toEqual(outs.map((_, i) => i + 0.5));
  });

  it('a part of a buffer is written over what a kernel left', async () => {
    const x = gpu().put([1, 1, 1, 1, 1, 1]);
    add(x, 1, x, 6);
    gpu().backend.write(x.buffer, 8, toWords('float32', [9, 9]));
    add(x, 1, x, 6);
    expect(await gpu().get(x, 6)).toEqual([3, 3, 10, 10, 3, 3]);
  });

  it('freed memory serves a new owner without disturbing the old one', async () => {
    const x = gpu().put(noise(64, 1));
    const first = await gpu().get(x, 64);
    const kept: Dense[] = [];
    for (let i = 0; i < 50; i++) {
      // The temporary's memory comes back at once, as an upload's target in the same batch.
      const temporary = gpu().room(64);
      add(x, i, temporary, 64);
      const out = gpu().room(64);
      add(temporary, 0.25, out, 64);
      gpu().backend.free(temporary.buffer);
      const upload = gpu().put(new Array(64).fill(-1));
      kept.push(out, upload);
    }
    for (let i = 0; i < 50; i++) {
      const [out, upload] = [kept[2 * i], kept[2 * i + 1]];
      if (!out || !upload) throw new Error('two buffers a round');
      expect(await gpu().get(out, 64)).toEqual(first.map((v) => Math.fround(Math.fround(v + i) + 0.25)));
      expect(await gpu().get(upload, 64)).toEqual(new Array(64).fill(-1));
    }
  });

  it('a buffer freed before a read of another is reused by kernels of the same batch', async () => {
    const a = gpu().put([1, 2, 3]);
    const b = gpu().room(3);
    add(a, 1, b, 3);
    gpu().backend.free(a.buffer);
    const c = { buffer: gpu().backend.allocate(12), dtype: 'float32', offset: 0 } as const;
    add(b, 1, c, 3);
    const [readB, readC] = await Promise.all([gpu().get(b, 3), gpu().get(c, 3)]);
    expect(readB).toEqual([2, 3, 4]);
    expect(readC).toEqual([3, 4, 5]);
  });

  it('a read delivers what stood there when it was called', async () => {
    const x = gpu().put([1, 2]);
    const early = gpu().get(x, 2);
    gpu().backend.write(x.buffer, 0, toWords('float32', [7, 8]));
    add(x, 1, x, 2);
    const late = gpu().get(x, 2);
    gpu().backend.free(x.buffer);
    const other = gpu().put([0, 0]);
    expect(await early).toEqual([1, 2]);
    expect(await late).toEqual([8, 9]);
    expect(await gpu().get(other, 2)).toEqual([0, 0]);
  });

  it('thousands of kernels run between two reads', async () => {
    // More than the parameters of one batch: batches follow each other without a read.
    const x = gpu().put([0, 0, 0]);
    for (let i = 0; i < 5000; i++) add(x, 1, x, 3);
    expect(await gpu().get(x, 3)).toEqual([5000, 5000, 5000]);
  });

  it('reads parts of a buffer', async () => {
    const x = gpu().put(noise(1000, 2));
    const all = await gpu().get(x, 1000);
    expect(await gpu().get({ ...x, offset: 17 }, 5)).toEqual(all.slice(17, 22));
    expect(await gpu().get({ ...x, offset: 999 }, 1)).toEqual(all.slice(999));
    expect(await gpu().get(x, 0)).toEqual([]);
  });

  it('takes words from shared memory', async () => {
    const words = new Uint32Array(new SharedArrayBuffer(8));
    words.set(toWords('float32', [3, 4]));
    const x = gpu().room(2);
    gpu().backend.write(x.buffer, 0, words);
    expect(await gpu().get(x, 2)).toEqual([3, 4]);
  });

  it('holds no more memory after a thousand rounds than after ten', async () => {
    const round = async () => {
      const x = gpu().put(noise(5000, 3));
      const out = gpu().room(5000);
      add(x, 1, out, 5000);
      await gpu().get(out, 1);
      gpu().backend.free(x.buffer);
      gpu().backend.free(out.buffer);
    };
    const before = gpu().backend.statistics();
    for (let i = 0; i < 10; i++) await round();
    const { reservedBytes } = gpu().backend.statistics();
    for (let i = 0; i < 990; i++) await round();
    const after = gpu().backend.statistics();
    expect(after.reservedBytes).toBe(reservedBytes);
    expect(after.buffers).toBe(before.buffers);
    expect(after.bytes).toBe(before.bytes);
    expect(after.dispatches).toBe(before.dispatches + 1000);
  });

  it('takes little more for a large buffer than it holds, and reuses one up to a quarter larger', async () => {
    const kilobyte = 2 ** 10;
    const { backend } = gpu();
    const before = backend.statistics().reservedBytes;
    // The weights of BERT-base: the table of words, a square and a wide layer.
    const sizes = [30522 * 768 * 4, 768 * 768 * 4, 3072 * 768 * 4];
    const held = sizes.map((size) => backend.allocate(size));
    for (const buffer of held) backend.write(buffer, 0, Uint32Array.of(1));
    const { reservedBytes } = backend.statistics();
    expect((reservedBytes - before) / sizes.reduce((a, b) => a + b)).toBeLessThan(1 + 1 / 16);
    for (const buffer of held) backend.free(buffer);
    // Lengths that shrink step by step find the buffer of those before.
    for (const size of [9216 * kilobyte, 8700 * kilobyte, 8193 * kilobyte]) {
      const buffer = backend.allocate(size);
      backend.write(buffer, 0, Uint32Array.of(1));
      await backend.synchronize();
      backend.free(buffer);
    }
    expect(backend.statistics().reservedBytes).toBe(reservedBytes);
  });

  it('gives memory back once much of it is spare', async () => {
    const megabyte = 2 ** 20;
    const large = Array.from({ length: 12 }, (_, i) => gpu().backend.allocate((40 + i) * megabyte));
    for (const buffer of large) gpu().backend.write(buffer, 0, Uint32Array.of(1));
    const peak = gpu().backend.statistics().reservedBytes;
    for (const buffer of large) gpu().backend.free(buffer);
    for (let i = 0; i < 4; i++) {
      const buffer = gpu().backend.allocate((20 + i) * megabyte);
      gpu().backend.write(buffer, 0, Uint32Array.of(1));
      await gpu().backend.synchronize();
      gpu().backend.free(buffer);
    }
    // 256 MiB may stay spare.
    expect(gpu().backend.statistics().reservedBytes).toBeLessThan(peak / 2 + 128 * megabyte);
    expect(await gpu().get(gpu().put([1, 2]), 2)).toEqual([1, 2]);
  });
});
