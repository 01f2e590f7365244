// The attention kernels with the tiles of software adapters and with those of GPUs, against the formula in float64.
import { describe, expect, it } from 'vitest';
import type { Strided } from '../../../packages/tensor/src/backend/requests.js';
import { dropoutOf, type Sizes, solve } from '../support/attention.js';
import { eachTuning, noise, U } from './gpu.js';

interface Case extends Sizes {
  readonly isCausal?: boolean;
  readonly masked?: boolean;
  readonly p?: number;
}

const cases: Record<string, Case> = {
  'a tile and a bit': { matrices: 2, queries: 37, keys: 45, width: 8, valueWidth: 12 },
  'odd widths, causal': { matrices: 1, queries: 70, keys: 33, width: 5, valueWidth: 7, isCausal: true },
  'wide heads': { matrices: 1, queries: 10, keys: 12, width: 256, valueWidth: 252 },
  'one query': { matrices: 3, queries: 1, keys: 300, width: 16, valueWidth: 64 },
  'one query of many keys': { matrices: 2, queries: 1, keys: 1030, width: 16, valueWidth: 12, masked: true },
  'few queries of many keys': { matrices: 1, queries: 3, keys: 777, width: 8, valueWidth: 7, p: 0.2 },
  'mask and dropout': { matrices: 2, queries: 35, keys: 34, width: 8, valueWidth: 8, masked: true, p: 0.3 },
};

eachTuning('attention', (gpu) => {
  describe.each(Object.entries(cases))('%s', (_, sizes) => {
    it('is what the formula says, forward and backward', async () => {
      const { matrices, queries, keys, width, valueWidth, isCausal = false, masked = false, p = 0 } = sizes;
      const key = [5, 6, 7] as const;
      const values = [
        noise(matrices * queries * width, 1),
        noise(matrices * keys * width, 2),
        noise(matrices * keys * valueWidth, 3),
        noise(matrices * queries * valueWidth, 4),
      ] as const;
      const [query, ours, value, grad] = values;
      const visible = noise(queries * keys, 5).map((x) => Number(x > -0.4));
      const expected = solve({
        ...{ ...sizes, query, key: ours, value, grad, scale: 0.5, isCausal },
        ...(masked && { added: (_m, i, j) => (visible[i * keys + j] ? 0 : Number.NEGATIVE_INFINITY) }),
        ...(p > 0 && { kept: dropoutOf(sizes, p, key) }),
      });
      const matrix = (rows: number, columns: number, from?: readonly number[]): Strided => {
        const operand = from ? gpu().put(from) : gpu().room(matrices * rows * columns);
        return { ...operand, strides: [rows * columns, columns, 1] };
      };
      const request = {
        ...{ batch: [matrices], queries, keys, width, valueWidth, scale: 0.5, isCausal },
        query: matrix(queries, width, query),
        key: matrix(keys, width, ours),
        value: matrix(keys, valueWidth, value),
        ...(masked && { mask: { ...gpu().put(visible, 'bool'), strides: [0, keys, 1] } }),
        ...(p > 0 && { dropout: { p, key } }),
      };
      const output = matrix(queries, valueWidth);
      const logSumExp = gpu().room(matrices * queries);
      const [gradQuery, gradKey, gradValue] = [matrix(queries, width), matrix(keys, width), matrix(keys, valueWidth)];
      gpu().run({ kind: 'attention', ...request, out: output, logSumExp });
      const backward = { ...request, grad: matrix(queries, valueWidth, grad), output, logSumExp };
      gpu().run({ kind: 'attentionBackward', ...backward, gradQuery, gradKey, gradValue });
      // Scores are sums of at most 256 products below 1, halved; exp passes on their absolute error, gradients are sums of up to 70 terms.
      const tolerance = { rtol: 256 * U, atol: 512 * U };
      expect(await gpu().get(output, expected.output.length)).toBeClose(Array.from(expected.output), tolerance);
      for (const [operand, wanted] of [
        [gradQuery, expected.gradQuery],
        [gradKey, expected.gradKey],
        [gradValue, expected.gradValue],
      ] as const)
        expect(await gpu().get(operand, wanted.length)).toBeClose(Array.from(wanted), tolerance);
    });
  });
});
