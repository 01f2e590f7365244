// The order of rows, whole or the first of it, against the stable sort of JavaScript: short rows, rows that are cut among threads, and
// rows full of equal elements, zeros of both signs, infinities and NaN.
import { expect, it } from 'vitest';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { eachBuild, type Machine, noise } from './machine.js';

/** NaN counts as the largest. */
const rank = (x: number) => (Number.isNaN(x) ? Number.POSITIVE_INFINITY : x);
const above = (x: number, y: number) =>
  Math.sign(rank(x) - rank(y) || Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || 0);

function order(row: readonly number[], descending: boolean): number[] {
  return row.map((_, i) => i).sort((a, b) => above(row[a] ?? 0, row[b] ?? 0) * (descending ? -1 : 1));
}

async function places(
  machine: Machine,
  row: readonly number[],
  { dtype = 'float32', descending = false, most = row.length }: { dtype?: DType; descending?: boolean; most?: number },
): Promise<number[]> {
  const out = machine.room(row.length, 'int32');
  const input = machine.put(row, dtype, 1);
  machine.run({ kind: 'sort', descending, rows: 1, length: row.length, most, input, out });
  return machine.get(out, most);
}

const rows: Record<string, (length: number) => number[]> = {
  noise: (length) => noise(length, 3),
  'few values': (length) => noise(length, 4).map((x) => Math.round(x * 2)),
  ascending: (length) => Array.from({ length }, (_, i) => i),
  descending: (length) => Array.from({ length }, (_, i) => -i),
  'all equal': (length) => new Array<number>(length).fill(7),
  strange: (length) =>
    noise(length, 5).map(
      (x, i) => [Number.NaN, 0, -0, Infinity, -Infinity, x, -x * 1e38, x * 1e-38][(i * i) % 11] ?? x,
    ),
};
const LENGTHS = [1, 2, 16, 17, 100, 5000, 70_001];

eachBuild('the order of rows', (machine) => {
  for (const [name, make] of Object.entries(rows))
    it(`is stable: ${name}`, async () => {
      for (const length of LENGTHS)
        for (const descending of [false, true]) {
          const row = make(length);
          expect(await places(machine(), row, { descending }), `${length}`).toEqual(order(row, descending));
        }
    });

  for (const [name, make] of Object.entries(rows))
    it(`begins as the whole of it does: ${name}`, async () => {
      for (const length of [16, 100, 5003])
        for (const most of [1, 2, 7, length >> 4, length >> 3, length >> 2].filter((k) => k > 0))
          for (const descending of [false, true]) {
            const row = make(length);
            const got = await places(machine(), row, { descending, most });
            expect(got, `${most} of ${length}`).toEqual(order(row, descending).slice(0, most));
          }
    });

  it('is that of integers, too', async () => {
    const ends = [2 ** 31 - 1, -(2 ** 31), 0, -1, 1];
    for (const length of [100, 3001])
      for (const most of [5, length])
        for (const descending of [false, true]) {
          const row = noise(length, 6).map((x, i) => ends[i % 9] ?? Math.round(x * 50));
          const got = await places(machine(), row, { dtype: 'int32', descending, most });
          expect(got).toEqual(order(row, descending).slice(0, most));
        }
  });
});
