// Softmax, its logarithm and their gradients against float64. Bounds count roundings of float32 and are said where they are used.
import { expect, it } from 'vitest';
import { eachBuild, noise, ROUNDING, rowsOf, strided, WIDTHS } from './machine.js';

function softmaxOf(row: readonly number[], scale: number): number[] {
  const scaled = row.map((x) => Math.fround(x * scale));
  const most = Math.max(...scaled);
  const e = scaled.map((x) => Math.exp(x - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
}

eachBuild('softmax', (machine) => {
  it('and its logarithm are right to a few roundings at every width', async () => {
    for (const width of WIDTHS) {
      const rows = 5;
      const x = noise(rows * width, width).map((v) => Math.fround(v * 20));
      for (const scale of [1, 0.3, -2]) {
        const out = machine().room(rows * width + 3);
        const request = {
          kind: 'softmax',
          shape: [rows, width],
          scale,
          input: machine().put(x, 'float32', 1),
          out,
        } as const;
        machine().run({ ...request, log: false });
        const want = rowsOf(x, width).flatMap((row) => softmaxOf(row, scale));
        // exp is within 1 ulp of an argument that is rounded twice (up to 40 * 2^-24 off), the quotient adds three roundings.
        expect(await machine().get(out, want.length)).toBeClose(want, {
          rtol: (2 * Math.abs(scale) * 40 + 6) * ROUNDING,
          atol: 2e-38,
        });
        machine().run({ ...request, log: true });
        // Exact to roundings of x - max (up to 80) and of the result.
        expect(await machine().get(out, want.length)).toBeClose(want.map(Math.log), { atol: 4 * 80 * ROUNDING });
        expect((await machine().get(out, want.length + 3)).slice(-3)).toEqual(
          new Array(3).fill(Math.fround(12345.678)),
        );
      }
    }
  });

  it('hides masked entries, by any strides, and gives zeros where none is left', async () => {
    const [b, h, t, s] = [3, 2, 5, 19];
    const x = noise(b * h * t * s, 4);
    const masks: [name: string, strides: number[], length: number][] = [
      ['keys', [s, 0, 0, 1], b * s],
      ['causal', [0, 0, s, 1], t * s],
      ['rows', [0, 0, 1, 0], t],
      ['full', [h * t * s, t * s, s, 1], b * h * t * s],
      ['gaps', [0, 0, 2 * s, 2], 2 * t * s],
    ];
    for (const [name, strides, length] of masks) {
      const mask = Array.from({ length }, (_, i) => Number((i * 7) % 5 > 1));
      if (name === 'keys') mask.fill(0, s, 2 * s); // The second sequence has nothing left.
      const out = machine().room(x.length);
      for (const log of [false, true]) {
        machine().run({
          kind: 'softmax',
          log,
          shape: [b, h, t, s],
          scale: 0.5,
          input: machine().put(x),
          mask: strided(machine().put(mask, 'bool'), ...strides),
          out,
        });
        const want = rowsOf(x, s).flatMap((row, r) => {
          const index = [Math.floor(r / (h * t)), Math.floor(r / t) % h, r % t];
          const start = index.reduce((sum, i, d) => sum + i * (strides[d] ?? 0), 0);
          const kept = row.map((v, j) => (mask[start + j * (strides[3] ?? 0)] ? v : Number.NEGATIVE_INFINITY));
          const values = kept.every((v) => v === Number.NEGATIVE_INFINITY) ? kept.map(() => 0) : softmaxOf(kept, 0.5);
          return log ? values.map(Math.log) : values;
        });
        expect(await machine().get(out, x.length), name).toBeClose(want, { rtol: 12 * ROUNDING, atol: 12 * ROUNDING });
      }
    }
  });

  it('follows IEEE arithmetic for NaN and infinity', async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: none } = Number;
    const rows = [
      [1, nan, 2, 3, 4],
      [1, inf, 2, 3, 4],
      [none, none, none, none, none],
      [none, 0, none, 0, none],
      [1000, 1000, none, -1000, 1000],
    ];
    const out = machine().room(25);
    machine().run({ kind: 'softmax', log: false, shape: [5, 5], scale: 1, input: machine().put(rows.flat()), out });
    const got = rowsOf(await machine().get(out, 25), 5);
    for (const r of [0, 1, 2]) expect(got[r]).toEqual(new Array(5).fill(nan));
    expect(got[3]).toEqual([0, 0.5, 0, 0.5, 0]);
    expect(got[4]).toBeClose([1 / 3, 1 / 3, 0, 0, 1 / 3], { rtol: 2 * ROUNDING });
  });

  it('has the gradient of its definition', async () => {
    for (const width of WIDTHS) {
      const rows = 4;
      const x = noise(rows * width, 1).map((v) => v * 3);
      const grad = noise(rows * width, 2);
      for (const log of [false, true]) {
        const y = rowsOf(x, width)
          .flatMap((row) => softmaxOf(row, 1))
          .map((p) => Math.fround(log ? Math.log(p) : p));
        const out = machine().room(rows * width);
        machine().run({
          kind: 'softmaxBackward',
          log,
          rows,
          width,
          scale: 0.25,
          grad: machine().put(grad),
          output: machine().put(y),
          out,
        });
        const want = rowsOf(y, width).flatMap((row, r) => {
          const g = grad.slice(r * width, (r + 1) * width);
          const inner = log ? g.reduce((a, b) => a + b, 0) : g.reduce((a, b, i) => a + b * (row[i] ?? 0), 0);
          return row.map((v, i) => 0.25 * (log ? (g[i] ?? 0) - Math.exp(v) * inner : v * ((g[i] ?? 0) - inner)));
        });
        // Differences of numbers up to the row's inner sum (below sqrt(width) + 1 for noise), three roundings.
        expect(await machine().get(out, want.length)).toBeClose(want, {
          rtol: 4 * ROUNDING,
          atol: 8 * (Math.sqrt(width) + 1) * ROUNDING,
        });
      }
    }
    machine().run({
      kind: 'softmax',
      log: false,
      shape: [0, 4],
      scale: 1,
      input: machine().put([]),
      out: machine().put([]),
    });
  });
});
