// Reductions against float64: every op, rows and columns, one pass and several, integers and truth values, NaN.
import { describe, expect, it } from 'vitest';
import type { Dense, ReduceRequest } from '../../../packages/tensor/src/backend/requests.js';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { eachTuning, type Gpu, integers, noise, U } from './gpu.js';

type Op = ReduceRequest['op'];

interface Case {
  readonly op: Op;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly scale?: number;
  readonly offset?: number;
}

/** What an op makes of a row, and how far float32 may be from it. */
function reference(op: Op, row: readonly number[], scale: number): { value: number; allowed: number } {
  const magnitude = row.reduce((sum, x) => sum + Math.abs(x), 0);
  // Strips of at most 1024 elements are summed in blocks of 32: no partial sum has more than 32 + 32 terms before it, in each of
  // at most three passes, and a tree of at most 8 levels on top of each.
  const growth = 3 * (32 + 32 + 8) * U;
  switch (op) {
    case 'sum':
      return {
        value: scale * row.reduce((a, b) => a + b, 0),
        allowed: Math.abs(scale) * magnitude * (Math.min(growth, row.length * U) + U),
      };
    case 'sumOfSquares': {
      const value = row.reduce((a, b) => a + b * b, 0);
      return { value: scale * value, allowed: Math.abs(scale) * value * (Math.min(growth, row.length * U) + 2 * U) };
    }
    case 'prod': {
      const value = row.reduce((a, b) => a * b, 1);
      return { value: scale * value, allowed: Math.abs(value) * (row.length + 1) * U };
    }
    case 'max':
      return {
        value: row.reduce((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)), -Infinity),
        allowed: 0,
      };
    case 'min':
      return {
        value: row.reduce((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.min(a, b)), Infinity),
        allowed: 0,
      };
    case 'argmax':
    case 'argmin': {
      const nan = row.findIndex(Number.isNaN);
      const best = op === 'argmax' ? Math.max(...row) : Math.min(...row);
      return { value: nan >= 0 ? nan : row.indexOf(best), allowed: 0 };
    }
    case 'any':
      return { value: Number(row.some((x) => x !== 0)), allowed: 0 };
    case 'all':
      return { value: Number(row.every((x) => x !== 0)), allowed: 0 };
  }
}

function outType(op: Op, input: DType): DType {
  if (op === 'argmax' || op === 'argmin') return 'int32';
  return op === 'any' || op === 'all' ? 'bool' : input;
}

async function check(gpu: Gpu, c: Case, input: DType, values: readonly number[]): Promise<void> {
  const { op, outer, length, inner, scale = 1, offset = 0 } = c;
  const x = gpu.put(values, input, offset);
  const out: Dense = gpu.room(outer * inner, outType(op, input), offset);
  gpu.run({ kind: 'reduce', op, outer, length, inner, scale, input: x, out });
  const actual = await gpu.get(out, outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const row = Array.from({ length }, (_, j) => values[(o * length + j) * inner + i] ?? 0);
      const { value, allowed } = reference(op, row, scale);
      const got = actual[o * inner + i] ?? Number.NaN;
      const same = Object.is(got, value) || got === value || Math.abs(got - value) <= allowed;
      if (!same)
        expect.fail(
          `${op} of [${outer}, ${length}, ${inner}] at [${o}, ${i}]: ${got}, expected ${value}, allowed ${allowed} off`,
        );
    }
  }
  gpu.backend.free(x.buffer);
  gpu.backend.free(out.buffer);
}

const floats: readonly Op[] = ['sum', 'sumOfSquares', 'max', 'min', 'argmax', 'argmin'];
const shapes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [3, 5, 1],
  [2, 63, 1],
  [5, 64, 1],
  [1, 65, 1],
  [7, 129, 1],
  [2, 1025, 1],
  [1, 100_000, 1],
  [1, 17, 5],
  [3, 65, 7],
  [2, 127, 64],
  [1, 3000, 3],
  [130, 3, 1],
  [4, 1, 9],
];

eachTuning('reduce', (gpu) => {
  describe.each(floats)('%s', (op) => {
    it.each(shapes)('over [%i, %i, %i]', async (outer, length, inner) => {
      await check(gpu(), { op, outer, length, inner }, 'float32', noise(outer * length * inner, 1));
      await check(gpu(), { op, outer, length, inner, offset: 3 }, 'float32', noise(outer * length * inner, 2));
    });
  });

  it('scales sums', async () => {
    for (const [length, inner] of [
      [77, 1],
      [77, 4],
      [50_000, 1],
    ] as const) {
      await check(
        gpu(),
        { op: 'sum', outer: 2, length, inner, scale: 1 / length },
        'float32',
        noise(2 * length * inner, 3),
      );
    }
  });

  it('adds up three passes, with errors that stay small', async () => {
    // Two million ones and a large one: a running sum in float32 would stop at 2 ** 24.
    const length = 2_200_000;
    const x = gpu().put(new Float32Array(length).fill(1.1));
    const out = gpu().room(1);
    gpu().run({ kind: 'reduce', op: 'sum', outer: 1, length, inner: 1, scale: 1, input: x, out });
    const expected = Math.fround(1.1) * length;
    expect(await gpu().get(out, 1)).toBeClose([expected], { rtol: 3 * (32 + 32 + 8) * U });
    gpu().backend.free(x.buffer);
  });

  it('multiplies', async () => {
    await check(
      gpu(),
      { op: 'prod', outer: 3, length: 20, inner: 2 },
      'float32',
      noise(120, 4).map((x) => Math.fround(1 + x / 4)),
    );
    await check(
      gpu(),
      { op: 'prod', outer: 2, length: 9, inner: 1 },
      'int32',
      integers(18, 4, 5).map((x) => x - 1),
    );
  });

  it('reduces integers exactly', async () => {
    const values = integers(2 * 700 * 3, 2_000_000, 6).map((x) => x - 1_000_000);
    for (const op of ['sum', 'max', 'min', 'argmax', 'argmin'] as const) {
      await check(gpu(), { op, outer: 2, length: 700, inner: 3 }, 'int32', values);
      await check(gpu(), { op, outer: 6, length: 700, inner: 1 }, 'int32', values);
    }
    await check(gpu(), { op: 'max', outer: 1, length: 9, inner: 1 }, 'uint8', [0, 1, 255, 3, 4, 5, 6, 7, 8]);
  });

  it('reduces truth values', async () => {
    for (const [length, inner] of [
      [1, 1],
      [65, 1],
      [65, 3],
      [3000, 1],
    ] as const) {
      const none = new Array<number>(2 * length * inner).fill(0);
      const one = none.with(length * inner - 1, 1);
      for (const values of [none, one, none.map(() => 1), none.map(() => 1).with(0, 0)]) {
        await check(gpu(), { op: 'any', outer: 2, length, inner }, 'bool', values);
        await check(gpu(), { op: 'all', outer: 2, length, inner }, 'bool', values);
      }
    }
    await check(gpu(), { op: 'any', outer: 1, length: 4, inner: 1 }, 'float32', [0, -0, Number.NaN, 0]);
    await check(gpu(), { op: 'all', outer: 1, length: 3, inner: 1 }, 'int32', [1, -1, 256]);
  });

  it('takes NaN for the most extreme, and the first of equals', async () => {
    const row = noise(300, 7);
    const cases = [
      row.with(171, Number.NaN).with(203, Number.NaN),
      row.with(5, 2).with(200, 2).with(204, 2),
      row.with(5, -2).with(68, -2),
      row.map(() => -Infinity),
      row.map(() => Infinity),
      row.map((_, i) => (i % 2 === 0 ? 0 : -0)),
    ];
    for (const values of cases) {
      for (const op of ['max', 'min', 'argmax', 'argmin'] as const) {
        await check(gpu(), { op, outer: 1, length: 300, inner: 1 }, 'float32', values);
        await check(gpu(), { op, outer: 1, length: 100, inner: 3 }, 'float32', values);
        await check(gpu(), { op, outer: 60, length: 5, inner: 1 }, 'float32', values);
      }
    }
    // The place of the extreme across several passes.
    const long = noise(50_000, 8).with(31_234, 2).with(41_234, 2);
    await check(gpu(), { op: 'argmax', outer: 1, length: 50_000, inner: 1 }, 'float32', long);
    await check(
      gpu(),
      { op: 'argmin', outer: 1, length: 50_000, inner: 1 },
      'float32',
      long.map((x) => -x),
    );
    await check(gpu(), { op: 'argmax', outer: 1, length: 50_000, inner: 1 }, 'float32', long.with(20_001, Number.NaN));
  });

  it('yields the neutral element of nothing', async () => {
    const expected = { sum: 0, sumOfSquares: 0, prod: 1, max: -Infinity, min: Infinity, any: 0, all: 1 } as const;
    for (const [op, value] of Object.entries(expected) as [keyof typeof expected, number][]) {
      const type = op === 'any' || op === 'all' ? 'bool' : 'float32';
      const out = gpu().room(6, type);
      gpu().run({ kind: 'reduce', op, outer: 2, length: 0, inner: 3, scale: 1, input: gpu().put([], type), out });
      expect(await gpu().get(out, 6), op).toEqual(new Array(6).fill(value));
    }
  });

  it('does nothing without an output', async () => {
    const out = gpu().put([1]);
    gpu().run({ kind: 'reduce', op: 'sum', outer: 0, length: 3, inner: 1, scale: 1, input: gpu().put([]), out });
    const actual = await gpu().get(out, 1);
    expect(actual).toEqual([1]);
  });
});

eachTuning('reduce of many', (gpu) => {
  it('goes past 65,535 workgroups', async () => {
    const outer = 65_535 * 64 + 100;
    const values = new Float32Array(outer).map((_, i) => i % 1000);
    const x = gpu().put(values);
    const out = gpu().room(outer);
    gpu().run({ kind: 'reduce', op: 'sum', outer, length: 1, inner: 1, scale: 2, input: x, out });
    const bytes = await gpu().backend.read(out.buffer, 0, outer * 4);
    expect(Buffer.compare(Buffer.from(bytes), Buffer.from(values.map((v) => 2 * v).buffer))).toBe(0);
  });
});
