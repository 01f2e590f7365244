// Every record of the pointwise table against its float64 reference within its own WebGPU bounds, one element at a time and
// in vectors of four; special values where IEEE is promised; and the random stream bit for bit.
import { describe, expect, it } from 'vitest';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { philoxUniform } from '../../../packages/tensor/src/ops/pointwise/sources.js';
import {
  type PointwiseName,
  pointwiseNames,
  pointwiseTable,
} from '../../../packages/tensor/src/ops/pointwise/table.js';
import { noise, ulp, useGpu } from './gpu.js';

const sampled = pointwiseNames.filter((name) => pointwiseTable[name].samples.intervals.length > 0 && name !== 'cast');

/** The dtypes that an op is tested in. */
function typesOf(name: PointwiseName): DType[] {
  const { domain } = pointwiseTable[name];
  const types: DType[] = [];
  if (domain.includes('float')) types.push('float32');
  if (domain.includes('int')) types.push('int32');
  if (domain.includes('bool')) types.push('bool');
  return types;
}

function resultType(name: PointwiseName, type: DType): DType {
  const { result } = pointwiseTable[name];
  return result === 'same' ? type : result;
}

/** `where` takes a bool and two of the type, all others the type only. */
function argumentTypes(name: PointwiseName, type: DType): DType[] {
  const { arity } = pointwiseTable[name];
  return Array.from({ length: arity }, (_, i) => (name === 'where' && i === 0 ? 'bool' : type));
}

function single(name: PointwiseName, type: DType): Program {
  const inputs = argumentTypes(name, type);
  return new Program({
    inputs,
    scalars: [],
    steps: [{ op: name, type, dtype: resultType(name, type), args: inputs.map((_, i) => i) }],
    outputs: [inputs.length],
  });
}

describe('pointwise table', () => {
  const gpu = useGpu();

  /** Evaluates one op over columns of arguments. */
  async function evaluate(
    name: PointwiseName,
    type: DType,
    columns: readonly (readonly number[])[],
  ): Promise<number[]> {
    const program = single(name, type);
    const count = columns[0]?.length ?? 0;
    const out = gpu().room(count, resultType(name, type));
    gpu().run({
      kind: 'pointwise',
      program,
      shape: [count],
      inputs: columns.map((column, i) => ({ ...gpu().put(column, program.inputs[i] ?? type), strides: [1] })),
      scalars: [],
      outputs: [{ ...out, strides: [1] }],
    });
    return gpu().get(out, count);
  }

  /** Samples of each argument's interval, its ends and the kinks among them. */
  function samples(name: PointwiseName, type: DType, count: number): number[][] {
    const { intervals, kinks = [] } = pointwiseTable[name].samples;
    return argumentTypes(name, type).map((dtype, i) => {
      const [low, high] = intervals[i] ?? [0, 1];
      const values = noise(count, i + 1).map((x) => Math.fround(low + ((x + 1) / 2) * (high - low)));
      const all = [low, high, ...kinks, ...values].slice(0, count);
      if (dtype === 'bool') return all.map((_, j) => ((j * 7 + i) % 3) & 1);
      return dtype === 'int32' ? all.map((x) => Math.round(x)) : all.map(Math.fround);
    });
  }

  describe.each(sampled)('%s', (name) => {
    const op = pointwiseTable[name];
    // 1: single elements; 1030 = 4 * 257 + 2: vectors of four with a tail.
    it.each(typesOf(name).flatMap((type) => [1, 257, 1030].map((count) => [type, count] as const)))(
      'matches float64 in %s over %i elements',
      async (type, count) => {
        const columns = samples(name, type, count);
        // remainder of integers by zero has no value
        if (name === 'remainder' && type === 'int32') columns[1] = (columns[1] ?? []).map((x) => (x === 0 ? 1 : x));
        const actual = await evaluate(name, type, columns);
        // Where no bound is given the result is one of the arguments or a truth value: exact.
        const { ulp: ulps, absolute = 0 } = (type === 'float32' ? op.samples.webgpu : undefined) ?? { ulp: 0 };
        for (let i = 0; i < count; i++) {
          const args = columns.map((column) => column[i] ?? 0);
          const value = op.reference(...args);
          // Of the bits of a whole number a truth value has the last one.
          const expected = resultType(name, type) === 'bool' ? value & 1 : value;
          const error = Math.abs((actual[i] ?? Number.NaN) - Math.fround(expected));
          const allowed = ulps * ulp(expected) + absolute;
          if (!(error <= allowed)) {
            expect.fail(
              `${name}(${args.join(', ')}) = ${actual[i]}, expected ${expected}: ${error / ulp(expected)} ulp off, allowed ${allowed / ulp(expected)}`,
            );
          }
        }
      },
    );
  });

  describe('special values', () => {
    const nan = Number.NaN;
    const inf = Number.POSITIVE_INFINITY;
    const specials = [nan, inf, -inf, 0, -0, 1, -1, 2 ** -140, -(2 ** -140), 3.4e38, -3.4e38];
    const exact: PointwiseName[] = ['add', 'sub', 'mul', 'maximum', 'minimum', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'];
    // Denormals may be flushed by arithmetic, as WGSL allows; comparisons and selections see them.
    const flushes = new Set<PointwiseName>(['add', 'sub', 'mul']);

    it.each(exact)('%s follows IEEE on NaN, infinities and zeros', async (name) => {
      const values = flushes.has(name) ? specials.filter((x) => x === 0 || !(Math.abs(x) < 2 ** -126)) : specials;
      const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
      const actual = await evaluate(name, 'float32', [pairs.map(([a]) => a), pairs.map(([, b]) => b)]);
      const { reference } = pointwiseTable[name];
      const expected = pairs.map(([a, b]) => Math.fround(reference(Math.fround(a), Math.fround(b))));
      expect(actual.map((x) => x + 0)).toEqual(expected.map((x) => x + 0));
    });

    it.each(['relu', 'isNan', 'isFinite', 'neg', 'abs', 'floor', 'ceil', 'trunc'] as const)(
      '%s follows IEEE',
      async (name) => {
        const values = specials.filter((x) => x === 0 || !(Math.abs(x) < 2 ** -126));
        const actual = await evaluate(name, 'float32', [values]);
        expect(actual.map((x) => x + 0)).toEqual(
          values.map((x) => Math.fround(pointwiseTable[name].reference(Math.fround(x))) + 0),
        );
      },
    );

    it.each(['exp', 'log', 'log2', 'tanh', 'sigmoid', 'erf', 'expm1', 'log1p', 'sqrt', 'gelu', 'geluTanh'] as const)(
      '%s has its limits at infinity and passes NaN on',
      async (name) => {
        const values = [nan, inf, -inf, 0, 1000, -1000];
        const actual = await evaluate(name, 'float32', [values]);
        expect(actual).toBeClose(
          values.map((x) => Math.fround(pointwiseTable[name].reference(x))),
          { rtol: 1e-5, atol: 1e-6 },
        );
      },
    );

    it.each(['sin', 'cos'] as const)('%s keeps its digits far from zero', async (name) => {
      const values = noise(1000, 3).map((x) => Math.fround(8000 * x));
      const actual = await evaluate(name, 'float32', [values]);
      // The parts of pi/2 that are subtracted hold 44 bits: with 5100 quarter turns 2 ** -31 is lost, beside 4 ulp of values below 1.
      expect(actual).toBeClose(
        values.map((x) => pointwiseTable[name].reference(x)),
        { atol: 8 * 2 ** -24 },
      );
      expect(await evaluate(name, 'float32', [[nan, inf, -inf]])).toEqual([nan, nan, nan]);
    });

    it('log2 is exact for powers of two, denormals aside', async () => {
      const exponents = Array.from({ length: 250 }, (_, i) => i - 125);
      const actual = await evaluate('log2', 'float32', [exponents.map((e) => 2 ** e)]);
      expect(actual).toEqual(exponents);
    });

    it('raises to powers as C does', async () => {
      const pairs = [
        [0, 0],
        [0, 2],
        [0, -1],
        [-2, 3],
        [-2, 2],
        [-2, -3],
        [-2, 0.5],
        [2, 31],
        [1.5, 40],
        [-1.5, 41],
        [4, 0.5],
        [nan, 0],
        [nan, 1],
        [inf, 2],
        [inf, -1],
        [7, 1],
      ] as const;
      const actual = await evaluate('pow', 'float32', [pairs.map(([a]) => a), pairs.map(([, b]) => b)]);
      // WGSL derives other than whole powers from exp2(b * log2(a)): 3 + 2 * |b log2 a| ulp or so.
      expect(actual).toBeClose(
        pairs.map(([a, b]) => a ** b),
        { rtol: 64 * 2 ** -24 },
      );
    });

    it('takes a number from itself, and divides by itself, as IEEE does', async () => {
      const values = [nan, inf, -inf, 0, -0, 3, -1e30, 7];
      const program = new Program({
        inputs: ['float32'],
        scalars: [],
        steps: [
          { op: 'sub', type: 'float32', dtype: 'float32', args: [0, 0] },
          { op: 'div', type: 'float32', dtype: 'float32', args: [0, 0] },
        ],
        outputs: [1, 2],
      });
      const [difference, quotient] = [gpu().room(8), gpu().room(8)];
      gpu().run({
        kind: 'pointwise',
        program,
        shape: [8],
        inputs: [{ ...gpu().put(values), strides: [1] }],
        scalars: [],
        outputs: [difference, quotient].map((out) => ({ ...out, strides: [1] })),
      });
      expect(await gpu().get(difference, 8)).toEqual([nan, nan, nan, 0, 0, 0, 0, 0]);
      expect(await gpu().get(quotient, 8)).toEqual([nan, nan, nan, nan, nan, 1, 1, 1]);
    });

    it('takes infinity and NaN as scalars', async () => {
      const program = new Program({
        inputs: ['bool', 'float32'],
        scalars: ['float32', 'float32'],
        steps: [
          { op: 'where', type: 'float32', dtype: 'float32', args: [0, 2, 1] },
          { op: 'maximum', type: 'float32', dtype: 'float32', args: [1, 3] },
        ],
        outputs: [4, 5],
      });
      const [first, second] = [gpu().room(4), gpu().room(4)];
      gpu().run({
        kind: 'pointwise',
        program,
        shape: [4],
        inputs: [
          { ...gpu().put([1, 0, 1, 0], 'bool'), strides: [1] },
          { ...gpu().put([1, 2, 3, 4]), strides: [1] },
        ],
        scalars: [-inf, nan],
        outputs: [first, second].map((out) => ({ ...out, strides: [1] })),
      });
      expect(await gpu().get(first, 4)).toEqual([-inf, 2, -inf, 4]);
      expect(await gpu().get(second, 4)).toEqual([nan, nan, nan, nan]);
    });
  });

  describe('casts', () => {
    const cases: readonly [from: DType, to: DType, values: number[], expected: number[]][] = [
      ['float32', 'int32', [1.9, -1.9, 0, 7, -0.5], [1, -1, 0, 7, 0]],
      ['float32', 'bool', [0, -0, 0.1, -3, Number.NaN], [0, 0, 1, 1, 1]],
      ['float32', 'uint8', [0, 1.5, 255, 256, 3], [0, 1, 255, 0, 3]],
      ['int32', 'float32', [1, -1, 0, 16777217, 5], [1, -1, 0, 16777216, 5]],
      ['int32', 'bool', [0, 1, -1, 256, 2], [0, 1, 1, 1, 1]],
      ['int32', 'uint8', [0, 255, 256, -1, 511], [0, 255, 0, 255, 255]],
      ['bool', 'float32', [0, 1, 1, 0, 1], [0, 1, 1, 0, 1]],
      ['bool', 'int32', [0, 1, 1, 0, 1], [0, 1, 1, 0, 1]],
      ['bool', 'uint8', [0, 1, 1, 0, 1], [0, 1, 1, 0, 1]],
      ['uint8', 'float32', [0, 1, 255, 7, 128], [0, 1, 255, 7, 128]],
      ['uint8', 'int32', [0, 1, 255, 7, 128], [0, 1, 255, 7, 128]],
      ['uint8', 'bool', [0, 1, 255, 7, 0], [0, 1, 1, 1, 0]],
    ];

    it.each(cases)('%s to %s', async (from, to, values, expected) => {
      const program = new Program({
        inputs: [from],
        scalars: [],
        steps: [{ op: 'cast', type: from, dtype: to, args: [0] }],
        outputs: [1],
      });
      const out = gpu().room(5, to);
      gpu().run({
        kind: 'pointwise',
        program,
        shape: [5],
        inputs: [{ ...gpu().put(values, from), strides: [1] }],
        scalars: [],
        outputs: [{ ...out, strides: [1] }],
      });
      expect(await gpu().get(out, 5)).toEqual(expected);
    });

    it('wraps sums and products of bytes at 256', async () => {
      const program = new Program({
        inputs: ['uint8', 'uint8'],
        scalars: [],
        steps: [
          { op: 'add', type: 'uint8', dtype: 'uint8', args: [0, 1] },
          { op: 'sub', type: 'uint8', dtype: 'uint8', args: [0, 1] },
        ],
        outputs: [2, 3],
      });
      const [sum, difference] = [gpu().room(3, 'uint8'), gpu().room(3, 'uint8')];
      gpu().run({
        kind: 'pointwise',
        program,
        shape: [3],
        inputs: [
          [200, 1, 255],
          [100, 2, 255],
        ].map((values) => ({ ...gpu().put(values, 'uint8'), strides: [1] })),
        scalars: [],
        outputs: [sum, difference].map((out) => ({ ...out, strides: [1] })),
      });
      expect(await gpu().get(sum, 3)).toEqual([44, 3, 254]);
      expect(await gpu().get(difference, 3)).toEqual([100, 255, 0]);
    });
  });

  describe('sources', () => {
    const uniform = new Program({
      inputs: [],
      scalars: ['int32', 'int32', 'int32'],
      steps: [
        { op: 'uniform', type: 'int32', dtype: 'float32', args: [0, 1, 2] },
        { op: 'index', type: 'int32', dtype: 'int32', args: [] },
      ],
      outputs: [3, 4],
    });

    // 3: single elements; 1029: vectors with a tail; two dims are one line, since outputs are dense.
    it.each([[[3]], [[1029]], [[7, 9]]])('draws the numbers of Philox, and counts, over %j', async (shape) => {
      const count = shape.reduce((a, b) => a * b);
      const [values, places] = [gpu().room(count), gpu().room(count, 'int32')];
      const [seedLow, seedHigh, offset] = [0x12345678, -0x6543210f, 41];
      const strides = shape.length === 1 ? [1] : [shape[1] ?? 1, 1];
      gpu().run({
        kind: 'pointwise',
        program: uniform,
        shape,
        inputs: [],
        scalars: [seedLow, seedHigh, offset],
        outputs: [values, places].map((out) => ({ ...out, strides })),
      });
      const expected = Array.from({ length: count }, (_, i) => philoxUniform(i, seedLow, seedHigh, offset));
      expect(await gpu().get(values, count)).toEqual(expected);
      expect(await gpu().get(places, count)).toEqual(expected.map((_, i) => i));
    });
  });
});
