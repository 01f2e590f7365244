// The allocator of linear memory as a model: whatever is taken and given back in whatever order, blocks never overlap, counters
// add up, and what was freed can be taken again.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, type Block } from '../../../packages/tensor/src/backend/cpu/allocator.js';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { DeviceError } from '../../../packages/tensor/src/errors.js';

type Action = { take: number } | { give: number } | { extend: number };

const size = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 5000 }),
  fc.constantFrom(1, 15, 16, 17, 255, 256, 257, 4096),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: size.map((take) => ({ take })) },
  { weight: 4, arbitrary: fc.nat().map((give) => ({ give })) },
  { weight: 1, arbitrary: size.map((extend) => ({ extend })) },
);

/** Fails unless the blocks lie apart and inside [start, end). */
function expectApart(blocks: readonly Block[], start: number, end: number): void {
  const sorted = blocks.toSorted((a, b) => a.start - b.start);
  let free = start;
  for (const block of sorted) {
    expect(block.start).toBeGreaterThanOrEqual(free);
    free = block.start + block.size;
  }
  expect(free).toBeLessThanOrEqual(end);
}

describe('Allocator', () => {
  it('never hands out overlapping blocks, and has all memory in one piece when all is given back', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const start = 7;
        const allocator = new Allocator(start);
        allocator.extend(1000);
        const held: Block[] = [];
        for (const step of actions) {
          if ('extend' in step) allocator.extend(step.extend);
          else if ('give' in step) {
            const [block] = held.length > 0 ? held.splice(step.give % held.length, 1) : [];
            if (block) allocator.give(block);
          } else {
            const block = allocator.take(step.take);
            if (block) {
              expect(block.size).toBe(step.take);
              held.push(block);
            } else {
              expect(allocator.largestFree()).toBeLessThan(step.take);
            }
          }
          expectApart(held, start, allocator.end);
          expect(allocator.taken).toBe(held.reduce((sum, block) => sum + block.size, 0));
        }
        for (const block of held) allocator.give(block);
        expect(allocator.taken).toBe(0);
        expect(allocator.largestFree()).toBe(allocator.end - start);
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('says how much the end of memory lacks', () => {
    const allocator = new Allocator(0);
    allocator.extend(100);
    expect(allocator.missing(150)).toBe(50);
    allocator.take(60);
    expect(allocator.missing(50)).toBe(10);
    allocator.take(40);
    expect(allocator.missing(50)).toBe(50);
  });
});

describe('memory of the CPU backend', () => {
  it('stays bounded over a loop with lengths that vary from step to step', async () => {
    const backend = await CpuBackend.create();
    let state = 1;
    const reserved: number[] = [];
    for (let step = 0; step < 400; step++) {
      // Twenty activations of a batch whose length varies, freed in reverse order, beside some that live one step longer.
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const length = 16 + ((state >>> 16) % 112);
      const buffers = Array.from({ length: 20 }, (_, i) => backend.allocate(length * 128 * 4 * (1 + (i % 4))));
      for (const buffer of buffers.reverse()) backend.free(buffer);
      reserved.push(backend.statistics().reservedBytes);
    }
    expect(backend.statistics()).toMatchObject({ buffers: 0, bytes: 0 });
    expect(reserved.at(-1)).toBe(reserved[0]);
    backend.destroy();
  });

  it('counts buffers and bytes, and grows only as needed', async () => {
    const backend = await CpuBackend.create();
    const before = backend.statistics();
    const a = backend.allocate(1000);
    const b = backend.allocate(0);
    expect(backend.statistics()).toMatchObject({ buffers: 2, bytes: 1000, reservedBytes: before.reservedBytes });
    const large = backend.allocate(before.reservedBytes);
    expect(backend.statistics().reservedBytes).toBeGreaterThan(before.reservedBytes);
    expect(backend.statistics().reservedBytes).toBeLessThan(3 * before.reservedBytes + 2 ** 25);
    for (const buffer of [a, b, large]) backend.free(buffer);
    expect(backend.statistics()).toMatchObject({ buffers: 0, bytes: 0 });
    backend.destroy();
  });

  it('keeps contents when memory grows', async () => {
    const backend = await CpuBackend.create();
    const buffer = backend.allocate(12);
    backend.write(buffer, 0, Uint32Array.of(1, 2, 3));
    backend.allocate(2 ** 28);
    expect(new Uint32Array(await backend.read(buffer, 0, 12))).toEqual(Uint32Array.of(1, 2, 3));
    expect(new Uint32Array(await backend.read(buffer, 4, 4))).toEqual(Uint32Array.of(2));
    backend.destroy();
  });

  it('says what was asked and what is held when memory runs out, and goes on after a free', async () => {
    const backend = await CpuBackend.create({ maximumBytes: 64 * 2 ** 20 });
    const held = backend.allocate(34 * 2 ** 20);
    const more = [1, 2, 3].map(() => backend.allocate(2 * 2 ** 20));
    expect(() => backend.allocate(30 * 2 ** 20)).toThrow(DeviceError);
    expect(() => backend.allocate(30 * 2 ** 20)).toThrow(
      /out of memory: cannot allocate 30\.00 MiB; 4 buffers hold 40\.00 MiB; .* of at most 64\.00 MiB, .*; what holds the most: tensors 1 of 34\.00 MiB, tensors 3 of 2\.00 MiB$/,
    );
    for (const buffer of [held, ...more]) backend.free(buffer);
    backend.free(backend.allocate(50 * 2 ** 20));
    backend.destroy();
  });

  it('refuses buffers that were freed, belong to another backend or a destroyed one', async () => {
    const backend = await CpuBackend.create();
    const other = await CpuBackend.create();
    const foreign = other.allocate(16);
    const freed = backend.allocate(16);
    backend.free(freed);
    expect(() => backend.free(freed)).toThrow('was freed');
    expect(() => backend.write(foreign, 0, new Uint32Array(1))).toThrow('another device');
    await expect(backend.read(freed, 0, 4)).rejects.toThrow(DeviceError);
    const dense = { buffer: freed, dtype: 'float32', offset: 0 } as const;
    expect(() =>
      backend.run({ kind: 'reduce', op: 'sum', outer: 1, length: 4, inner: 1, scale: 1, input: dense, out: dense }),
    ).toThrow('was freed');
    backend.destroy();
    expect(backend.isLost).toBe(true);
    expect(() => backend.allocate(4)).toThrow('destroyed');
    await expect(backend.synchronize()).rejects.toThrow(DeviceError);
    other.destroy();
  });
});
