// Fused programs on the CPU: how operands are walked (in place, by strides, repeated), how values share registers, and what an
// output may share with an input. The arithmetic is exact here, so results are compared for equality.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { Program, type Step } from '../../../packages/tensor/src/fuse/program.js';
import { contiguousStrides, numel } from '../../../packages/tensor/src/shape.js';
import { eachBuild, type Machine, strided } from './machine.js';

type Parts = Omit<Program, 'key'>;

const float = (op: Step['op'], ...args: number[]): Step => ({ op, type: 'float32', dtype: 'float32', args });

/** Whole numbers, small enough that sums and products of a few are exact in float32. */
const counting = (length: number, from = 0) => Array.from({ length }, (_, i) => ((i + from) % 61) - 30);

interface View {
  /** Where the first element lies, and the step of each dim. */
  offset: number;
  strides: readonly number[];
}

const dense = (shape: readonly number[], offset = 0): View => ({ offset, strides: contiguousStrides(shape) });

/** Elements a view spans from the start of its buffer. */
const span = ({ offset, strides }: View, shape: readonly number[]) =>
  numel(shape) === 0 ? 0 : offset + 1 + strides.reduce((sum, stride, d) => sum + stride * ((shape[d] ?? 1) - 1), 0);

/** The place of a row-major index in a view. */
function placeOf(index: number, shape: readonly number[], { offset, strides }: View): number {
  let place = offset;
  let rest = index;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d] ?? 1;
    place += (rest % size) * (strides[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  return place;
}

const evaluate: Partial<Record<Step['op'], (...args: number[]) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  neg: (a) => -a,
  maximum: Math.max,
  minimum: Math.min,
  relu: (a) => Math.max(a, 0),
  lt: (a, b) => Number(a < b),
  where: (c, a, b) => (c ? a : b),
  cast: (a) => a,
};

/** Runs a program over views of counting buffers and compares every output with the steps evaluated one element at a time. */
async function check(
  machine: Machine,
  parts: Parts,
  shape: number[],
  inputs: View[],
  outputs: View[],
  scalars: number[] = [],
) {
  const data = inputs.map((view, i) => counting(span(view, shape), 7 * i));
  const buffers = data.map((values, i) => machine.put(values, parts.inputs[i] ?? 'float32'));
  const dtypes = parts.outputs.map((value): DType => {
    const step = parts.steps[value - parts.inputs.length - parts.scalars.length];
    return step?.dtype ?? parts.inputs[value] ?? 'float32';
  });
  const targets = outputs.map((view, o) => machine.room(span(view, shape) + 20, dtypes[o] ?? 'float32'));
  machine.run({
    kind: 'pointwise',
    program: new Program(parts),
    shape,
    inputs: inputs.map((view, i) => ({
      ...strided(buffers[i] ?? machine.put([]), ...view.strides),
      offset: view.offset,
    })),
    scalars,
    outputs: outputs.map((view, o) => ({
      ...strided(targets[o] ?? machine.put([]), ...view.strides),
      offset: view.offset,
    })),
  });
  for (const [o, view] of outputs.entries()) {
    const target = targets[o] ?? machine.put([]);
    const length = span(view, shape) + 20;
    const want = new Array<number>(length).fill(target.dtype === 'float32' ? Math.fround(12345.678) : 77);
    for (let index = 0; index < numel(shape); index++) {
      const values = [...inputs.map((input, i) => data[i]?.[placeOf(index, shape, input)] ?? 0), ...scalars];
      for (const { op, args } of parts.steps)
        values.push(evaluate[op]?.(...args.map((arg) => values[arg] ?? 0)) ?? Number.NaN);
      want[placeOf(index, shape, view)] = (values[parts.outputs[o] ?? 0] ?? 0) + 0;
    }
    expect(
      (await machine.get(target, length)).map((value) => value + 0),
      `output ${o} of ${JSON.stringify(shape)}`,
    ).toEqual(want);
  }
  for (const { buffer } of [...buffers, ...targets]) machine.backend.free(buffer);
}

const LENGTHS = [0, 1, 3, 5, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 5000];

eachBuild('fused programs', (machine) => {
  it('covers every length, from every offset, and writes nothing beyond', async () => {
    const parts: Parts = {
      inputs: ['float32', 'float32'],
      scalars: ['float32'],
      steps: [float('mul', 0, 2), float('add', 3, 1)],
      outputs: [4],
    };
    for (const length of LENGTHS) {
      for (const offset of [0, 1, 3])
        await check(
          machine(),
          parts,
          [length],
          [dense([length], offset), dense([length])],
          [dense([length], offset + 2)],
          [3],
        );
    }
  });

  it('walks rows, columns, repeated and gapped operands', async () => {
    const parts: Parts = {
      inputs: ['float32', 'float32', 'float32', 'float32'],
      scalars: [],
      steps: [float('add', 0, 1), float('mul', 4, 2), float('sub', 5, 3), float('relu', 6)],
      outputs: [7],
    };
    for (const [rows, columns] of [
      [1, 1],
      [3, 5],
      [5, 3],
      [64, 17],
      [17, 64],
      [2, 1500],
      [1500, 2],
      [129, 127],
    ] as const) {
      const shape = [rows, columns];
      await check(
        machine(),
        parts,
        shape,
        [
          dense(shape),
          { offset: 1, strides: [0, 1] },
          { offset: 2, strides: [1, 0] },
          { offset: 0, strides: [1, rows] },
        ],
        [dense(shape)],
      );
      await check(
        machine(),
        parts,
        shape,
        [{ offset: 3, strides: [2 * columns, 2] }, { offset: 0, strides: [0, 0] }, dense(shape), dense(shape)],
        [{ offset: 1, strides: [columns + 3, 1] }],
      );
      await check(
        machine(),
        parts,
        shape,
        [dense(shape), dense(shape), dense(shape), dense(shape)],
        [{ offset: 0, strides: [1, rows] }],
      );
    }
  });

  it('walks many dims', async () => {
    const shape = [2, 3, 1, 4, 5];
    const parts: Parts = { inputs: ['float32', 'float32'], scalars: [], steps: [float('sub', 0, 1)], outputs: [2] };
    const turned = { offset: 4, strides: [5, 40, 120, 10, 1] };
    const repeated = { offset: 0, strides: [0, 1, 0, 0, 3] };
    await check(machine(), parts, shape, [turned, repeated], [dense(shape)]);
    await check(machine(), { ...parts, steps: [float('add', 0, 1)] }, shape, [dense(shape), turned], [turned]);
    await check(machine(), parts, [], [dense([], 3), dense([])], [dense([], 1)]);
  });

  it('copies, turning rows into columns where the strides say so', async () => {
    const parts: Parts = { inputs: ['float32'], scalars: [], steps: [], outputs: [0] };
    for (const [rows, columns] of [
      [1, 7],
      [4, 4],
      [5, 9],
      [31, 33],
      [32, 64],
      [65, 127],
      [3, 200],
    ] as const) {
      const shape = [rows, columns];
      await check(machine(), parts, shape, [{ offset: 1, strides: [1, rows + 2] }], [dense(shape, 3)]);
      await check(machine(), parts, shape, [dense(shape)], [{ offset: 0, strides: [1, rows] }]);
    }
    // The heads of an attention: [batch, time, heads, width] read as [batch, heads, time, width], and as [batch, heads, width, time].
    const [b, t, h, w] = [2, 9, 3, 8];
    await check(
      machine(),
      parts,
      [b, h, t, w],
      [{ offset: 0, strides: [t * h * w, w, h * w, 1] }],
      [dense([b, h, t, w])],
    );
    await check(
      machine(),
      parts,
      [b, h, w, t],
      [{ offset: 0, strides: [t * h * w, w, 1, h * w] }],
      [dense([b, h, w, t])],
    );
    await check(machine(), { ...parts, inputs: ['bool'] }, [40], [dense([40])], [dense([40])]);
  });

  it('fills with a scalar, and writes inputs and repeated values as outputs', async () => {
    await check(
      machine(),
      { inputs: [], scalars: ['float32'], steps: [], outputs: [0] },
      [100],
      [],
      [dense([100])],
      [2.5],
    );
    const parts: Parts = {
      inputs: ['float32', 'int32'],
      scalars: ['float32'],
      steps: [float('mul', 0, 2), { op: 'cast', type: 'float32', dtype: 'int32', args: [3] }],
      outputs: [3, 0, 1, 3, 4, 2],
    };
    for (const length of [5, 64, 1500]) {
      const view = dense([length]);
      await check(machine(), parts, [length], [view, view], [view, view, view, view, view, view], [3]);
    }
  });

  it('keeps values apart that live at once, and lets registers serve again', async () => {
    // A ladder of 40 steps, each reading two values far apart, so that many live at once and many die.
    const steps: Step[] = [];
    for (let k = 0; k < 40; k++)
      steps.push(float(k % 3 === 0 ? 'sub' : k % 3 === 1 ? 'maximum' : 'minimum', k + 1, Math.floor(k / 2)));
    const parts: Parts = { inputs: ['float32', 'float32'], scalars: [], steps, outputs: [41, 20, 7] };
    const view = dense([1300]);
    await check(machine(), parts, [1300], [view, view], [view, view, view]);
    const selection: Parts = {
      inputs: ['float32', 'float32'],
      scalars: [],
      steps: [
        { op: 'lt', type: 'float32', dtype: 'bool', args: [0, 1] },
        float('where', 2, 0, 1),
        float('where', 2, 1, 0),
      ],
      outputs: [3, 4, 2],
    };
    await check(machine(), selection, [77], [dense([77]), dense([77], 1)], [dense([77]), dense([77]), dense([77])]);
  });

  it('updates in place, whatever else still reads the old values', async () => {
    for (const length of [5, 64, 1040, 3000]) {
      const x = counting(length);
      const y = counting(length, 11);
      // x ← x + y, and after that y ← x - y of the old x.
      const program = new Program({
        inputs: ['float32', 'float32'],
        scalars: [],
        steps: [float('add', 0, 1), float('sub', 0, 1)],
        outputs: [2, 3],
      });
      const [a, b] = [strided(machine().put(x), 1), strided(machine().put(y), 1)];
      machine().run({ kind: 'pointwise', program, shape: [length], inputs: [a, b], scalars: [], outputs: [a, b] });
      expect(await machine().get(a, length)).toEqual(x.map((value, i) => value + (y[i] ?? 0)));
      expect(await machine().get(b, length)).toEqual(x.map((value, i) => value - (y[i] ?? 0)));
      // Two buffers exchanged.
      const swap = new Program({ inputs: ['float32', 'float32'], scalars: [], steps: [], outputs: [1, 0] });
      const [p, q] = [strided(machine().put(x), 1), strided(machine().put(y), 1)];
      machine().run({
        kind: 'pointwise',
        program: swap,
        shape: [length],
        inputs: [p, q],
        scalars: [],
        outputs: [p, q],
      });
      expect(await machine().get(p, length)).toEqual(y);
      expect(await machine().get(q, length)).toEqual(x);
    }
    // In place through a view with gaps.
    const view = { ...strided(machine().put(counting(40)), 8, 2), offset: 1 };
    const double = new Program({ inputs: ['float32'], scalars: [], steps: [float('add', 0, 0)], outputs: [1] });
    machine().run({ kind: 'pointwise', program: double, shape: [5, 3], inputs: [view], scalars: [], outputs: [view] });
    const want = counting(40);
    for (let i = 0; i < 5; i++)
      for (let j = 0; j < 3; j++) want[1 + 8 * i + 2 * j] = 2 * (want[1 + 8 * i + 2 * j] ?? 0);
    expect(await machine().get({ ...view, offset: 0 }, 40)).toEqual(want);
  });

  it('runs as many inputs as it promises to', async () => {
    const count = machine().backend.maxPointwiseInputs;
    const steps = Array.from({ length: count - 1 }, (_, k) => float('add', k === 0 ? 0 : count + k - 1, k + 1));
    const parts: Parts = { inputs: new Array(count).fill('float32'), scalars: [], steps, outputs: [2 * count - 2] };
    // Columns and rows by turns, so that most inputs need a buffer.
    const views = Array.from(
      { length: count },
      (_, i): View => ({ offset: 0, strides: i % 2 === 0 ? [1, 30] : [0, 1] }),
    );
    await check(machine(), parts, [30, 70], views, [dense([30, 70])]);
  });

  it('agrees with the steps evaluated one by one, whatever the program and its views', async () => {
    const ops = ['add', 'sub', 'maximum', 'minimum', 'neg'] as const;
    const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 33, 70));
    await fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 3 }),
        fc.array(
          fc.record({
            offset: fc.nat(3),
            order: fc.nat(),
            keep: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
          }),
          { minLength: 1, maxLength: 3 },
        ),
        fc.array(fc.tuple(fc.constantFrom(...ops), fc.nat(), fc.nat()), { maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        async (shape, views, plan, wanted) => {
          const inputs = views.map(({ offset, order, keep }): View => {
            // Some order of the dims in memory, some of them repeated.
            const dims = shape.map((_, d) => d).sort((a, b) => ((a * 7 + order) % 5) - ((b * 7 + order) % 5));
            const strides = new Array<number>(shape.length).fill(0);
            let step = 1;
            for (const d of dims) {
              if (!keep[d]) continue;
              strides[d] = step;
              step *= shape[d] ?? 1;
            }
            return { offset, strides };
          });
          const steps = plan.map(([op, a, b], k) => {
            const known = inputs.length + 1 + k;
            return op === 'neg' ? float(op, a % known) : float(op, a % known, b % known);
          });
          const values = inputs.length + 1 + steps.length;
          const parts: Parts = {
            inputs: inputs.map(() => 'float32'),
            scalars: ['float32'],
            steps,
            outputs: wanted.map((value) => value % values),
          };
          await check(
            machine(),
            parts,
            shape,
            inputs,
            wanted.map((_, o) => dense(shape, o)),
            [5],
          );
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });
});
