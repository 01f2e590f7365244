// Reading tensors of files into tensors that are there: every dtype, in pieces of every size, whatever stood in the tensor and whoever
// still wants to read that.
import { randn, type Tensor, tensor, zeros } from '@course/tensor';
import { loadInto, open, type SafetensorsFile, serialize } from '@course/tensor/safetensors';
import { describe, expect, it } from 'vitest';
import { device, noGrad } from '../../packages/tensor/src/index.js';
import { onEachDevice } from '../support/devices.js';
import { concat, failure } from './support/safetensors.js';

/** A file with these tensors, whose values are their places. */
async function fileOf(
  shapes: Record<string, readonly number[]>,
  dtype: 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'I32' | 'U8' | 'BOOL' = 'F32',
): Promise<SafetensorsFile> {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, (_, i) => (dtype === 'BOOL' ? i % 2 : i % 200));
    const data =
      dtype === 'U8' || dtype === 'BOOL'
        ? Uint8Array.from(values)
        : dtype.startsWith('I')
          ? Int32Array.from(values)
          : Float32Array.from(values);
    return [name, { data, dtype, shape }] as const;
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of serialize(new Map(tensors))) chunks.push(chunk);
  return open(concat(chunks));
}

const places = (count: number, of: (i: number) => number = (i) => i % 200) =>
  Array.from({ length: count }, (_, i) => of(i));
const flat = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

onEachDevice('loadInto', (kind) => {
  it.each(['F32', 'F16', 'BF16', 'F64'] as const)('reads %s into float32, in pieces of any size', async (dtype) => {
    const file = await fileOf({ x: [3, 5, 7] }, dtype);
    for (const bytes of [8, 36, 100, 420, 10_000]) {
      const x = randn([3, 5, 7]);
      await loadInto(file, 'x', x, { scratch: new ArrayBuffer(bytes) });
      expect(await flat(x), `pieces of ${bytes} bytes`).toEqual(places(105));
    }
    const alone = zeros([3, 5, 7]);
    await loadInto(file, 'x', alone);
    expect(await flat(alone)).toEqual(places(105));
  });

  it('reads whole numbers and truth values into tensors of their kind, and numbers of another kind as a cast', async () => {
    for (const dtype of ['I64', 'I32'] as const) {
      const x = zeros([11], { dtype: 'int32' });
      await loadInto(await fileOf({ x: [11] }, dtype), 'x', x, { scratch: new ArrayBuffer(16) });
      expect(await flat(x)).toEqual(places(11));
    }
    for (const [dtype, own] of [
      ['U8', 'uint8'],
      ['BOOL', 'bool'],
    ] as const) {
      const x = zeros([11], { dtype: own });
      await loadInto(await fileOf({ x: [11] }, dtype), 'x', x, { scratch: new ArrayBuffer(16) });
      expect(await flat(x)).toEqual(places(11, (i) => (own === 'bool' ? i % 2 : i)));
    }
    const floats = randn([11]);
    await loadInto(await fileOf({ x: [11] }, 'I64'), 'x', floats, { scratch: new ArrayBuffer(16) });
    expect(await flat(floats)).toEqual(places(11));
  });

  it.skipIf(kind !== 'cpu')('keeps the digits of float64', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of serialize(
      new Map([['x', { data: Float64Array.of(0.1, 1e300, Math.PI), dtype: 'F64', shape: [3] }]]),
    ))
      chunks.push(chunk);
    const x = zeros([3], { dtype: 'float64' });
    await loadInto(await open(concat(chunks)), 'x', x, { scratch: new ArrayBuffer(16) });
    expect(await flat(x)).toEqual([0.1, 1e300, Math.PI]);
  });

  it('reads into float16 where the device has it, odd numbers of elements too', async ({ skip }) => {
    skip(!device.info().features.includes('shader-f16'), 'the device has no float16');
    for (const dtype of ['F32', 'F16'] as const) {
      const x = zeros([3, 7], { dtype: 'float16' });
      await loadInto(await fileOf({ x: [3, 7] }, dtype), 'x', x, { scratch: new ArrayBuffer(20) });
      expect(await flat(x)).toEqual(places(21));
    }
  });

  it('reads a number and an empty tensor', async () => {
    const file = await fileOf({ number: [], empty: [0, 4] });
    const [number, empty] = [tensor(5), zeros([0, 4])];
    await loadInto(file, 'number', number);
    await loadInto(file, 'empty', empty);
    expect(await number.item()).toBe(0);
    expect(await flat(empty)).toEqual([]);
  });

  it('reads into a part of a larger memory, and into a transposed view of it', async () => {
    const file = await fileOf({ x: [2, 3] });
    const whole = zeros([4, 3]);
    await loadInto(file, 'x', whole.narrow(0, 1, 2), { scratch: new ArrayBuffer(8) });
    expect(await whole.toArray()).toEqual([
      [0, 0, 0],
      [0, 1, 2],
      [3, 4, 5],
      [0, 0, 0],
    ]);
    const turned = zeros([3, 2]);
    await loadInto(file, 'x', turned.T, { scratch: new ArrayBuffer(8) });
    expect(await turned.toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });

  it('leaves what was asked of the old content as it was', async () => {
    const file = await fileOf({ x: [6] });
    const [computed, pending] = [tensor([1, 2, 3, 4, 5, 6]), zeros([6])];
    const [after, sums] = [computed.mul(2), pending.add(1)];
    await loadInto(file, 'x', computed, { scratch: new ArrayBuffer(8) });
    await loadInto(file, 'x', pending, { scratch: new ArrayBuffer(8) });
    expect(await flat(after)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(await flat(sums)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await flat(pending)).toEqual(places(6));
  });

  it('fills a leaf that learns without a trace in the graph, and tells autograd that saved values changed', async () => {
    const file = await fileOf({ x: [3] });
    const leaf = tensor([1, 1, 1], { requiresGrad: true });
    await loadInto(file, 'x', leaf);
    leaf.mul(leaf).sum().backward();
    expect(await leaf.grad?.toArray()).toEqual([0, 2, 4]);
    const stale = leaf.square().sum();
    await loadInto(file, 'x', leaf);
    expect(() => stale.backward()).toThrow('modified by an inplace operation');
  });

  it('refuses other shapes and names, and a tensor that was released meanwhile', async () => {
    const file = await fileOf({ x: [2, 3] });
    const x = zeros([3, 2]);
    expect((await failure(loadInto(file, 'x', x))).message).toContain(
      "tensor 'x' of shape [2, 3] cannot be read into one of shape [3, 2]",
    );
    expect((await failure(loadInto(file, 'y', x))).message).toContain("no tensor 'y'");
    const gone = zeros([2, 3]);
    const reading = loadInto(file, 'x', gone);
    gone.dispose();
    expect((await failure(reading)).message).toContain('loadInto: this tensor of shape [2, 3] was released');
  });

  it('needs no kernel, and no memory beside the tensor', async () => {
    const file = await fileOf({ x: [64, 64] });
    const x = noGrad(() => zeros([64, 64]));
    const { backend } = x.storage;
    const before = backend.statistics();
    await loadInto(file, 'x', x, { scratch: new ArrayBuffer(1024) });
    const after = backend.statistics();
    expect(after.dispatches).toBe(before.dispatches);
    expect(after.buffers).toBe(before.buffers + 1);
  });
});

describe('elements of a file', () => {
  it('are given by place, and only those there are', async () => {
    const file = await fileOf({ x: [2, 3] }, 'I64');
    expect(await file.elements('x', 1, 4)).toEqual({ dtype: 'int32', shape: [3], data: Int32Array.of(1, 2, 3) });
    for (const [begin, end] of [
      [-1, 2],
      [2, 1],
      [0, 7],
      [0.5, 2],
    ] as const)
      expect((await failure(file.elements('x', begin, end))).message).toContain(`has none from ${begin} to ${end}`);
  });
});
