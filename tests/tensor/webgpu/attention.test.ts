// The attention kernels with the tiles of software adapters and with those of GPUs, against the formula in float64; and attention and its
// gradients by products in both, with memory for a part of the batch only, and with scores by products and by tiles.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Strided } from '../../../packages/tensor/src/backend/requests.js';
import { type Tuning, tuningTable } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import { dropoutOf, type Sizes, solve } from '../support/attention.js';
import { eachTuning, noise, U, useGpu } from './gpu.js';
import { isFollowed } from './tiles.js';

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

const [BATCH, HEADS, MOST_QUERIES, KEYS, WIDTH, VALUE_WIDTH] = [2, 3, 37, 41, 8, 12];
/** Of the weights of a matrix, whose rows are filled up to vectors. */
const BYTES = MOST_QUERIES * Math.ceil(KEYS / 4) * 16;

const { swiftshader } = tuningTable;
// Alone it takes whatever comes, few rows and odd ones too.
const largest = {
  ...swiftshader.matmul,
  tiles: swiftshader.matmul.tiles.slice(-1).map(({ leastRows: _, inVectors: __, ...tile }) => tile),
};

const parts = { 'one matrix': 1, 'two of three heads': 2.5, all: 6 };
type Part = keyof typeof parts;

/** A row that makes scores by products however few there are. */
const always = (row: Tuning): Tuning => ({
  ...row,
  attention: { ...row.attention, scoresFrom: { forward: 0, backward: 0 } },
});

describe.each([
  ['a software adapter', always(swiftshader), Object.keys(parts) as Part[]],
  ['a software adapter for large products', always({ ...swiftshader, matmul: largest }), ['two of three heads']],
  ['a software adapter for few scores', swiftshader, ['two of three heads']],
  ['a discrete adapter', tuningTable.discrete, ['two of three heads']],
  ['a discrete adapter, scores too', always(tuningTable.discrete), ['two of three heads']],
] as const)('attention by products, with the tiles of %s', (_, row, held) => {
  describe.each(held)('in memory for %s at a time', (part) => {
    const matrices = parts[part];
    // What nobody wrote must not count: scratch memory begins as NaN.
    beforeAll(() => void vi.stubEnv('COURSE_POISON', '1'));
    afterAll(() => void vi.unstubAllEnvs());
    const gpu = useGpu({ ...row, attention: { ...row.attention, scratch: matrices * BYTES } });

    it.each([
      { isCausal: false, wanted: ['query', 'key', 'value'] },
      { isCausal: true, wanted: ['query', 'key', 'value'] },
      // Keys that no query sees, tiles of them too.
      { isCausal: true, queries: 5, wanted: ['query', 'key', 'value'] },
      { isCausal: true, p: 0.3, wanted: ['query', 'key'] },
      { isCausal: false, p: 0.3, masked: true, wanted: ['value'] },
    ])('is what the formula says: %o', async ({ isCausal, queries = MOST_QUERIES, p = 0, masked = false, wanted }) => {
      if (!isFollowed(gpu())) return;
      const key = [5, 6, 7] as const;
      const sizes = {
        ...{ matrices: BATCH * HEADS, queries, keys: KEYS, width: WIDTH, valueWidth: VALUE_WIDTH },
      };
      /** Heads as split from [batch, rows, heads, columns]; what the formula reads is [batch, heads, rows, columns]. */
      const heads = (rows: number, columns: number, seed: number) => {
        const length = BATCH * HEADS * rows * columns;
        const split = noise(length, seed);
        const strides = [rows * HEADS * columns, columns, HEADS * columns, 1];
        const order = Array.from({ length }, (_, i) => {
          const [c, r] = [i % columns, Math.floor(i / columns) % rows];
          const matrix = Math.floor(i / (columns * rows));
          return ((Math.floor(matrix / HEADS) * rows + r) * HEADS + (matrix % HEADS)) * columns + c;
        });
        return {
          formula: order.map((place) => split[place] ?? Number.NaN),
          operand: (): Strided => ({ ...gpu().put(split), strides }),
          room: (): Strided => ({ ...gpu().room(length), strides }),
          read: async (from: Strided) => {
            const found = await gpu().get(from, length);
            return order.map((place) => found[place] ?? Number.NaN);
          },
        };
      };
      const [q, k] = [heads(queries, WIDTH, 1), heads(KEYS, WIDTH, 2)];
      const [v, grad] = [heads(KEYS, VALUE_WIDTH, 3), heads(queries, VALUE_WIDTH, 4)];
      const visible = noise(queries * KEYS, 5).map((x) => Number(x > -0.4));
      const expected = solve({
        ...{ ...sizes, query: q.formula, key: k.formula, value: v.formula, grad: grad.formula, scale: 0.5, isCausal },
        ...(masked && { added: (_m, i, j) => (visible[i * KEYS + j] ? 0 : Number.NEGATIVE_INFINITY) }),
        ...(p > 0 && { kept: dropoutOf(sizes, p, key) }),
      });
      const request = {
        ...{ batch: [BATCH, HEADS], queries, keys: KEYS, width: WIDTH, valueWidth: VALUE_WIDTH },
        ...{ scale: 0.5, isCausal, query: q.operand(), key: k.operand(), value: v.operand() },
        ...(masked && { mask: { ...gpu().put(visible, 'bool'), strides: [0, 0, KEYS, 1] } }),
        ...(p > 0 && { dropout: { p, key } }),
      };
      const [output, logSumExp] = [grad.room(), gpu().room(BATCH * HEADS * queries)];
      gpu().run({ kind: 'attention', ...request, out: output, logSumExp });
      const made = {
        ...(wanted.includes('query') && { gradQuery: q.room() }),
        ...(wanted.includes('key') && { gradKey: k.room() }),
        ...(wanted.includes('value') && { gradValue: v.room() }),
      };
      gpu().run({ kind: 'attentionBackward', ...request, grad: grad.operand(), output, logSumExp, ...made });
      // As above.
      const tolerance = { rtol: 256 * U, atol: 512 * U };
      expect(await grad.read(output)).toBeClose(Array.from(expected.output), tolerance);
      if (made.gradQuery) expect(await q.read(made.gradQuery)).toBeClose(Array.from(expected.gradQuery), tolerance);
      if (made.gradKey) expect(await k.read(made.gradKey)).toBeClose(Array.from(expected.gradKey), tolerance);
      if (made.gradValue) expect(await v.read(made.gradValue)).toBeClose(Array.from(expected.gradValue), tolerance);
      expect(Object.keys(made)).toHaveLength(wanted.length);
    });
  });
});
