// Cases of matrix products and of attention, which is made of such.
import { noise, strided } from '../machine.js';
import type { Case } from './case.js';

/** Attention and its backward, of `matrices` matrices; queries are strided as split heads are. */
const attentionCase =
  (matrices: number, queries: number, keys: number, isCausal: boolean): Case =>
  async (machine) => {
    const [width, valueWidth] = [20, 12];
    const sizes = { batch: [matrices], queries, keys, width, valueWidth, scale: 0.3, isCausal };
    const rows = matrices * queries;
    const split = (count: number, size: number, seed: number) =>
      strided(machine.put(noise(matrices * count * size, seed)), size, matrices * size, 1);
    const dense = (count: number, size: number) =>
      strided(machine.room(matrices * count * size), count * size, size, 1);
    const operands = { query: split(queries, width, 1), key: split(keys, width, 2), value: split(keys, valueWidth, 3) };
    const mask = strided(
      machine.put(
        noise(matrices * keys, 4).map((x) => Number(x > -0.5)),
        'bool',
      ),
      keys,
      0,
      1,
    );
    const given = { ...sizes, ...operands, mask, dropout: { p: 0.2, key: [1, 2, 3] as const } };
    const [out, logSumExp] = [dense(queries, valueWidth), machine.room(rows)];
    machine.run({ kind: 'attention', ...given, out, logSumExp });
    const [gradQuery, gradKey, gradValue] = [dense(queries, width), dense(keys, width), dense(keys, valueWidth)];
    const grad = split(queries, valueWidth, 5);
    machine.run({ kind: 'attentionBackward', ...given, grad, output: out, logSumExp, gradQuery, gradKey, gradValue });
    return [
      await machine.get(out, rows * valueWidth),
      await machine.get(gradQuery, rows * width),
      await machine.get(gradKey, matrices * keys * width),
      await machine.get(gradValue, matrices * keys * valueWidth),
    ];
  };

export const products: Record<string, Case> = {
  ...Object.fromEntries(
    (
      [
        ['matmul in blocks', [2], 300, 270, 70, false, false],
        ['matmul over long sums', [], 70, 140, 1100, false, true],
        ['matmul of few rows', [3], 2, 700, 33, false, false],
        ['matmul of few columns', [], 700, 3, 33, false, true],
        ['matmul of columns', [], 150, 90, 800, true, false],
        ['matmul of columns, turned for many', [], 130, 300, 810, true, false],
      ] as const
    ).map(([name, batch, m, n, k, turnedA, turned]): [string, Case] => [
      name,
      async (machine) => {
        const matrices = batch[0] ?? 1;
        const out = machine.room(matrices * m * n);
        machine.run({
          kind: 'matmul',
          batch,
          m,
          n,
          k,
          a: {
            ...machine.put(noise(matrices * m * k, 1)),
            rowStride: turnedA ? 1 : k,
            columnStride: turnedA ? m : 1,
            batchStrides: batch.map(() => m * k),
          },
          b: {
            ...machine.put(noise(matrices * k * n, 2)),
            rowStride: turned ? 1 : n,
            columnStride: turned ? k : 1,
            batchStrides: batch.map(() => k * n),
          },
          alpha: 0.3,
          bias: machine.put(noise(n, 3)),
          activation: 'geluTanh',
          residual: machine.put(noise(matrices * m * n, 4)),
          out,
        });
        return [await machine.get(out, matrices * m * n)];
      },
    ]),
  ),
  'attention, many matrices': attentionCase(9, 150, 140, false),
  'attention, few matrices': attentionCase(2, 150, 200, true),
  'attention, keys that do not stay packed': attentionCase(2, 300, 3100, false),
  'attention, few queries': attentionCase(5, 2, 700, false),
};
