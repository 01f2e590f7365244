// Rearranging, picking, placing and ordering against a plain reference on nested indices, for open-ended shapes, views and indices,
// on each device; and the ends of the range of shapes: no element, no dim.
import {
  adaptiveAvgPool1d,
  arange,
  avgPool1d,
  conv1d,
  einsum,
  grad,
  maxPool1d,
  mseLoss,
  oneHot,
  type Tensor,
  tensor,
  unique,
  zeros,
} from '@course/tensor';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** An array on the host: what the reference works on. */
interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The places of a shape in row-major order. */
function places(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (found, size) => found.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}

const at = ({ shape, data }: Plain, place: readonly number[]): number =>
  data[shape.reduce((index, size, d) => index * size + (place[d] ?? 0), 0)] ?? Number.NaN;

/** A new array, element by element of its place. */
const make = (shape: readonly number[], element: (place: number[]) => number): Plain => ({
  shape,
  data: places(shape).map(element),
});

async function expectEqual(actual: Tensor, expected: Plain): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  expect(Array.from(await actual.data())).toEqual(expected.data);
}

/** A tensor through a transposed view half of the time. */
function onDevice({ shape, data }: Plain, dtype: 'float32' | 'int32', turned: boolean): Tensor {
  if (!turned || shape.length < 2) return tensor([...data], { shape, dtype });
  const last = shape.length - 1;
  const turnedShape = shape.with(0, shape[last] ?? 1).with(last, shape[0] ?? 1);
  const swap = (place: readonly number[]): number[] => place.with(0, place[last] ?? 0).with(last, place[0] ?? 0);
  const stored = make(turnedShape, (place) => at({ shape, data }, swap(place)));
  return tensor([...stored.data], { shape: turnedShape, dtype }).transpose(0, last);
}

const sizes = (least: number) => fc.array(fc.integer({ min: least, max: 5 }), { minLength: 1, maxLength: 4 });

/** A shape, one of its dims, and numbers to fill it with. */
const subject = (least = 1) =>
  sizes(least).chain((shape) =>
    fc.record({
      x: fc.constant(make(shape, (place) => place.reduce((sum, i, d) => sum * 7 + i * (d + 3), 1) % 101)),
      dim: fc.integer({ min: 0, max: shape.length - 1 }),
      turned: fc.boolean(),
    }),
  );

const settings = { numRuns: 60, seed: 7 };

onEachDevice('properties', () => {
  it('gather reads, and scatterAdd adds, what the index names', async () => {
    const cases = subject().chain(({ x, dim, turned }) =>
      fc.integer({ min: 0, max: 6 }).chain((length) => {
        const shape = x.shape.with(dim, length);
        const index = fc.array(fc.nat({ max: (x.shape[dim] ?? 1) - 1 }), {
          minLength: count(shape),
          maxLength: count(shape),
        });
        return index.map((data) => ({ x, dim, turned, index: { shape, data } }));
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ x, dim, turned, index }) => {
        const [source, where] = [onDevice(x, 'float32', turned), onDevice(index, 'int32', turned)];
        const named = (place: readonly number[]): number[] => place.with(dim, at(index, place));
        await expectEqual(
          source.gather(dim, where),
          make(index.shape, (place) => at(x, named(place))),
        );
        const added = make(x.shape, (place) => at(x, place));
        const sums = [...added.data];
        for (const place of places(index.shape)) {
          const target = x.shape.reduce((flat, size, d) => flat * size + (named(place)[d] ?? 0), 0);
          sums[target] = (sums[target] ?? 0) + 2;
        }
        const twos = zeros(index.shape).add(2);
        await expectEqual(source.scatterAdd(dim, where, twos), { shape: x.shape, data: sums });
      }),
      settings,
    );
  });

  it('flip, roll, pad and repeat put every element where they say', async () => {
    await fc.assert(
      fc.asyncProperty(
        subject(0),
        fc.integer({ min: -7, max: 7 }),
        fc.nat({ max: 3 }),
        fc.nat({ max: 3 }),
        async ({ x, dim, turned }, shift, left, right) => {
          const source = onDevice(x, 'float32', turned);
          const size = x.shape[dim] ?? 0;
          const moved = (to: (i: number) => number) =>
            make(x.shape, (place) => at(x, place.with(dim, to(place[dim] ?? 0))));
          await expectEqual(
            source.flip(dim),
            moved((i) => size - 1 - i),
          );
          await expectEqual(
            source.roll(shift, dim),
            moved((i) => (((i - shift) % size) + size) % size),
          );
          const around = new Array<number>(2 * (x.shape.length - 1 - dim)).fill(0);
          const wide = x.shape.with(dim, left + size + right);
          const inside = (i: number): boolean => i >= left && i < left + size;
          const padded = make(wide, (place) => {
            const i = place[dim] ?? 0;
            return inside(i) ? at(x, place.with(dim, i - left)) : -1;
          });
          await expectEqual(source.pad([...around, left, right], { value: -1 }), padded);
          const times = x.shape.map((_, d) => (d === dim ? left : 1));
          const repeated = make(x.shape.with(dim, size * left), (place) =>
            at(x, place.with(dim, (place[dim] ?? 0) % size)),
          );
          await expectEqual(source.repeat(times), repeated);
        },
      ),
      settings,
    );
  });

  it('unfold sees every window', async () => {
    const cases = subject().chain((given) =>
      fc.record({
        given: fc.constant(given),
        size: fc.integer({ min: 1, max: given.x.shape[given.dim] ?? 1 }),
        step: fc.integer({ min: 1, max: 3 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ given: { x, dim, turned }, size, step }) => {
        const windows = Math.floor(((x.shape[dim] ?? 1) - size) / step) + 1;
        const expected = make([...x.shape.with(dim, windows), size], (place) =>
          at(x, place.slice(0, -1).with(dim, (place[dim] ?? 0) * step + (place.at(-1) ?? 0))),
        );
        await expectEqual(onDevice(x, 'float32', turned).unfold(dim, size, step), expected);
      }),
      settings,
    );
  });

  it.each([
    ['few long windows', 2000, 900, 350],
    ['many short windows', 2000, 3, 2],
    ['windows apart', 2000, 2, 5],
    ['many long windows', 400, 100, 2],
  ])('unfold adds gradients back, and again: %s', async (_, length, size, step) => {
    const weights = Array.from({ length: length * 2 }, (_, i) => ((i * 7) % 5) - 2);
    const x = tensor(weights, { shape: [length, 2], requiresGrad: true });
    const windows = x.unfold(0, size, step);
    // Of Σ x² over the windows: each element counts as often as windows hold it.
    const gradient = grad(windows.square().sum(), [x], { createGraph: true })[0];
    const starts = Array.from({ length: Math.floor((length - size) / step) + 1 }, (_, w) => w * step);
    const held = Array.from({ length }, (_, i) => starts.filter((start) => start <= i && i < start + size).length);
    expect(Array.from(await gradient.data())).toEqual(weights.map((value, i) => 2 * value * (held[i >> 1] ?? 0) + 0));
    const again = grad(gradient.mul(0.5).sum(), [x])[0];
    expect(Array.from(await again.data())).toEqual(weights.map((_, i) => held[i >> 1] ?? 0));
  });

  it('sort is the stable sort of every row', async () => {
    const numbers = fc.constantFrom(0, -0, 1, 2, -3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
    const rows = fc
      .integer({ min: 1, max: 90 })
      .chain((width) =>
        fc.array(fc.array(numbers, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 3 }),
      );
    const rank = (x: number): number => (Number.isNaN(x) ? 5 : x === Number.POSITIVE_INFINITY ? 4 : x);
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async (table, descending) => {
        const order = (row: number[]): number[] =>
          row
            .map((_, i) => i)
            .sort((a, b) => (rank(row[a] ?? 0) - rank(row[b] ?? 0) || 0) * (descending ? -1 : 1) || a - b);
        const { values, indices } = tensor(table).sort(-1, { descending });
        expect(await indices.toArray()).toEqual(table.map(order));
        expect(Array.from(await values.data())).toEqual(table.flatMap((row) => order(row).map((i) => row[i])));
      }),
      settings,
    );
  });
});

onEachDevice('tensors without elements', () => {
  const none = (): Tensor => zeros([0, 3], { requiresGrad: true });
  const index = () => tensor([], { dtype: 'int32', shape: [0, 3] });
  const cases: Readonly<Record<string, readonly [op: (x: Tensor) => Tensor, shape: readonly number[]]>> = {
    gather: [(x) => x.gather(0, index()), [0, 3]],
    scatterAdd: [(x) => x.scatterAdd(0, index(), zeros([0, 3])), [0, 3]],
    indexSelect: [(x) => x.indexSelect(1, tensor([2, 0], { dtype: 'int32' })), [0, 2]],
    flip: [(x) => x.flip([0, 1]), [0, 3]],
    roll: [(x) => x.roll(1, 0), [0, 3]],
    pad: [(x) => x.pad([1, 1, 2, 0]), [2, 5]],
    repeat: [(x) => x.repeat([2, 2]), [0, 6]],
    repeatInterleave: [(x) => x.repeatInterleave(2, 1), [0, 6]],
    unfold: [(x) => x.unfold(1, 2, 1), [0, 2, 2]],
    tril: [(x) => x.tril(), [0, 3]],
    diagonal: [(x) => x.diagonal(), [0]],
    cumsum: [(x) => x.cumsum(1), [0, 3]],
    cumprod: [(x) => x.cumprod(0), [0, 3]],
    prod: [(x) => x.prod(0), [3]],
    norm: [(x) => x.norm(0), [3]],
    sort: [(x) => x.sort(0).values, [0, 3]],
    topk: [(x) => x.topk(2, 1).values, [0, 2]],
    einsum: [(x) => einsum('ij,kj->ik', x, zeros([2, 3])), [0, 2]],
    softplus: [(x) => x.softplus(), [0, 3]],
    elu: [(x) => x.elu(), [0, 3]],
    lerp: [(x) => x.lerp(zeros([3]), 0.5), [0, 3]],
    conv1d: [(x) => conv1d(x.unsqueeze(1), zeros([2, 1, 2])), [0, 2, 2]],
    maxPool1d: [(x) => maxPool1d(x.unsqueeze(1), 2), [0, 1, 1]],
    avgPool1d: [(x) => avgPool1d(x.unsqueeze(1), 3), [0, 1, 1]],
    adaptiveAvgPool1d: [(x) => adaptiveAvgPool1d(x.unsqueeze(1), 2), [0, 1, 2]],
  };
  it.each(Object.entries(cases))('%s', async (_, [op, shape]) => {
    const x = none();
    const y = op(x);
    expect(y.shape).toEqual(shape);
    expect(await y.data()).toHaveLength(count(shape));
    y.sum().backward();
    expect(x.grad?.shape).toEqual([0, 3]);
  });

  it('mean losses of nothing are NaN, as in PyTorch', async () => {
    expect(await mseLoss(none(), zeros([0, 3])).item()).toBeNaN();
  });
});

onEachDevice('scalars', () => {
  const zero = () => tensor(0, { dtype: 'int32', shape: [] });
  const cases: Readonly<Record<string, readonly [op: (x: Tensor) => Tensor, expected: unknown]>> = {
    gather: [(x) => x.gather(0, zero()), 3],
    scatter: [(x) => x.scatter(0, zero(), 5), 5],
    scatterAdd: [(x) => x.scatterAdd(0, zero(), tensor(2, { shape: [] })), 5],
    indexSelect: [(x) => x.indexSelect(0, zero()), 3],
    flip: [(x) => x.flip(0), 3],
    repeat: [(x) => x.repeat([2]), [3, 3]],
    repeatInterleave: [(x) => x.repeatInterleave(2), [3, 3]],
    cumsum: [(x) => x.cumsum(0), 3],
    cumprod: [(x) => x.cumprod(-1), 3],
    prod: [(x) => x.prod(), 3],
    norm: [(x) => x.norm(), 3],
    sort: [(x) => x.sort(0).values, 3],
    topk: [(x) => x.topk(1, 0).values, 3],
    median: [(x) => x.median(), 3],
    einsum: [(x) => einsum(',->', x, x), 9],
    diagEmbedded: [(x) => x.reshape([1]).diag(), [[3]]],
    hardtanh: [(x) => x.hardtanh(), 1],
    fmod: [(x) => x.fmod(2), 1],
  };
  it.each(Object.entries(cases))('%s', async (_, [op, expected]) => {
    const x = tensor(3, { requiresGrad: true });
    const y = op(x);
    expect(await y.toArray()).toEqual(expected);
    if (y.requiresGrad) {
      y.sum().backward();
      expect(x.grad?.shape).toEqual([]);
    }
  });

  it('count their classes where none are given', async () => {
    const labels = tensor([2, 0], { dtype: 'int32' });
    expect(await (await oneHot(labels)).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  it('are labels and members too', async () => {
    expect(await oneHot(zero(), 3).toArray()).toEqual([1, 0, 0]);
    expect((await unique(arange(1).squeeze())).values.shape).toEqual([1]);
  });
});
