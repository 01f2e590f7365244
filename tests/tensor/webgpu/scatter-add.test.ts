// Sums by index, the gradients of gathers and embeddings, in every way that their kernels take: straight, in chunks, in the order of the
// places found by comparing or by digits, in one strip or passed on from strip to strip. Against float64, with the same bits at every run.
import { expect, it } from 'vitest';
import { eachTuning, integers, noise, U } from './gpu.js';

interface Sizes {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly count: number;
}

/**
 * Sums in float64 and, for each, the most that sums in float32 of any order come to differ: the terms' magnitudes, rounded once for each of
 * the terms that meet in an element.
 */
function expected({ outer, size, inner, count }: Sizes, table: number[], values: number[], indexAt: Place) {
  const sums = Float64Array.from(table);
  const magnitudes = Float64Array.from(table, Math.abs);
  const terms = new Float64Array(table.length).fill(1);
  for (let o = 0; o < outer; o++)
    for (let p = 0; p < count; p++)
      for (let i = 0; i < inner; i++) {
        const value = values[(o * count + p) * inner + i] ?? 0;
        const index = indexAt(o, p, i);
        if (index < 0) continue;
        const at = (o * size + index) * inner + i;
        sums[at] = (sums[at] ?? 0) + value;
        magnitudes[at] = (magnitudes[at] ?? 0) + Math.abs(value);
        terms[at] = (terms[at] ?? 0) + 1;
      }
  return { sums, bounds: magnitudes.map((magnitude, at) => (terms[at] ?? 0) * U * magnitude) };
}

type Place = (o: number, p: number, i: number) => number;

function expectWithin(found: readonly number[], { sums, bounds }: ReturnType<typeof expected>): void {
  const wrong = found.findIndex((value, at) => !(Math.abs(value - (sums[at] ?? 0)) <= (bounds[at] ?? 0)));
  const what = `element ${wrong}: ${found[wrong]} for ${sums[wrong]}, within ${bounds[wrong]}`;
  expect(wrong === -1 ? 'all within' : what).toBe('all within');
}

eachTuning('scatter, adding', (gpu) => {
  const run = async (sizes: Sizes, isShared: boolean, offset = 0): Promise<void> => {
    const { outer, size, inner, count } = sizes;
    const table = noise(outer * size * inner, 1);
    const values = noise(outer * count * inner, 2);
    const places = integers(isShared ? count : outer * count * inner, size, 3);
    const strides = isShared ? [0, 1, 0] : [count * inner, inner, 1];
    const indexAt: Place = (o, p, i) => places[isShared ? p : (o * count + p) * inner + i] ?? 0;
    const index = { ...gpu().put(places, 'int32', 3), strides };
    const runs: number[][] = [];
    for (let i = 0; i < 2; i++) {
      const operands = { table: gpu().put(table, 'float32', offset), values: gpu().put(values, 'float32', offset) };
      gpu().run({ kind: 'scatter', name: 'scatterAdd', dim: 1, add: true, ...sizes, index, ...operands });
      runs.push(await gpu().get(operands.table, table.length));
    }
    expectWithin(runs[0] ?? [], expected(sizes, table, values, indexAt));
    expect(runs[1]).toEqual(runs[0]);
  };

  it.each([
    [1, 1, 1, 1],
    [1, 7, 1, 33],
    // Few elements, which chunks have for themselves.
    [1, 10, 1, 20_000],
    [2, 3, 2, 5000],
    // Many: sorted by comparing, and by one, two and three digits.
    [1, 1000, 8, 512],
    [1, 200, 9, 700],
    [3, 300, 12, 3000],
    [1, 100_000, 1, 5000],
    // One element takes all.
    [1, 1, 64, 3000],
    [5, 2, 33, 600],
  ])('with one index for all columns of [%i, %i, %i] at %i places', async (outer, size, inner, count) => {
    await run({ outer, size, inner, count }, true);
    await run({ outer, size, inner, count }, true, 5);
  });

  it.each([
    [4, 50, 1, 1000],
    [2, 4000, 3, 2000],
    [3, 7, 5, 1000],
    [300, 5, 40, 2],
    [1, 9, 1, 700],
    [2, 90, 3, 40],
  ])('with indices of their own for the columns of [%i, %i, %i] at %i places', async (outer, size, inner, count) => {
    await run({ outer, size, inner, count }, false);
  });

  it('adds integers without a rounding', async () => {
    for (const [size, count] of [
      [4, 2000],
      [900, 3000],
    ] as const) {
      const places = integers(count, size, 4);
      const table = gpu().put(new Array<number>(size).fill(2 ** 30), 'int32');
      const index = { ...gpu().put(places, 'int32'), strides: [0, 1, 0] };
      const sizes = { name: 'indexAdd', dim: 0, outer: 1, size, inner: 1, count };
      const values = gpu().put(
        Array.from({ length: count }, (_, i) => i),
        'int32',
      );
      gpu().run({ kind: 'scatter', add: true, ...sizes, table, index, values });
      const sums = new Array<number>(size).fill(2 ** 30);
      for (const [i, place] of places.entries()) sums[place] = (sums[place] ?? 0) + i;
      expect(await gpu().get(table, size)).toEqual(sums);
    }
  });

  it.each([
    ['in chunks', 3, 2000],
    ['sorted by comparing', 1000, 400],
    ['sorted by digits', 5000, 2000],
  ])('reports the smallest wrong index, %s, and adds the others', async (_, size, count) => {
    const places = integers(count, size, 5);
    places[17] = size + 5;
    places[count - 2] = size + 2;
    places[count - 1] = -1;
    const values = noise(count * 8, 6);
    const sizes = { outer: 1, size, inner: 8, count };
    const table = gpu().put(new Array<number>(size * 8).fill(0));
    const index = { ...gpu().put(places, 'int32'), strides: [0, 1, 0] };
    gpu().run({
      ...{ kind: 'scatter', name: 'indexAdd', dim: 0, add: true },
      ...{ ...sizes, table, index, values: gpu().put(values) },
    });
    await expect(gpu().get(table, size * 8)).rejects.toThrow(
      `indexAdd: index ${size + 2} is out of bounds for dimension 0 with size ${size}`,
    );
    const indexAt: Place = (_, p) => ((places[p] ?? 0) < size ? (places[p] ?? 0) : -1);
    expectWithin(await gpu().get(table, size * 8), expected(sizes, new Array(size * 8).fill(0), values, indexAt));
  });
});

eachTuning('scatter-add rows', (gpu) => {
  it.each([
    ['of one row only', 4, 8, 3000, 1, -1],
    ['of two, and padding', 7, 12, 4000, 2, 1],
    ['of some', 300, 16, 3000, 300, 5],
    ['of some, odd widths', 300, 15, 600, 300, -1],
    ['of most, few', 400, 64, 300, 400, 0],
    ['of a large vocabulary', 50_257, 4, 2048, 50_257, -1],
  ])('%s', async (_, tableRows, width, rows, distinct, paddingIndex) => {
    const places = integers(rows, distinct, 7);
    const values = noise(rows * width, 8);
    const [grad, indices] = [gpu().put(values), gpu().put(places, 'int32', 1)];
    const runs: number[][] = [];
    for (let i = 0; i < 2; i++) {
      const out = gpu().room(tableRows * width);
      gpu().run({ kind: 'scatterAddRows', rows, width, tableRows, paddingIndex, grad, indices, out });
      runs.push(await gpu().get(out, tableRows * width));
    }
    const sizes = { outer: 1, size: tableRows, inner: width, count: rows };
    const indexAt: Place = (_, p) => (places[p] === paddingIndex ? -1 : (places[p] ?? 0));
    expectWithin(runs[0] ?? [], expected(sizes, new Array(tableRows * width).fill(0), values, indexAt));
    expect(runs[1]).toEqual(runs[0]);
  });
});
