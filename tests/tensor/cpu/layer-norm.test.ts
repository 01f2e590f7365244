// Layer norm and its gradients against float64. Bounds count roundings of float32 and are said where they are used.
import { expect, it } from 'vitest';
import type { Dense } from '../../../packages/tensor/src/backend/requests.js';
import { eachBuild, noise, ROUNDING, rowsOf, WIDTHS } from './machine.js';

interface Norm {
  mean: number[];
  rstd: number[];
  hat: number[];
}

function normOf(x: readonly number[], width: number, eps: number): Norm {
  const rows = rowsOf(x, width);
  const mean = rows.map((row) => row.reduce((a, b) => a + b, 0) / width);
  const rstd = rows.map(
    (row, r) => 1 / Math.sqrt(row.reduce((a, b) => a + (b - (mean[r] ?? 0)) ** 2, 0) / width + eps),
  );
  return { mean, rstd, hat: rows.flatMap((row, r) => row.map((v) => (v - (mean[r] ?? 0)) * (rstd[r] ?? 0))) };
}

eachBuild('layer norm', (machine) => {
  it('normalizes rows of every width, with and without weight and bias, far from zero too', async () => {
    for (const width of WIDTHS) {
      const rows = 3;
      for (const shift of [0, 100]) {
        const x = noise(rows * width, width).map((v) => Math.fround(v + shift));
        const weight = noise(width, 2);
        const bias = noise(width, 3);
        const { mean, rstd, hat } = normOf(x, width, 1e-5);
        for (const [hasWeight, hasBias] of [
          [true, true],
          [true, false],
          [false, true],
          [false, false],
        ] as const) {
          const [out, means, rstds] = [machine().room(rows * width), machine().room(rows), machine().room(rows)];
          machine().run({
            kind: 'layerNorm',
            rows,
            width,
            eps: 1e-5,
            input: machine().put(x),
            ...(hasWeight && { weight: machine().put(weight) }),
            ...(hasBias && { bias: machine().put(bias) }),
            out,
            mean: means,
            rstd: rstds,
          });
          // The mean is rounded once (half an ulp of `shift`), which its distance to x feels multiplied by rstd.
          const steep = Math.max(...rstd);
          const allowed = (4 * (1 + Math.max(...hat.map(Math.abs))) + 2 * shift * steep) * ROUNDING;
          const want = hat.map(
            (v, i) => v * (hasWeight ? (weight[i % width] ?? 0) : 1) + (hasBias ? (bias[i % width] ?? 0) : 0),
          );
          expect(await machine().get(out, want.length)).toBeClose(want, { atol: allowed });
          expect(await machine().get(means, rows)).toBeClose(mean, { rtol: 2 * ROUNDING, atol: 2 * ROUNDING });
          // A variance around the rounded mean is off by the square of that rounding.
          expect(await machine().get(rstds, rows)).toBeClose(rstd, {
            rtol: 8 * ROUNDING + (shift * ROUNDING * steep) ** 2,
          });
        }
      }
    }
  });

  it('has the gradients of its definition, those asked for and no others', async () => {
    for (const [rows, width] of [
      [1, 1],
      [2, 5],
      [3, 17],
      [5, 64],
      [64, 33],
      [65, 8],
      [130, 40],
      [300, 3],
    ] as const) {
      const x = noise(rows * width, 1);
      const grad = noise(rows * width, 2);
      const weight = noise(width, 3);
      const { mean, rstd, hat } = normOf(x, width, 1e-5);
      for (const hasWeight of [true, false]) {
        const scaled = grad.map((g, i) => g * (hasWeight ? (weight[i % width] ?? 0) : 1));
        const gradInput = rowsOf(scaled, width).flatMap((row, r) => {
          const h = hat.slice(r * width, (r + 1) * width);
          const average = row.reduce((a, b) => a + b, 0) / width;
          const along = row.reduce((a, b, i) => a + b * (h[i] ?? 0), 0) / width;
          return row.map((g, i) => (rstd[r] ?? 0) * (g - average - (h[i] ?? 0) * along));
        });
        const columns = (values: readonly number[]) =>
          Array.from({ length: width }, (_, j) => values.reduce((sum, v, i) => (i % width === j ? sum + v : sum), 0));
        const wantWeight = columns(grad.map((g, i) => g * (hat[i] ?? 0)));
        const wantBias = columns(grad);
        const common = {
          kind: 'layerNormBackward',
          rows,
          width,
          input: machine().put(x),
          ...(hasWeight && { weight: machine().put(weight) }),
          mean: machine().put(mean),
          rstd: machine().put(rstd),
        } as const;
        const [into, byWeight, byBias] = [machine().room(rows * width), machine().room(width), machine().room(width)];
        const steep = Math.max(...rstd);
        const most = Math.max(...hat.map(Math.abs), 1);
        const checkInput = async (operand: Dense) =>
          expect(await machine().get(operand, rows * width)).toBeClose(gradInput, {
            atol: 12 * steep * (1 + most) * most * ROUNDING,
          });
        const checkSums = async () => {
          // Sums over rows of terms up to `most`: roundings of the sum, at most 32 in a chunk, in practice fewer than sqrt(rows).
          const atol = (4 + Math.sqrt(rows)) * 4 * most * Math.sqrt(rows) * ROUNDING;
          expect(await machine().get(byWeight, width)).toBeClose(wantWeight, { atol });
          expect(await machine().get(byBias, width)).toBeClose(wantBias, { atol });
        };
        machine().run({
          ...common,
          grad: machine().put(grad),
          gradInput: into,
          gradWeight: byWeight,
          gradBias: byBias,
        });
        await checkInput(into);
        await checkSums();
        machine().run({ ...common, grad: machine().put(grad), gradWeight: byWeight });
        machine().run({ ...common, grad: machine().put(grad), gradBias: byBias });
        await checkSums();
        // The gradient of the input may take the place of that of the output.
        const place = machine().put(grad);
        machine().run({ ...common, grad: place, gradInput: place, gradWeight: byWeight, gradBias: byBias });
        await checkInput(place);
        await checkSums();
      }
    }
  });

  it('of no rows has gradients of zero', async () => {
    const [byWeight, byBias, nothing] = [machine().room(4), machine().room(4), machine().put([])];
    machine().run({
      kind: 'layerNormBackward',
      rows: 0,
      width: 4,
      grad: nothing,
      input: nothing,
      mean: nothing,
      rstd: nothing,
      gradWeight: byWeight,
      gradBias: byBias,
    });
    expect(await machine().get(byWeight, 4)).toEqual([0, 0, 0, 0]);
    expect(await machine().get(byBias, 4)).toEqual([0, 0, 0, 0]);
  });
});
