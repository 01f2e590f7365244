// How pointwise kernels find their elements: dense, broadcast, transposed, sliced and reversed operands, in vectors and one by
// one, past the edge of a dispatch dimension, in place, and with several outputs.
import { describe, expect, it } from 'vitest';
import type { Strided } from '../../../packages/tensor/src/backend/requests.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { noise, useGpu } from './gpu.js';

const sum = new Program({
  inputs: ['float32', 'float32'],
  scalars: [],
  steps: [{ op: 'add', type: 'float32', dtype: 'float32', args: [0, 1] }],
  outputs: [2],
});
const copy = new Program({ inputs: ['float32'], scalars: [], steps: [], outputs: [0] });

/** Every index of a shape, in row-major order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  const count = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    let rest = i;
    const index = new Array<number>(shape.length).fill(0);
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d] = rest % (shape[d] ?? 1);
      rest = Math.floor(rest / (shape[d] ?? 1));
    }
    yield index;
  }
}

const at = (values: readonly number[], offset: number, strides: readonly number[], index: readonly number[]) =>
  values[index.reduce((place, i, d) => place + i * (strides[d] ?? 0), offset)] ?? Number.NaN;

describe('pointwise layouts', () => {
  const gpu = useGpu();

  /** [what, shape, strides and offset of either input]; the output is dense. */
  type Layout = readonly [offset: number, ...strides: number[]];
  const cases: readonly [string, readonly number[], Layout, Layout][] = [
    ['dense', [5, 7], [0, 7, 1], [0, 7, 1]],
    ['dense from an odd offset', [64], [3, 1], [0, 1]],
    ['dense from an aligned offset', [64], [4, 1], [8, 1]],
    ['a constant', [129], [0, 1], [5, 0]],
    ['a row of aligned width', [6, 64], [0, 64, 1], [4, 0, 1]],
    ['a row of odd width', [6, 63], [0, 63, 1], [0, 0, 1]],
    ['a column', [6, 64], [0, 64, 1], [0, 1, 0]],
    ['a column of odd width', [17, 3], [0, 3, 1], [0, 1, 0]],
    ['transposed', [17, 20], [0, 1, 17], [0, 20, 1]],
    ['both transposed', [5, 3], [0, 1, 5], [1, 1, 5]],
    ['every other element', [33], [0, 2], [1, 2]],
    ['a slice of columns', [9, 8], [4, 32, 1], [0, 8, 1]],
    ['a slice of columns, unaligned', [9, 8], [5, 33, 1], [0, 8, 1]],
    ['reversed', [21], [20, -1], [0, 1]],
    ['rows reversed', [5, 8], [32, -8, 1], [0, 8, 1]],
    ['heads merged', [2, 3, 4, 8], [0, 96, 8, 24, 1], [0, 96, 32, 8, 1]],
    ['heads merged, odd', [2, 3, 4, 5], [0, 60, 5, 15, 1], [0, 60, 20, 5, 1]],
    ['broadcast both ways', [4, 5, 6], [0, 0, 6, 1], [0, 5, 1, 0]],
    ['five dims', [2, 3, 2, 3, 2], [0, 1, 2, 6, 12, 36], [0, 36, 12, 6, 2, 1]],
  ];

  it.each(cases)('reads %s', async (_, shape, left, right) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const inputs = [left, right].map(([offset, ...strides], seed) => {
      const values = noise(600, seed + 1);
      return { values, offset, strides, operand: gpu().strided(values, strides, 'float32', offset) };
    });
    const out = gpu().room(count);
    const dense = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
    gpu().run({
      kind: 'pointwise',
      program: sum,
      shape,
      inputs: inputs.map(({ operand }) => operand),
      scalars: [],
      outputs: [{ ...out, strides: dense }],
    });
    const expected = [...indices(shape)].map((index) =>
      Math.fround(inputs.reduce((total, { values, offset, strides }) => total + at(values, offset, strides, index), 0)),
    );
    expect(await gpu().get(out, count)).toEqual(expected);
  });

  const destinations: readonly [string, readonly number[], Layout][] = [
    ['an offset, leaving what is around it', [10], [3, 1]],
    ['an aligned offset with something behind', [10], [4, 1]],
    ['a slice of columns', [4, 8], [8, 32, 1]],
    ['every other element', [9], [1, 2]],
    ['transposed', [3, 8], [0, 1, 3]],
    ['reversed', [12], [11, -1]],
  ];

  it.each(destinations)('writes at %s', async (_, shape, [offset, ...strides]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = noise(count, 5);
    const before = noise(160, 6);
    const out = gpu().strided(before, strides, 'float32', offset);
    const dense = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
    gpu().run({
      kind: 'pointwise',
      program: copy,
      shape,
      inputs: [gpu().strided(values, dense)],
      scalars: [],
      outputs: [out],
    });
    const expected = [...before];
    [...indices(shape)].forEach((index, i) => {
      expected[index.reduce((place, n, d) => place + n * (strides[d] ?? 0), offset)] = values[i] ?? 0;
    });
    expect(await gpu().get({ ...out, offset: 0 }, before.length)).toEqual(expected);
  });

  it.each([1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 129, 1000, 1023])('writes %i elements and no more', async (count) => {
    const after = 3;
    const values = noise(count, 7);
    const out = gpu().put(new Array(count + after).fill(7));
    gpu().run({
      kind: 'pointwise',
      program: copy,
      shape: [count],
      inputs: [gpu().strided(values, [1])],
      scalars: [],
      outputs: [{ ...out, strides: [1] }],
    });
    expect(await gpu().get(out, count + after)).toEqual([...values, 7, 7, 7]);
  });

  it('does nothing over a size of zero', async () => {
    const out = gpu().put([1, 2, 3]);
    const operand = { ...gpu().put([]), strides: [3, 1] };
    gpu().run({
      kind: 'pointwise',
      program: copy,
      shape: [0, 3],
      inputs: [operand],
      scalars: [],
      outputs: [{ ...out, strides: [3, 1] }],
    });
    expect(await gpu().get(out, 3)).toEqual([1, 2, 3]);
  });

  it('goes past 65,535 workgroups', async () => {
    // A workgroup of the software tuning covers 256 single elements: the odd offset keeps vectors out.
    const count = 65_535 * 256 + 1000;
    const index = new Program({
      inputs: ['int32'],
      scalars: [],
      steps: [
        { op: 'index', type: 'int32', dtype: 'int32', args: [] },
        { op: 'add', type: 'int32', dtype: 'int32', args: [0, 1] },
      ],
      outputs: [2],
    });
    const one = gpu().put([1], 'int32');
    const out = { buffer: gpu().backend.allocate((count + 1) * 4), dtype: 'int32', offset: 1 } as const;
    gpu().run({
      kind: 'pointwise',
      program: index,
      shape: [count],
      inputs: [{ ...one, strides: [0] }],
      scalars: [],
      outputs: [{ ...out, strides: [1] }],
    });
    for (const place of [0, 65_535 * 256 - 1, 65_535 * 256, count - 1]) {
      expect(await gpu().get({ ...out, offset: place + 1 }, 1), `element ${place}`).toEqual([place + 1]);
    }
    gpu().backend.free(out.buffer);
  });

  describe('in place', () => {
    it('updates a vector, a tail and a strided view', async () => {
      for (const [shape, strides, offset] of [
        [[64], [1], 0],
        [[7], [1], 1],
        [[4, 8], [16, 1], 4],
      ] as const) {
        const before = noise(80, 8);
        const target: Strided = gpu().strided(before, strides, 'float32', offset);
        const count = shape.reduce((a: number, b: number) => a * b, 1);
        const other = noise(count, 9);
        const dense = shape.map((_, d) => shape.slice(d + 1).reduce((a: number, b: number) => a * b, 1));
        gpu().run({
          kind: 'pointwise',
          program: sum,
          shape,
          inputs: [target, gpu().strided(other, dense)],
          scalars: [],
          outputs: [target],
        });
        const expected = [...before];
        [...indices(shape)].forEach((index, i) => {
          const place = index.reduce((total, n, d) => total + n * (strides[d] ?? 0), offset);
          expected[place] = Math.fround((before[place] ?? 0) + (other[i] ?? 0));
        });
        expect(await gpu().get({ ...target, offset: 0 }, 80)).toEqual(expected);
      }
    });

    it('takes the same operand twice and writes over it', async () => {
      const before = noise(10, 10);
      const target = gpu().strided(before, [1]);
      gpu().run({
        kind: 'pointwise',
        program: sum,
        shape: [10],
        inputs: [target, target],
        scalars: [],
        outputs: [target],
      });
      expect(await gpu().get(target, 10)).toEqual(before.map((x) => 2 * x));
    });
  });

  describe('several outputs', () => {
    const both = new Program({
      inputs: ['float32', 'float32'],
      scalars: ['float32'],
      steps: [
        { op: 'mul', type: 'float32', dtype: 'float32', args: [0, 1] },
        { op: 'lt', type: 'float32', dtype: 'bool', args: [0, 2] },
      ],
      outputs: [3, 4, 0],
    });

    it('writes values of different dtypes', async () => {
      const [a, b] = [noise(37, 11), noise(37, 12)];
      const outs = [gpu().room(37), gpu().room(37, 'bool'), gpu().room(37)];
      gpu().run({
        kind: 'pointwise',
        program: both,
        shape: [37],
        inputs: [gpu().strided(a, [1]), gpu().strided(b, [1])],
        scalars: [0.25],
        outputs: outs.map((out) => ({ ...out, strides: [1] })),
      });
      const read = await Promise.all(outs.map((out) => gpu().get(out, 37)));
      expect(read).toEqual([a.map((x, i) => Math.fround(x * (b[i] ?? 0))), a.map((x) => Number(x < 0.25)), a]);
    });

    it('writes two halves of one buffer', async () => {
      const twice = new Program({
        inputs: ['float32'],
        scalars: ['float32'],
        steps: [{ op: 'mul', type: 'float32', dtype: 'float32', args: [0, 1] }],
        outputs: [0, 2],
      });
      const values = noise(9, 13);
      const out = gpu().room(18);
      gpu().run({
        kind: 'pointwise',
        program: twice,
        shape: [9],
        inputs: [gpu().strided(values, [1])],
        scalars: [2],
        outputs: [
          { ...out, strides: [1] },
          { ...out, offset: 9, strides: [1] },
        ],
      });
      expect(await gpu().get(out, 18)).toEqual([...values, ...values.map((x) => 2 * x)]);
    });
  });

  it('compiles nothing new for new sizes', async () => {
    const run = (rows: number, width: number) =>
      gpu().run({
        kind: 'pointwise',
        program: sum,
        shape: [rows, width],
        inputs: [gpu().strided(noise(rows * width, 1), [width, 1]), gpu().strided(noise(width, 2), [0, 1])],
        scalars: [],
        outputs: [{ ...gpu().room(rows * width), strides: [width, 1] }],
      });
    run(3, 8);
    const before = gpu().backend.compiledKernels;
    for (const [rows, width] of [
      [4, 8],
      [5, 12],
      [9, 100],
    ] as const)
      run(rows, width);
    await gpu().backend.synchronize();
    expect(gpu().backend.compiledKernels).toBe(before);
  });
});
