// The pointwise table on the CPU: every record in every dtype of its domain against its float64 reference, at its bound in ulp of
// float32 (exact for integers and truth), over its domain and at the ends of the floats.
import { describe, expect, it } from 'vitest';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import type { PointwiseOp } from '../../../packages/tensor/src/ops/pointwise/record.js';
import { philoxUniform } from '../../../packages/tensor/src/ops/pointwise/sources.js';
import {
  type PointwiseName,
  pointwiseNames,
  pointwiseTable,
} from '../../../packages/tensor/src/ops/pointwise/table.js';
import { ulpDistance } from '../../support/matchers.js';
import { eachBuild, type Machine, strided } from './machine.js';

const DTYPES = { bool: ['bool'], int: ['int32', 'uint8'], float: ['float32'] } as const;

/** What float32 has at its ends and corners. */
const EXTREMES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -2.5,
  2,
  3,
  -3,
  7,
  100,
  -100,
  1000.5,
  -87.33,
  -88.5,
  -103.9,
  88.7,
  88.75,
  1e-3,
  1e-10,
  -1e-10,
  2 ** -126,
  2 ** -127,
  2 ** -149,
  -(2 ** -149),
  2 ** 23 + 1,
  2 ** 24,
  1e10,
  -1e10,
  2 ** 28,
  2 ** 31,
  1e30,
  -1e30,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
].map(Math.fround);

function grid([low, high]: readonly [number, number], points: number): number[] {
  return Array.from({ length: points }, (_, i) => Math.fround(low + ((high - low) * i) / (points - 1)));
}

/** Rows of arguments: every combination of the axes. */
function combinations(axes: readonly (readonly number[])[]): number[][] {
  return axes.reduce<number[][]>((rows, axis) => rows.flatMap((row) => axis.map((x) => [...row, x])), [[]]);
}

/** Applies one op to rows of arguments of one dtype. */
async function apply(machine: Machine, op: PointwiseName, type: DType, rows: readonly number[][]): Promise<number[]> {
  const record = pointwiseTable[op];
  const types: DType[] = Array.from({ length: record.arity }, (_, i) => (op === 'where' && i === 0 ? 'bool' : type));
  const dtype: DType = record.result === 'same' ? type : record.result;
  const program = new Program({
    inputs: types,
    scalars: [],
    steps: [{ op, type, dtype, args: types.map((_, i) => i) }],
    outputs: [record.arity],
  });
  const inputs = types.map((inputType, i) =>
    strided(
      machine.put(
        rows.map((row) => row[i] ?? 0),
        inputType,
      ),
      1,
    ),
  );
  const output = strided(machine.room(rows.length, dtype), 1);
  machine.run({ kind: 'pointwise', program, shape: [rows.length], inputs, scalars: [], outputs: [output] });
  const result = await machine.get(output, rows.length);
  for (const operand of [...inputs, output]) machine.backend.free(operand.buffer);
  return result;
}

/** IEEE 754's pow(±1, ±infinity) and pow(1, NaN) are 1, where JavaScript says NaN. */
const isOurs = (op: PointwiseName, [a = 0, b = 0]: readonly number[]) =>
  op === 'pow' && Math.abs(a) === 1 && !Number.isFinite(b) && (a === 1 || !Number.isNaN(b));

function expectWithin(op: PointwiseName, record: PointwiseOp, rows: readonly number[][], got: readonly number[]): void {
  const { ulp, absolute = 0 } = record.samples.cpu ?? { ulp: 2 };
  const failures = rows.flatMap((row, i) => {
    const want = isOurs(op, row) ? 1 : Math.fround(record.reference(...row));
    const value = got[i] ?? Number.NaN;
    // Records with an absolute part grant it for |x| up to 10; beyond, it grows with |x|: two ulp of it.
    const granted = absolute > 0 ? Math.max(absolute, Math.abs(row[0] ?? 0) * 2 ** -22) : 0;
    const fits = Object.is(value, want) || ulpDistance(value, want) <= ulp || Math.abs(value - want) <= granted;
    return fits ? [] : [`${op}(${row.join(', ')}): got ${value}, expected ${want}, ${ulpDistance(value, want)} ulp`];
  });
  expect(failures.slice(0, 5)).toEqual([]);
}

/** What a dtype keeps of a whole number. */
const stored = (dtype: DType, value: number) =>
  dtype === 'bool' ? value & 1 : dtype === 'uint8' ? value & 255 : value | 0;

const INTS = {
  int32: [-7, -3, -2, -1, 0, 1, 2, 3, 5, 100, 46340, -46341],
  uint8: [0, 1, 2, 3, 7, 100, 200, 255],
  bool: [0, 1],
};

eachBuild('the pointwise table', (machine) => {
  const records = pointwiseNames.filter((op) => op !== 'cast' && op !== 'index' && op !== 'uniform' && op !== 'where');
  for (const op of records) {
    const record: PointwiseOp = pointwiseTable[op];
    if (record.domain.includes('float')) {
      it(`${op} float32`, async () => {
        const { intervals } = record.samples;
        const dense = combinations(intervals.map((interval) => grid(interval, intervals.length === 1 ? 4001 : 65)));
        const ends = combinations(intervals.map(() => EXTREMES));
        const rows = [...dense, ...ends];
        expectWithin(op, record, rows, await apply(machine(), op, 'float32', rows));
      });
    }
    for (const type of record.domain.flatMap((category) => (category === 'float' ? [] : DTYPES[category]))) {
      it(`${op} ${type}`, async () => {
        const rows = combinations(record.samples.intervals.map(() => INTS[type])).filter(
          ([, b]) => op !== 'remainder' || b !== 0,
        );
        const want = rows.map((row) => stored(record.result === 'bool' ? 'bool' : type, record.reference(...row)));
        expect(await apply(machine(), op, type, rows)).toEqual(want);
      });
    }
  }

  it('where selects by its condition in every dtype', async () => {
    for (const type of ['float32', 'int32', 'uint8', 'bool'] as const) {
      const values = type === 'float32' ? [0.5, -3, Number.NaN, Number.POSITIVE_INFINITY] : INTS[type];
      const rows = combinations([[0, 1], values, values]);
      expect(await apply(machine(), 'where', type, rows)).toEqual(rows.map(([c, a, b]) => (c ? a : b)));
    }
  });

  it('wraps whole numbers', async () => {
    const big = [
      [2147483647, 2],
      [-2147483648, -1],
    ];
    expect(await apply(machine(), 'add', 'int32', big)).toEqual([-2147483647, 2147483647]);
    expect(await apply(machine(), 'mul', 'int32', [[123456789, 987654321]])).toEqual([Math.imul(123456789, 987654321)]);
    expect(
      await apply(machine(), 'remainder', 'int32', [
        [-2147483648, -1],
        [5, 0],
      ]),
    ).toEqual([0, 0]);
  });

  it('casts between all dtypes', async () => {
    const values: Record<string, number[]> = {
      float32: [0, 1, -1.7, 2.9, 255, 256.5, -0.25, 1e10, -1e10, Number.NaN],
      int32: [0, 1, -1, 255, 256, -300, 2147483647],
      uint8: [0, 1, 17, 255],
      bool: [0, 1],
    };
    const saturated = (x: number) =>
      Number.isNaN(x) ? 0 : Math.max(-2147483648, Math.min(2147483647, Math.trunc(x))) + 0;
    const to: Record<string, (x: number) => number> = {
      float32: Math.fround,
      int32: saturated,
      uint8: (x) => saturated(x) & 255,
      bool: (x) => Number(x !== 0),
    };
    for (const from of ['float32', 'int32', 'uint8', 'bool'] as const) {
      for (const dtype of ['float32', 'int32', 'uint8', 'bool'] as const) {
        const x = values[from] ?? [];
        const program = new Program({
          inputs: [from],
          scalars: [],
          steps: [{ op: 'cast', type: from, dtype, args: [0] }],
          outputs: [1],
        });
        const output = strided(machine().room(x.length, dtype), 1);
        const inputs = [strided(machine().put(x, from), 1)];
        machine().run({ kind: 'pointwise', program, shape: [x.length], inputs, scalars: [], outputs: [output] });
        expect(await machine().get(output, x.length), `${from} to ${dtype}`).toEqual(x.map((v) => to[dtype]?.(v)));
      }
    }
  });

  it('draws the bits of Philox, whatever the length', async () => {
    const [seedLow, seedHigh, offset] = [0xdeadbeef, 0x12345678, 0xfffffff0];
    const program = new Program({
      inputs: [],
      scalars: ['int32', 'int32', 'int32'],
      steps: [
        { op: 'uniform', type: 'int32', dtype: 'float32', args: [0, 1, 2] },
        { op: 'index', type: 'int32', dtype: 'int32', args: [] },
      ],
      outputs: [3, 4],
    });
    for (const shape of [[1], [5], [63], [3, 1000], [7, 11, 13]]) {
      const count = shape.reduce((a, b) => a * b, 1);
      const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
      const uniform = strided(machine().room(count), ...strides);
      const index = strided(machine().room(count, 'int32'), ...strides);
      const request = { kind: 'pointwise', program, shape, inputs: [], outputs: [uniform, index] } as const;
      machine().run({ ...request, scalars: [seedLow, seedHigh, offset] });
      const want = Array.from({ length: count }, (_, i) => philoxUniform(i, seedLow, seedHigh, offset));
      expect(await machine().get(uniform, count)).toEqual(want);
      expect(await machine().get(index, count)).toEqual(want.map((_, i) => i));
    }
  });
});

describe('the table', () => {
  it('has samples for every record, so that none goes untested', () => {
    for (const op of pointwiseNames)
      expect(pointwiseTable[op].samples.intervals.length).toBe(op === 'uniform' ? 0 : pointwiseTable[op].arity);
  });
});
