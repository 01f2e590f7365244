// Rows by index, their gradient and cross-entropy against float64 (or, where the order of a sum is promised, against the same bits).
import { expect, it } from 'vitest';
import { ArgumentError } from '../../../packages/tensor/src/errors.js';
import { eachBuild, noise, ROUNDING, rowsOf, WIDTHS } from './machine.js';

eachBuild('rows by index', (machine) => {
  const indicesOf = (rows: number, tableRows: number) =>
    Array.from({ length: rows }, (_, i) => (i * i + 3 * i) % tableRows);

  it('are gathered exactly', async () => {
    for (const [rows, width, tableRows] of [
      [1, 1, 1],
      [5, 3, 4],
      [7, 64, 10],
      [40, 65, 9],
      [3, 0, 5],
      [0, 4, 2],
      [10, 200, 3],
    ] as const) {
      const table = noise(tableRows * width, 1);
      const indices = indicesOf(rows, tableRows);
      const out = machine().room(rows * width + 2);
      machine().run({
        kind: 'gatherRows',
        rows,
        width,
        tableRows,
        table: machine().put(table),
        indices: machine().put(indices, 'int32', 2),
        out,
      });
      const want = indices.flatMap((v) => table.slice(v * width, (v + 1) * width));
      expect(await machine().get(out, want.length)).toEqual(want);
    }
  });

  it('outside the table are an error that names the first one', () => {
    const gather = (indices: number[]) => () =>
      machine().run({
        kind: 'gatherRows',
        rows: indices.length,
        width: 3,
        tableRows: 4,
        table: machine().put(noise(12, 1)),
        indices: machine().put(indices, 'int32'),
        out: machine().room(3 * indices.length),
      });
    expect(gather([0, 3, 4, -1])).toThrow(ArgumentError);
    expect(gather([0, 3, 4, -1])).toThrow('index 4 at position 2 is out of range for a table of 4 rows');
    expect(gather([0, -1])).toThrow('index -1 at position 1');
  });

  it('collect their gradients in ascending order, zeros elsewhere', async () => {
    for (const [rows, width, tableRows] of [
      [1, 1, 1],
      [5, 3, 4],
      [70, 17, 10],
      [33, 64, 5],
      [0, 4, 3],
      [50, 33, 200],
    ] as const) {
      for (const paddingIndex of [-1, 0]) {
        const grad = noise(rows * width, 2);
        const indices = indicesOf(rows, tableRows);
        const out = machine().room(tableRows * width);
        machine().run({
          kind: 'scatterAddRows',
          rows,
          width,
          tableRows,
          paddingIndex,
          grad: machine().put(grad),
          indices: machine().put(indices, 'int32'),
          out,
        });
        // The order of the sum is part of the contract, so the same sum in float32 has the same bits.
        const want = new Array<number>(tableRows * width).fill(0);
        for (const [i, v] of indices.entries()) {
          if (v === paddingIndex) continue;
          for (let j = 0; j < width; j++)
            want[v * width + j] = Math.fround((want[v * width + j] ?? 0) + (grad[i * width + j] ?? 0));
        }
        expect(await machine().get(out, want.length)).toEqual(want);
      }
    }
  });
});

eachBuild('cross-entropy', (machine) => {
  it('and its gradient are right for every number of classes, and ignore what is to be ignored', async () => {
    for (const classes of WIDTHS) {
      const rows = 6;
      const logits = noise(rows * classes, classes).map((v) => Math.fround(v * 10));
      const targets = Array.from({ length: rows }, (_, i) => (i === 2 ? -100 : (i * 5) % classes));
      const gradRows = noise(rows, 9);
      const [losses, logSumExp, out] = [machine().room(rows), machine().room(rows), machine().room(rows * classes)];
      const operands = { logits: machine().put(logits), targets: machine().put(targets, 'int32'), logSumExp };
      machine().run({ kind: 'crossEntropy', rows, classes, ignoreIndex: -100, ...operands, losses });
      machine().run({
        kind: 'crossEntropyBackward',
        rows,
        classes,
        ignoreIndex: -100,
        ...operands,
        gradRows: machine().put(gradRows),
        out,
      });
      const all = rowsOf(logits, classes);
      const lse = all.map((row) => Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)));
      expect(await machine().get(logSumExp, rows)).toBeClose(lse, { rtol: 2 * ROUNDING, atol: 4 * ROUNDING });
      const wantLosses = targets.map((t, i) => (t === -100 ? 0 : (lse[i] ?? 0) - (all[i]?.[t] ?? 0)));
      expect(await machine().get(losses, rows)).toBeClose(wantLosses, { rtol: 2 * ROUNDING, atol: 4 * ROUNDING });
      const want = all.flatMap((row, i) =>
        row.map((v, c) =>
          targets[i] === -100 ? 0 : (gradRows[i] ?? 0) * (Math.exp(v - (lse[i] ?? 0)) - Number(c === targets[i])),
        ),
      );
      // logSumExp is rounded (half an ulp of up to 17), and so is the difference to it.
      expect(await machine().get(out, want.length)).toBeClose(want, { atol: 40 * ROUNDING });
    }
  });

  it('keeps the digits of a small loss', async () => {
    const losses = machine().room(1);
    machine().run({
      kind: 'crossEntropy',
      rows: 1,
      classes: 2,
      ignoreIndex: -100,
      logits: machine().put([1000, 985]),
      targets: machine().put([0], 'int32'),
      losses,
      logSumExp: machine().room(1),
    });
    expect(await machine().get(losses, 1)).toBeClose([Math.log1p(Math.exp(-15))], { rtol: 1e-6 });
  });

  it('refuses a target that is no class', () => {
    expect(() =>
      machine().run({
        kind: 'crossEntropy',
        rows: 2,
        classes: 3,
        ignoreIndex: -100,
        logits: machine().put(noise(6, 1)),
        targets: machine().put([1, 3], 'int32'),
        losses: machine().room(2),
        logSumExp: machine().room(2),
      }),
    ).toThrow('crossEntropy: target 3 at position 1 is out of bounds for 3 classes');
  });
});
