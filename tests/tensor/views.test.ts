// Views, broadcasting and indexing against a plain reference: a tensor as a function from index to value.
import { diag, grad, noGrad, ShapeError, type Tensor, tensor } from '@course/tensor';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

interface Reference {
  readonly shape: readonly number[];
  at(index: readonly number[]): number;
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (list, size) => list.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

const flat = ({ shape, at }: Reference): number[] => indices(shape).map(at);

function start(shape: readonly number[]): { x: Tensor; reference: Reference } {
  const values = Float32Array.from({ length: count(shape) }, (_, i) => i + 1);
  const reference: Reference = {
    shape,
    at: (index) => values[index.reduce((sum, i, d) => sum * (shape[d] ?? 1) + i, 0)] ?? 0,
  };
  return { x: tensor(values, { shape }), reference };
}

/** One random view op, applied to both. */
type Step = readonly [kind: number, a: number, b: number];

function apply(x: Tensor, r: Reference, [kind, a, b]: Step): { x: Tensor; r: Reference } {
  const rank = r.shape.length;
  const d = rank > 0 ? a % rank : 0;
  const size = r.shape[d] ?? 1;
  switch (kind % 7) {
    case 0: {
      if (rank < 2) break;
      const e = b % rank;
      const swap = <T>(list: readonly T[]): T[] =>
        list.map((value, i) => (i === d ? list[e] : i === e ? list[d] : value) as T);
      return { x: x.transpose(d, e), r: { shape: swap(r.shape), at: (index) => r.at(swap(index)) } };
    }
    case 1: {
      if (rank === 0) break;
      const from = b % (size + 1);
      return {
        x: x.slice(...Array.from({ length: d }, () => ':' as const), [from, null]),
        r: { shape: r.shape.with(d, size - from), at: (index) => r.at(index.with(d, (index[d] ?? 0) + from)) },
      };
    }
    case 2: {
      if (rank === 0 || size === 0) break;
      const at = b % size;
      return {
        x: x.select(d, at - size),
        r: { shape: r.shape.toSpliced(d, 1), at: (index) => r.at(index.toSpliced(d, 0, at)) },
      };
    }
    case 3:
      if (rank >= 4) break;
      return {
        x: x.unsqueeze(d),
        r: { shape: r.shape.toSpliced(d, 0, 1), at: (index) => r.at(index.toSpliced(d, 1)) },
      };
    case 4: {
      if (size !== 1 || rank === 0) break;
      const wide = (b % 3) + 1;
      return {
        x: x.expand(r.shape.with(d, wide)),
        r: { shape: r.shape.with(d, wide), at: (index) => r.at(index.with(d, 0)) },
      };
    }
    case 5: {
      if (rank === 0) break;
      const step = (b % 3) + 1;
      return {
        x: x.slice(...Array.from({ length: d }, () => ':' as const), [null, null, step]),
        r: {
          shape: r.shape.with(d, Math.ceil(size / step)),
          at: (index) => r.at(index.with(d, (index[d] ?? 0) * step)),
        },
      };
    }
    default: {
      const values = flat(r);
      const shape =
        b % 2 === 0
          ? [values.length]
          : rank >= 2
            ? [(r.shape[0] ?? 1) * (r.shape[1] ?? 1), ...r.shape.slice(2)]
            : r.shape;
      return {
        x: x.reshape(shape),
        r: { shape, at: (index) => values[index.reduce((sum, i, k) => sum * (shape[k] ?? 1) + i, 0)] ?? 0 },
      };
    }
  }
  return { x, r };
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
const steps = fc.array(fc.tuple(fc.nat(6), fc.nat(11), fc.nat(11)), { maxLength: 6 });

onEachDevice('views', () => {
  it('are what the reference says after any chain of view ops, read directly and through arithmetic', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, steps, async (shape, chain) => {
        let { x, reference: r } = start(shape);
        for (const step of chain) ({ x, r } = apply(x, r, step));
        expect(x.shape).toEqual(r.shape);
        expect([...(await x.data())]).toEqual(flat(r));
        expect([...(await x.mul(2).add(x).data())]).toEqual(flat(r).map((v) => 3 * v));
        if (x.ndim > 0) expect(await x.sum().item()).toBe(flat(r).reduce((a, b) => a + b, 0));
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('send gradients back to where elements came from', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, steps, async (shape, chain) => {
        const { x: base, reference } = start(shape);
        const leaf = base.requiresGrad_();
        let x: Tensor = leaf;
        let r = reference;
        for (const step of chain) ({ x, r } = apply(x, r, step));
        const values = flat(r);
        if (values.length === 0 || !x.requiresGrad || x === leaf) return;
        const weights = values.map((_, i) => i + 1);
        x.mul(tensor(weights.length > 0 ? Float32Array.from(weights) : new Float32Array(), { shape: x.shape }))
          .sum()
          .backward();
        // Values name their origin: element v came from place v - 1.
        const expected = new Array<number>(count(shape)).fill(0);
        for (const [i, value] of values.entries()) expected[value - 1] = (expected[value - 1] ?? 0) + (i + 1);
        expect([...((await leaf.grad?.data()) ?? [])]).toEqual(expected);
      }),
      { numRuns: 100, seed: 11 },
    );
  });

  it('broadcast like PyTorch, any pair of shapes', async () => {
    const size = fc.constantFrom(1, 2, 3);
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 3 }), fc.array(size, { maxLength: 3 }), async (a, b) => {
        const rank = Math.max(a.length, b.length);
        const pad = (shape: readonly number[]): number[] => [
          ...Array.from({ length: rank - shape.length }, () => 1),
          ...shape,
        ];
        const [pa, pb] = [pad(a), pad(b)];
        const fits = pa.every((n, d) => n === pb[d] || n === 1 || pb[d] === 1);
        const [x, y] = [start(a), start(b)];
        if (!fits) {
          expect(() => x.x.add(y.x)).toThrow(ShapeError);
          return;
        }
        const out = pa.map((n, d) => (n === 1 ? (pb[d] ?? 1) : n));
        const pick = (r: Reference, padded: readonly number[], index: readonly number[]): number =>
          r.at(index.map((i, d) => (padded[d] === 1 ? 0 : i)).slice(rank - r.shape.length));
        const expected = indices(out).map((index) => pick(x.reference, pa, index) * 10 + pick(y.reference, pb, index));
        const sum = x.x.mul(10).add(y.x);
        expect(sum.shape).toEqual(out);
        expect([...(await sum.data())]).toEqual(expected);
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  it('indexes as the API page shows', async () => {
    const { x } = start([2, 4, 3]);
    expect(x.slice(':', [1, 3], null, -1).shape).toEqual([2, 2, 1]);
    expect(await x.slice(':', [1, 3], null, -1).toArray()).toEqual([
      [[6], [9]],
      [[18], [21]],
    ]);
    expect(x.slice('...', 0).shape).toEqual([2, 4]);
  });

  it('are not what diag makes of a matrix', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    diag(x).zero_();
    x.diagonal().add_(1);
    expect(await x.toArray()).toEqual([
      [2, 2],
      [3, 5],
    ]);
  });

  it('are not what repeats: that is written to alone, even once and of one element', async () => {
    const copies: Readonly<Record<string, (x: Tensor) => Tensor>> = {
      'repeat once': (x) => x.repeat([1, 1]),
      'repeat one element': (x) => x.narrow(0, 0, 1).repeat([2, 3]),
      'tile once': (x) => x.tile([1]),
      'repeatInterleave once': (x) => x.repeatInterleave(1),
      'repeatInterleave of one in a row': (x) => x.repeatInterleave(3, 1),
    };
    for (const [name, copy] of Object.entries(copies)) {
      const x = tensor([[1], [2]], { requiresGrad: true });
      const y = copy(x);
      const counts = await grad(y.sum(), [x])[0].toArray();
      const before = await y.detach().toArray();
      noGrad(() => y.detach().zero_());
      expect(await y.detach().sum().item(), name).toBe(0);
      expect(await x.detach().toArray(), name).toEqual([[1], [2]]);
      const each = y.numel() / (name === 'repeat one element' ? 1 : 2);
      expect(counts, name).toEqual(name === 'repeat one element' ? [[each], [0]] : [[each], [each]]);
      expect(new Set((before as number[][]).flat())).toEqual(new Set(name === 'repeat one element' ? [1] : [1, 2]));
    }
  });

  it('says what is wrong with an index or a shape', () => {
    const { x } = start([2, 3]);
    expect(() => x.slice(0, 0, 0)).toThrow('slice: too many indices for tensor of dimension 2: got 3 for [2, 3]');
    expect(() => x.select(0, 2)).toThrow('select: index 2 is out of bounds for dimension 0 with size 2');
    expect(() => x.view([4])).toThrow("view: shape '[4]' is invalid for input of size 6");
    expect(() => x.transpose(0, 1).view([6])).toThrow(/use reshape instead/);
    expect(() => x.permute([0, 0])).toThrow(ShapeError);
    expect(() => x.sum(2)).toThrow('sum: Dimension out of range (expected to be in range of [-2, 1], but got 2)');
    expect(() => x.matmul(x)).toThrow('matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)');
    expect(() => tensor([[1, 2], [3]])).toThrow('tensor: expected sequence of shape [2] at dim 1 (got [1] at entry 1)');
  });
});
