// Long rows that threads share, against the same rows made element by element in doubles here: cumulative sums and products, and
// numbers at equal distances, in both builds.
import { expect, it } from 'vitest';
import type { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { eachBuild, noise } from './machine.js';

/** What a walk along the values leaves behind at each of them, in doubles. */
function walked(
  values: ArrayLike<number>,
  reverse: boolean,
  start: number,
  next: (y: number, x: number) => number,
): number[] {
  const out = new Array<number>(values.length);
  let y = start;
  for (let k = 0; k < values.length; k++) {
    const at = reverse ? values.length - 1 - k : k;
    y = next(y, values[at] ?? 0);
    out[at] = y;
  }
  return out;
}

const LENGTHS = [1, 3, 4, 7, 64, 1001, 65_535, 65_536, 65_537, 100_003];

eachBuild('long rows', (machine) => {
  it.each(LENGTHS)('are summed cumulatively: %i elements', async (length) => {
    const values = Float32Array.from(noise(2 * length, 3));
    for (const reverse of [false, true]) {
      const out = machine().room(2 * length);
      machine().run({ kind: 'scan', outer: 2, length, inner: 1, reverse, terms: machine().put(values), out });
      const got = await machine().get(out, 2 * length);
      for (const row of [0, 1]) {
        const want = walked(values.subarray(row * length, (row + 1) * length), reverse, 0, (y, x) => y + x);
        // Doubles in whatever order, then one rounding.
        for (const [i, each] of want.entries()) {
          const error = Math.abs((got[row * length + i] ?? Number.NaN) - each);
          if (!(error <= 2 ** -24 * Math.abs(each) + length * 2 ** -50))
            expect([i, got[row * length + i]]).toEqual([i, each]);
        }
      }
    }
  });

  it('keep what is infinite or not a number', async () => {
    const values = new Float32Array(80_000).fill(1);
    values[20_001] = Number.POSITIVE_INFINITY;
    values[60_003] = Number.NEGATIVE_INFINITY;
    const out = machine().room(80_000);
    machine().run({
      kind: 'scan',
      outer: 1,
      length: 80_000,
      inner: 1,
      reverse: false,
      terms: machine().put(values),
      out,
    });
    const got = await machine().get(out, 80_000);
    expect([20_000, 20_001, 60_002, 60_003, 79_999].map((i) => got[i])).toEqual([
      20_001,
      Infinity,
      Infinity,
      Number.NaN,
      Number.NaN,
    ]);
  });

  it.each(LENGTHS)('are multiplied cumulatively: %i elements', async (length) => {
    // Products that stay near 1, ones that run away to infinity, and ones that come back from beyond a float, not from beyond a double.
    const near = noise(length, 4).map((x) => 1 + x / 64);
    const runaway = noise(length, 5).map((x) => 10 ** (8 * Math.abs(x)));
    const waves = Array.from({ length }, (_, i) => (i % 100 < 50 ? 1e-4 : 1e4));
    for (const list of [near, runaway, waves]) {
      const values = Float32Array.from(list);
      for (const reverse of [false, true]) {
        const out = machine().room(length);
        machine().run({ kind: 'scan', outer: 1, length, inner: 1, reverse, factors: machine().put(values), out });
        const got = await machine().get(out, length);
        const want = walked(values, reverse, 1, (y, x) => y * x);
        for (const [i, each] of want.entries()) {
          const rounded = Math.fround(each);
          // One rounding to float32, of doubles that are off by one of theirs an element at most.
          const bound = Number.isFinite(rounded) ? (2 ** -23 + length * 2 ** -52) * Math.abs(rounded) + 2 ** -149 : 0;
          const given = got[i] ?? Number.NaN;
          if (given !== rounded && !(Math.abs(given - rounded) <= bound)) expect([i, given]).toEqual([i, rounded]);
        }
      }
    }
  });

  it.each(LENGTHS)('of numbers at equal distances have one rounding each: %i numbers', async (length) => {
    const backend = machine().backend as CpuBackend;
    for (const [first, last] of [
      [0, 1],
      [-3.5, 7.25],
      [5, -5],
      [2, 2],
    ] as const) {
      const step = Math.fround((last - first) / Math.max(1, length - 1));
      const out = machine().room(length);
      backend.drawLine(out.buffer, length, { first, last, step });
      const want = Float32Array.from({ length }, (_, i) =>
        i < length / 2 ? first + step * i : last - step * (length - 1 - i),
      );
      expect(await machine().get(out, length)).toEqual([...want]);
    }
  });
});
