// Indices out of range: every kernel that takes them reports, the next read rejects with the error that the CPU throws at the
// call, and the device goes on.
import { ArgumentError, arange, crossEntropy, device, embedding, init, ones, tensor, zeros } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../../support/devices.js';

const int = (values: number[], shape = [values.length]) => tensor(values, { dtype: 'int32', shape });

describe.runIf(devices.includes('webgpu'))('an index out of range', () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' });
  });

  it.each([
    [
      'embedding',
      () => embedding(int([0, 7, 1]), zeros([5, 4])),
      'embedding: index 7 is out of range for a table of 5 rows (0 to 4)',
    ],
    [
      'gather',
      () => zeros([2, 3]).gather(1, int([3, 0], [2, 1])),
      'gather: index 3 is out of bounds for dimension 1 with size 3',
    ],
    [
      'indexSelect',
      () => zeros([2, 3]).indexSelect(0, int([1, -2])),
      'indexSelect: index -2 is out of bounds for dimension 0 with size 2',
    ],
    [
      'scatter in columns',
      () => zeros([4, 2]).scatter(0, int([4, 0], [1, 2]), 1),
      'scatter: index 4 is out of bounds for dimension 0 with size 4',
    ],
    [
      'scatter by claims',
      () => zeros([64]).scatter(0, arange(1, 65, 1, { dtype: 'int32' }), 1),
      'scatter: index 64 is out of bounds for dimension 0 with size 64',
    ],
    [
      'scatterAdd',
      () => zeros([4]).scatterAdd(0, int([5]), ones([1])),
      'scatterAdd: index 5 is out of bounds for dimension 0 with size 4',
    ],
    [
      'scatterAdd in chunks',
      () => zeros([2]).scatterAdd(0, arange(0, 640, 1, { dtype: 'int32' }), ones([640])),
      'scatterAdd: index 2 is out of bounds for dimension 0 with size 2',
    ],
    [
      'indexAdd',
      () => zeros([4]).indexAdd(0, int([9]), ones([1])),
      'indexAdd: index 9 is out of bounds for dimension 0 with size 4',
    ],
    [
      'crossEntropy',
      () => crossEntropy(zeros([2, 3]), int([1, 3])),
      'crossEntropy: target 3 is out of bounds for 3 classes',
    ],
    [
      'crossEntropy with smoothing',
      () => crossEntropy(zeros([2, 3]), int([1, 3]), { labelSmoothing: 0.1 }),
      'crossEntropy: index 3 is out of bounds for dimension 1 with size 3',
    ],
  ])('of %s is told by the next read', async (_, run, message) => {
    const result = run();
    const failure = result.data();
    await expect(failure).rejects.toThrow(ArgumentError);
    await expect(failure).rejects.toThrow(message);
    // Told once: the device goes on.
    expect(await tensor([1, 2]).toArray()).toEqual([1, 2]);
  });

  it('of the backward of an embedding is told too', async () => {
    const weight = zeros([3, 2], { requiresGrad: true });
    embedding(int([3]), weight)
      .sum()
      .backward();
    await expect(weight.grad?.data()).rejects.toThrow(/^embedding: index 3 /);
  });

  it('rejects a synchronisation and a read of something else', async () => {
    void embedding(int([5]), zeros([5, 1])).shape;
    await expect(device.synchronize()).rejects.toThrow('embedding: index 5');
    await device.synchronize();
    void embedding(int([6]), zeros([5, 1])).shape;
    await expect(zeros([1]).item()).rejects.toThrow('embedding: index 6');
  });

  it('is the first in order, and of one kernel the smallest', async () => {
    const first = embedding(int([9, 8, -1]), zeros([5, 1]));
    const second = zeros([2]).gather(0, int([2]));
    const reads = [first.data(), second.data()];
    for (const read of reads) await expect(read).rejects.toThrow('embedding: index 8 ');
    expect(await second.toArray()).toEqual([0]);
  });

  it('does not touch a read made before', async () => {
    const good = embedding(int([1]), tensor([[1], [2]])).data();
    const bad = embedding(int([2]), zeros([2, 1])).data();
    expect(Array.from(await good)).toEqual([2]);
    await expect(bad).rejects.toThrow('embedding: index 2 ');
  });

  it('does not count where the target is the ignored one', async () => {
    const loss = crossEntropy(zeros([2, 2]), int([-100, 0]));
    expect(await loss.item()).toBeClose(Math.log(2), { rtol: 2 ** -22 });
  });
});

describe.runIf(devices.includes('webgpu'))('scatter of many places to few columns', () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' });
  });

  it.each([
    [[5000], [40], 0],
    [[3, 700], [3, 50], 1],
    [[700, 3], [50, 3], 0],
    [[2, 300, 2], [2, 7, 2], 1],
  ])('keeps the last of %j for each element of %j', async (from, to, dim) => {
    const count = from.reduce((a, b) => a * b, 1);
    const size = to[dim] ?? 1;
    const places = Array.from({ length: count }, (_, i) => (i * 7919 + (i >> 3)) % size);
    const values = Array.from({ length: count }, (_, i) => i + 1);
    const expected = new Float32Array(to.reduce((a, b) => a * b, 1));
    const inner = from.slice(dim + 1).reduce((a, b) => a * b, 1);
    const length = from[dim] ?? 1;
    for (let at = 0; at < count; at++) {
      const [i, o] = [at % inner, Math.floor(at / (inner * length))];
      expected[(o * size + (places[at] ?? 0)) * inner + i] = values[at] ?? 0;
    }
    const run = () =>
      zeros(to)
        .scatter(dim, int(places, from), tensor(values, { shape: from }))
        .data();
    expect(await run()).toEqual(expected);
    expect(await run(), 'every time').toEqual(expected);
  });
});
