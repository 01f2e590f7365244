// The walk over the pointwise table: every op, on each device, over every layout, against its float64 reference and, if it has a
// derivative, against central differences. An op without samples cannot be in the table.
import { type DType, device, gradcheck, type Tensor, tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { pointwise } from '../../packages/tensor/src/ops/pointwise/apply.js';
import { type PointwiseName, pointwiseNames, pointwiseTable } from '../../packages/tensor/src/ops/pointwise/table.js';
import { onEachDevice } from '../support/devices.js';

// Made of places, not of values: tested where they are used (arange, dropout, casts).
const elsewhere: readonly PointwiseName[] = ['index', 'uniform', 'cast'];
const walked = pointwiseNames.filter((name) => !elsewhere.includes(name));

/** Samples spread over an interval without repeating, the same every time. */
function spread([low, high]: readonly [number, number], count: number, salt: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => low + (high - low) * (((i + 1) * 0.618033988749895 + salt * 0.37) % 1),
  );
}

const dtypeFor = (name: PointwiseName, argument: number): DType => {
  const { domain } = pointwiseTable[name];
  if (name === 'where' && argument === 0) return 'bool';
  if (domain.includes('float')) return 'float32';
  return domain.includes('int') ? 'int32' : 'bool';
};

function samples(name: PointwiseName, count: number): number[][] {
  return pointwiseTable[name].samples.intervals.map((interval, i) => {
    const values = spread(interval, count, i + name.length);
    if (dtypeFor(name, i) === 'bool') return values.map((value) => Math.round(Math.abs(value) % 1.01));
    return values.map(dtypeFor(name, i) === 'int32' ? Math.trunc : Math.fround);
  });
}

/** The distance between neighbouring float32 numbers at x. */
function ulp(x: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23);
}

function check(name: PointwiseName, args: readonly (readonly number[])[], actual: ArrayLike<number>): void {
  const { reference, samples: bounds } = pointwiseTable[name];
  const bound = device.kind === 'cpu' ? (bounds.cpu ?? { ulp: 2 }) : (bounds.webgpu ?? { ulp: 0 });
  for (let i = 0; i < actual.length; i++) {
    const given = args.map((values) => values[i % values.length] ?? 0);
    const exact = reference(...given);
    const expected = Math.fround(exact);
    const allowed = bound.ulp * ulp(expected) + (bound.absolute ?? 0);
    const error = Math.abs((actual[i] ?? Number.NaN) - expected);
    if (!(error <= allowed || Object.is(actual[i], expected)))
      expect.fail(
        `${name}(${given.join(', ')}) = ${actual[i]}, expected ${expected}: error ${error}, allowed ${allowed}`,
      );
  }
}

const run = (name: PointwiseName, args: readonly Tensor[]): Tensor => pointwise(name, args);

onEachDevice('pointwise table', () => {
  describe.each(walked)('%s', (name) => {
    it('agrees with float64 over its samples, at odd sizes', async () => {
      for (const count of [1, 3, 5, 64, 127, 1000]) {
        const args = samples(name, count);
        const out = run(
          name,
          args.map((values, i) => tensor(values, { dtype: dtypeFor(name, i) })),
        );
        expect(out.shape).toEqual([count]);
        check(name, args, await out.data());
      }
    });

    it('reads transposed and broadcast operands, scalars and nothing at all', async () => {
      const [rows, columns] = [7, 5];
      const args = samples(name, rows * columns);
      const shaped = args.map((values, i) => tensor(values, { dtype: dtypeFor(name, i), shape: [rows, columns] }));
      const transposed = await run(
        name,
        shaped.map((x) => x.transpose(0, 1)),
      ).data();
      const turn = (values: readonly number[]): number[] =>
        Array.from({ length: rows * columns }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
      check(name, args.map(turn), transposed);

      const [first = [], ...others] = args;
      const row = first.slice(0, columns);
      const broadcast = [tensor(row, { dtype: dtypeFor(name, 0) }), ...shaped.slice(1)];
      const repeated = Array.from({ length: rows }, () => row).flat();
      check(name, shaped.length > 1 ? [repeated, ...others] : [row], await run(name, broadcast).data());

      const single = args.map((values, i) => tensor(values.slice(0, 1), { dtype: dtypeFor(name, i), shape: [] }));
      const scalar = run(name, single);
      expect(scalar.shape).toEqual([]);
      check(
        name,
        args.map((values) => values.slice(0, 1)),
        await scalar.data(),
      );

      const none = run(
        name,
        shaped.map((x) => x.slice([0, 0])),
      );
      expect(none.shape).toEqual([0, columns]);
      expect(await none.data()).toHaveLength(0);
    });

    const { derivative, samples: bounds } = pointwiseTable[name];
    if (derivative) {
      it('has the derivative that differences show', async () => {
        const args = samples(name, 8).map((values, i) => {
          const [low = 0, high = 1] = bounds.intervals[i] ?? [];
          // Near 1 in size, inside the interval by a step, and away from kinks and from ties between arguments.
          const safe = values.map(
            (value) =>
              Math.min(Math.max(value / Math.max(1, Math.abs(value) / 1.5), low + 0.1), high - 0.1) + i * 0.031,
          );
          const away = safe.map((value) =>
            (bounds.kinks ?? []).reduce((x, kink) => (Math.abs(x - kink) < 0.1 ? kink + 0.15 : x), value),
          );
          const dtype = dtypeFor(name, i);
          return dtype === 'bool' ? tensor(values, { dtype }) : tensor(away, { requiresGrad: true });
        });
        // Differences of float32 values of size about 4 over 2e-2: 4 * 2^-24 / 1e-2, beside the truncation of steep ops.
        await gradcheck((...inputs) => run(name, inputs), args, {
          atol: device.kind === 'cpu' ? 4e-3 : 2e-2,
          rtol: 1e-2,
        });
      });
    }
  });

  it('promotes dtypes as PyTorch does', () => {
    const [f, i, b] = [tensor([1.5]), tensor([2], { dtype: 'int32' }), tensor([true])];
    expect(f.add(i).dtype).toBe('float32');
    expect(i.add(2).dtype).toBe('int32');
    expect(i.add(0.5).dtype).toBe('float32');
    expect(i.div(2).dtype).toBe('float32');
    expect(b.mul(2).dtype).toBe('int32');
    expect(b.add(0.5).dtype).toBe('float32');
    expect(i.eq(2).dtype).toBe('bool');
    expect(i.sqrt().dtype).toBe('float32');
    expect(i.add(tensor(0.5, { shape: [] })).dtype).toBe('float32');
    expect(b.sum().dtype).toBe('int32');
  });

  it('casts like PyTorch', async () => {
    expect(await tensor([-1.7, 0, 2.9]).to('int32').toArray()).toEqual([-1, 0, 2]);
    expect(await tensor([-1.7, 0, 2.9]).to('bool').toArray()).toEqual([true, false, true]);
    expect(await tensor([true, false]).to('float32').toArray()).toEqual([1, 0]);
    expect(await tensor([3, -4], { dtype: 'int32' }).to('float32').toArray()).toEqual([3, -4]);
  });

  it('computes integers exactly', async () => {
    const x = tensor([2 ** 30, -7, 7], { dtype: 'int32' });
    expect(await x.add(5).toArray()).toEqual([2 ** 30 + 5, -2, 12]);
    expect(await x.mul(tensor([1, 3, 5], { dtype: 'int32' })).toArray()).toEqual([2 ** 30, -21, 35]);
    expect(await x.remainder(4).toArray()).toEqual([0, 1, 3]);
    expect(await x.maximum(3).toArray()).toEqual([2 ** 30, 3, 7]);
    expect(await x.neg().abs().sign().toArray()).toEqual([1, 1, 1]);
  });
});

async function read(y: Tensor): Promise<number[]> {
  return Array.from(await y.data());
}

onEachDevice('NaN and infinity', () => {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1];
  it('follow IEEE in arithmetic, comparisons, isnan, isfinite, relu, maximum and minimum', async () => {
    const x = tensor(special);
    expect(await read(x.add(1))).toEqual(special.map((v) => v + 1));
    expect(await read(x.mul(-2))).toEqual(special.map((v) => v * -2));
    expect(await read(x.sub(x))).toEqual(special.map((v) => v - v));
    expect(await read(x.isnan())).toEqual([1, 0, 0, 0, 0]);
    expect(await read(x.isfinite())).toEqual([0, 0, 0, 1, 1]);
    expect(await read(x.eq(x))).toEqual([0, 1, 1, 1, 1]);
    expect(await read(x.ne(x))).toEqual([1, 0, 0, 0, 0]);
    expect(await read(x.lt(0))).toEqual([0, 0, 1, 0, 0]);
    expect(await read(x.ge(0))).toEqual([0, 1, 0, 1, 1]);
    expect((await read(x.relu())).map((v) => v + 0)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 0, 0, 1]);
    expect((await read(x.maximum(0.5))).map((v) => v + 0)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 0.5, 0.5, 1]);
    expect((await read(x.minimum(0.5))).map((v) => v + 0)).toEqual([Number.NaN, 0.5, Number.NEGATIVE_INFINITY, 0, 0.5]);
    expect(await read(tensor([0, 1, 2]).maskedFill(tensor([true, false, true]), Number.NEGATIVE_INFINITY))).toEqual([
      Number.NEGATIVE_INFINITY,
      1,
      Number.NEGATIVE_INFINITY,
    ]);
  });
});
