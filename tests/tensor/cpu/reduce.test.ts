// Reductions against float64. A float sum is blocked: at most 64 additions in float32 (rounding errors of 2^-24 of the running sum
// each) before it goes on in doubles, so its error is below 64 * 2^-24 of the sum of absolute values, in practice a tenth of that.
import { expect, it } from 'vitest';
import type { ReduceRequest } from '../../../packages/tensor/src/backend/requests.js';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { eachBuild, type Machine, noise, rowsOf } from './machine.js';

type Op = ReduceRequest['op'];

/** [first index of the extreme, where the first NaN is extreme]. */
function placeOf(values: readonly number[], beyond: (a: number, b: number) => boolean): number {
  const nan = values.findIndex(Number.isNaN);
  return nan >= 0 ? nan : values.reduce((best, x, i) => (beyond(x, values[best] ?? 0) ? i : best), 0);
}

const references: Record<Op, (values: readonly number[]) => number> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  sumOfSquares: (values) => values.reduce((a, b) => a + b * b, 0),
  prod: (values) => values.reduce((a, b) => a * b, 1),
  max: (values) =>
    values.some(Number.isNaN) ? Number.NaN : values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  min: (values) =>
    values.some(Number.isNaN) ? Number.NaN : values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  argmax: (values) => placeOf(values, (a, b) => a > b),
  argmin: (values) => placeOf(values, (a, b) => a < b),
  any: (values) => Number(values.some((x) => x !== 0)),
  all: (values) => Number(values.every((x) => x !== 0)),
};

const outputs: Record<Op, (dtype: DType) => DType> = {
  sum: (dtype) => (dtype === 'float32' ? 'float32' : 'int32'),
  sumOfSquares: (dtype) => (dtype === 'float32' ? 'float32' : 'int32'),
  prod: (dtype) => (dtype === 'float32' ? 'float32' : 'int32'),
  max: (dtype) => dtype,
  min: (dtype) => dtype,
  argmax: () => 'int32',
  argmin: () => 'int32',
  any: () => 'bool',
  all: () => 'bool',
};

async function reduce(
  machine: Machine,
  op: Op,
  [outer, length, inner]: readonly [number, number, number],
  values: readonly number[],
  { dtype = 'float32', scale = 1, out = outputs[op](dtype) }: { dtype?: DType; scale?: number; out?: DType } = {},
) {
  const input = machine.put(values, dtype, 3);
  const output = machine.room(outer * inner + 5, out, 1);
  machine.run({ kind: 'reduce', op, outer, length, inner, scale, input, out: output });
  const got = await machine.get(output, outer * inner + 5);
  const want: number[] = [];
  const sizes: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const line = Array.from({ length }, (_, l) => values[(o * length + l) * inner + i] ?? 0);
      const scaled = op === 'sum' || op === 'sumOfSquares' ? scale : 1;
      want.push(references[op](line) * scaled);
      sizes.push(references[op === 'sumOfSquares' ? op : 'sum'](line.map(Math.abs)) * scaled);
    }
  }
  for (const { buffer } of [input, output]) machine.backend.free(buffer);
  expect(got.slice(outer * inner), 'beyond the output').toEqual(
    new Array(5).fill(out === 'float32' ? Math.fround(12345.678) : 77),
  );
  return { got: got.slice(0, outer * inner), want, sizes };
}

const SHAPES = [
  [1, 1, 1],
  [1, 5, 1],
  [3, 17, 1],
  [7, 64, 1],
  [2, 1000, 1],
  [1, 3, 5],
  [2, 4, 3],
  [3, 65, 17],
  [1, 129, 127],
  [5, 2, 64],
  [1, 70, 300],
  [40, 3, 1],
  [1001, 3, 1],
  [37, 16, 1],
  [2, 9, 43],
] as const;

eachBuild('reduce', (machine) => {
  it.each(['sum', 'sumOfSquares'] as const)('%s is within its blocked bound', async (op) => {
    for (const shape of SHAPES) {
      for (const scale of [1, 1 / shape[1]]) {
        const values = noise(shape[0] * shape[1] * shape[2], 3);
        const { got, want, sizes } = await reduce(machine(), op, shape, values, { scale });
        for (const [i, value] of got.entries()) {
          // 64 roundings at most, of sums below the sum of absolute values; one more for the result.
          expect(Math.abs(value - (want[i] ?? 0))).toBeLessThanOrEqual((sizes[i] ?? 0) * 20 * 2 ** -24);
        }
      }
    }
  });

  it('sums long runs as precisely as short ones, in one piece or in chunks', async () => {
    // 0.1 is not exact: adding in float32 one by one would be off by more than 1 % here.
    for (const [outer, length, inner] of [
      [1, 1_000_003, 1],
      [1, 300_001, 3],
      [2, 100_000, 5],
      [20, 40_000, 1],
    ] as const) {
      const values = new Array<number>(outer * length * inner).fill(Math.fround(0.1));
      const { got, want } = await reduce(machine(), 'sum', [outer, length, inner], values);
      expect(got).toBeClose(want, { rtol: 2 ** -22 });
      expect((await reduce(machine(), 'sum', [outer, length, inner], values, { scale: 1 / length })).got).toBeClose(
        new Array(outer * inner).fill(Math.fround(0.1)),
        { rtol: 2 ** -22 },
      );
    }
  });

  it.each(['sum', 'prod', 'max', 'min', 'any', 'all'] as const)('%s of long rows of integers is exact', async (op) => {
    for (const [outer, length] of [
      [1, 100_003],
      [3, 40_000],
    ] as const) {
      // Small enough that a sum fits; products of odd numbers, which never become 0, are compared modulo 2^32.
      const values = noise(outer * length, 8).map((x) => Math.round(x * 1000) | 1);
      const { got, want } = await reduce(machine(), op, [outer, length, 1], values, { dtype: 'int32' });
      const products = rowsOf(values, length).map((row) => row.reduce((a, b) => Math.imul(a, b), 1));
      expect(got).toEqual(op === 'prod' ? products : want);
      const sparse = values.map((_, i) => Number(i % length === length - 2));
      const truth = await reduce(machine(), op === 'any' ? 'any' : 'all', [outer, length, 1], sparse, {
        dtype: 'bool',
      });
      expect(truth.got).toEqual(truth.want);
    }
  });

  it.each(['max', 'min', 'argmax', 'argmin', 'any', 'all'] as const)(
    '%s is exact, with repeated extremes, NaN and infinities',
    async (op) => {
      for (const shape of SHAPES) {
        const count = shape[0] * shape[1] * shape[2];
        const values = noise(count, 5).map((x) => Math.round(x * 8) / 2);
        const { got, want } = await reduce(machine(), op, shape, values);
        expect(
          got.map((x) => x + 0),
          `${op} of ${shape}`,
        ).toEqual(want.map((x) => x + 0));
        const strange = values.map((x, i) =>
          i % 7 === 3
            ? Number.NaN
            : i % 5 === 1
              ? Number.NEGATIVE_INFINITY
              : i % 11 === 2
                ? Number.POSITIVE_INFINITY
                : x,
        );
        const second = await reduce(machine(), op, shape, strange);
        expect(
          second.got.map((x) => x + 0),
          `${op} of ${shape} with NaN`,
        ).toEqual(second.want.map((x) => x + 0));
        const infinite = values.map((x, i) =>
          i % 5 === 1 ? Number.NEGATIVE_INFINITY : i % 6 === 2 ? Number.POSITIVE_INFINITY : x,
        );
        const third = await reduce(machine(), op, shape, infinite);
        expect(
          third.got.map((x) => x + 0),
          `${op} of ${shape} with infinities`,
        ).toEqual(third.want.map((x) => x + 0));
      }
      // Rows that are cut: repeated extremes in several pieces, then NaN in the last two of them.
      const long = noise(140_000, 9).map((x) => Math.round(x * 50));
      for (const values of [long, long.with(60_000, Number.NaN).with(69_000, Number.NaN).with(139_999, Number.NaN)]) {
        const { got, want } = await reduce(machine(), op, [2, 70_000, 1], values);
        expect(got.map((x) => x + 0)).toEqual(want.map((x) => x + 0));
      }
      const whole = await reduce(machine(), op, [2, 70_000, 1], long, { dtype: 'int32' });
      expect(whole.got).toEqual(whole.want.map((x) => x + 0));
    },
  );

  it('multiplies floats in double precision', async () => {
    for (const shape of SHAPES) {
      const values = noise(shape[0] * shape[1] * shape[2], 6).map((x) => Math.fround(1 + x / 64));
      const { got, want } = await reduce(machine(), 'prod', shape, values);
      // One rounding of the result; products in doubles add nothing that shows.
      expect(got).toBeClose(want, { rtol: 2 ** -24 + 1000 * 2 ** -53 });
    }
  });

  it('multiplies long rows as element by element, past what a double holds and at zeros, NaN and infinities', async () => {
    const ones = () => new Array<number>(3000).fill(1);
    const rows: readonly (readonly number[])[] = [
      // Up to 1e300 and down again, in blocks and across them.
      Array.from({ length: 3000 }, (_, i) => (i % 64 < 32 ? 1e9 : Math.fround(1e-9))),
      Array.from({ length: 3000 }, (_, i) => (i < 1500 ? -1.1 : 1 / 1.1)),
      Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? -0.5 : 0.25)),
      Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? -4 : 3)),
      ones().with(700, 0),
      ones().with(700, 0).with(2999, -1),
      ones().with(700, 0).with(2500, Number.NaN),
      ones().with(700, 0).with(2500, Number.NEGATIVE_INFINITY),
      ones().with(300, Number.POSITIVE_INFINITY).with(2800, -2),
      ones().with(300, Number.POSITIVE_INFINITY).with(2800, 0),
      ones().with(5, Number.NaN),
    ];
    const values = rows.flatMap((row) => row.map(Math.fround));
    const { got, want } = await reduce(machine(), 'prod', [rows.length, 3000, 1], values);
    for (const [i, value] of got.entries()) {
      const expected = Math.fround(want[i] ?? 0);
      // Zeros have signs too.
      if (expected === 0 || !Number.isFinite(expected)) expect(value, `row ${i}`).toBe(expected);
      else expect(value / expected, `row ${i}`).toBeCloseTo(1, 6);
    }
  });

  it('reduces whole numbers and truth exactly', async () => {
    for (const dtype of ['int32', 'uint8', 'bool'] as const) {
      for (const op of ['sum', 'sumOfSquares', 'prod', 'max', 'min', 'argmax', 'argmin', 'any', 'all'] as const) {
        for (const shape of [
          [1, 9, 1],
          [3, 5, 1],
          [2, 7, 5],
          [2, 4, 39],
          [1, 4, 33],
        ] as const) {
          const values = noise(shape[0] * shape[1] * shape[2], 8).map((x) => {
            const whole = Math.floor(x * 6);
            return dtype === 'bool' ? whole & 1 : dtype === 'uint8' ? whole & 255 : whole;
          });
          const { got, want } = await reduce(machine(), op, shape, values, { dtype });
          expect(got, `${op} of ${dtype} ${shape}`).toEqual(want.map((x) => x | 0));
        }
      }
    }
    expect((await reduce(machine(), 'sum', [1, 3, 1], [2147483647, 1, 1], { dtype: 'int32' })).got).toEqual([
      -2147483647,
    ]);
    const mean = await reduce(machine(), 'sum', [2, 2, 1], [1, 2, 3, 5], {
      dtype: 'int32',
      scale: 0.5,
      out: 'float32',
    });
    expect(mean.got).toEqual([1.5, 4]);
  });

  it('gives the neutral element of nothing', async () => {
    const neutral = {
      sum: 0,
      sumOfSquares: 0,
      prod: 1,
      max: Number.NEGATIVE_INFINITY,
      min: Number.POSITIVE_INFINITY,
      any: 0,
      all: 1,
    } as const;
    for (const op of ['sum', 'sumOfSquares', 'prod', 'max', 'min', 'any', 'all'] as const) {
      for (const inner of [1, 5])
        expect((await reduce(machine(), op, [2, 0, inner], [])).got).toEqual(new Array(2 * inner).fill(neutral[op]));
    }
    expect((await reduce(machine(), 'sum', [0, 4, 3], [])).got).toEqual([]);
    expect((await reduce(machine(), 'sum', [3, 4, 0], [])).got).toEqual([]);
  });
});
