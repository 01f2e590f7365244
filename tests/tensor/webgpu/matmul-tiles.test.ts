// Every tile of the tuning table on its own, with slices of k staged once and twice, whatever adapter it is meant for: the selector takes large ones for
// large outputs only. And what the selector takes, on paper, for the products of models.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../../packages/tensor/src/backend/webgpu/kernels/matmul/matmul.js';
import {
  type MatmulTile,
  tuningFor,
  tuningTable,
  workgroupBytes,
} from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import { type Gpu, useGpu } from './gpu.js';
import { type Case, check } from './products.js';
import { COMPILING, isFollowed, keyOf, LEAST, listed, only, tiles } from './tiles.js';

/**
 * Every way to load either operand (along k or across it, in vectors or element by element), with what else changes a kernel's text spread over
 * them: a kernel takes software adapters longer to compile than to run many times.
 */
const kinds: readonly (readonly [string, Partial<Case>])[] = [
  ['A and B in vectors', { bias: true, batch: [2, 2] }],
  ['A and Bᵀ by element', { transposeB: true, offset: 1, residual: true, alpha: -0.5 }],
  ['Aᵀ and B by element', { transposeA: true, offset: 1, bias: true, residual: true, activation: 'relu', batch: [3] }],
  ['Aᵀ and Bᵀ in vectors', { transposeA: true, transposeB: true }],
];

/** Whether a tile is for B along k alone, and from how many steps of k on a B that is stored so is taken to be. */
const isAlongK = ({ memory }: MatmulTile): boolean => memory === 'lanes';
const leastSteps = (tile: MatmulTile): number => (isAlongK(tile) ? 2 : 0);

/** Sizes around the edges of a tile and of a slice of k, gaps between lines, and operands repeated over a batch. */
function cases(tile: MatmulTile, kind: Partial<Case>): fc.Arbitrary<Case> {
  const inVectors = kind.offset === undefined;
  const near = (size: number) => fc.oneof(fc.integer({ min: 1, max: size + 5 }), fc.constantFrom(size, size + 1, 4));
  const whole = (size: number) => (inVectors ? Math.max(4, size - (size % 4)) : size);
  const repeat = fc.tuple(fc.boolean(), fc.boolean());
  return fc
    .record({
      m: near(tile.rows * tile.groupRows).map(whole),
      n: near(tile.columns * tile.groupColumns).map(whole),
      k: fc.integer({ min: inVectors ? 4 : leastSteps(tile), max: 4 * Math.max(tile.depth, 4) + 3 }).map(whole),
      repeatA: repeat,
      repeatB: repeat,
      gap: inVectors ? fc.constantFrom(0, 4) : fc.constantFrom(0, 3),
    })
    .map((sizes) => ({ ...sizes, ...kind }));
}

async function drawn(gpu: Gpu, tile: MatmulTile, kind: Partial<Case>, numRuns: number): Promise<void> {
  if (!isFollowed(gpu)) return;
  await fc.assert(
    fc.asyncProperty(cases(tile, kind), (c) => check(gpu, c)),
    { numRuns, seed: 11, endOnFailure: true },
  );
}

describe.each(tiles)('matmul in %j', (tile) => {
  const gpu = useGpu(only(tile));
  const sliced = useGpu(only(tile, 64));
  // Of the stages that no row asks for, only `tune` does: the two ways along k are enough.
  const isOfTable = listed.some((each) => keyOf(each) === keyOf(tile));
  const possible = kinds
    .filter(([, { offset }]) => offset === undefined || !tile.inVectors)
    .filter(([, { transposeB }]) => transposeB || !isAlongK(tile))
    .slice(0, isOfTable ? kinds.length : 2);

  it.each(possible)(
    'multiplies %s',
    async (_, kind) => {
      await drawn(gpu(), tile, kind, 6);
    },
    COMPILING,
  );

  if (!isOfTable) return;

  it(
    'leaves slices of k behind for another kernel',
    async () => {
      if (!isFollowed(sliced())) return;
      const offset = tile.inVectors ? 0 : 1;
      await check(sliced(), { m: 20, n: 12, k: 1100, transposeB: true, bias: true, residual: true, offset, gap: 4 });
    },
    COMPILING,
  );

  it(
    'reads and writes float16, where the adapter has it',
    async ({ skip }) => {
      if (!gpu().backend.supports('float16')) skip('the adapter has no shader-f16');
      await drawn(gpu(), tile, { ...kinds[0]?.[1], transposeB: isAlongK(tile), dtype: 'float16' }, 4);
    },
    COMPILING,
  );
});

describe('the table of tiles', () => {
  const rows = Object.entries(tuningTable);
  const shapes = fc.record({
    m: fc.integer({ min: 1, max: 5000 }),
    n: fc.integer({ min: 1, max: 5000 }),
    k: fc.integer({ min: 0, max: 20_000 }),
    batches: fc.constantFrom(1, 2, 96),
    parts: fc.constantFrom(1, 3),
    transposeB: fc.boolean(),
    inVectors: fc.boolean(),
  });

  it.each(rows)('of %s fits every device', (_, { matmul }) => {
    for (const tile of matmul.tiles) {
      expect(workgroupBytes(tile)).toBeLessThanOrEqual(LEAST.maxComputeWorkgroupStorageSize);
      expect(tile.groupRows * tile.groupColumns).toBeLessThanOrEqual(LEAST.maxComputeInvocationsPerWorkgroup);
      if (tile.memory === 'shared') {
        expect(tile.depth % 4).toBe(0);
        expect(tile.rows % 4).toBe(0);
      }
      expect(tile.columns % 4).toBe(0);
    }
  });

  // Intel's subgroups are of 8 to 32 invocations, AMD's of 32 or 64, as the compiler likes: a kernel may not count on any.
  it.each(rows)('of %s has a tile for every product without subgroups of a fixed size', (_, row) => {
    const { matmul } = tuningFor(row, 0, LEAST);
    expect(matmul.tiles.filter(({ memory }) => memory !== 'registers' && memory !== 'shared')).toEqual([]);
    fc.assert(
      fc.property(shapes, ({ m, n, k, batches, parts, ...lies }) => {
        const { tile, tiles: count, slices, slice } = planOf(matmul, m, n, k, batches, parts, lies);
        expect(m).toBeLessThanOrEqual(tile.mostRows ?? m);
        const [down, across] = [tile.rows * tile.groupRows, tile.columns * tile.groupColumns];
        expect(count).toBe(Math.ceil(m / down) * Math.ceil(n / across) * batches * parts);
        // The slices cover k, and none is empty.
        expect(slices * slice).toBeGreaterThanOrEqual(k);
        expect((slices - 1) * slice).toBeLessThan(Math.max(k, 1));
      }),
      { numRuns: 300, seed: 12 },
    );
  });

  it('leaves out tiles past the limits of a device', () => {
    const small = { ...LEAST, maxComputeInvocationsPerWorkgroup: 128 };
    const { matmul } = tuningFor(tuningTable.discrete, 32, small);
    expect(matmul.tiles.map(({ groupRows, groupColumns }) => groupRows * groupColumns)).not.toContain(256);
    const tiny = tuningFor(tuningTable.discrete, 32, { ...LEAST, maxComputeWorkgroupStorageSize: 8192 });
    expect(Math.max(...tiny.matmul.tiles.map(workgroupBytes))).toBe(8192);
  });

  // One text of 128 tokens through BERT-base, and what a card of 46 to 128 multiprocessors is given to do.
  it.each([
    ['queries, keys and values', 128, 768, 768, 3],
    ['the output of attention', 128, 768, 768, 1],
    ['the wide layer', 128, 3072, 768, 1],
    ['the narrow layer', 128, 768, 3072, 1],
  ])('gives a discrete card enough workgroups for %s', (_, m, n, k, parts) => {
    const { matmul } = tuningFor(tuningTable.discrete, 32, LEAST);
    const { tiles: count, slices } = planOf(matmul, m, n, k, 1, parts, { transposeB: true, inVectors: true });
    expect(count * slices).toBeGreaterThanOrEqual(72);
  });

  it('takes the largest tiles for large products alone', () => {
    const { matmul } = tuningFor(tuningTable.discrete, 32, LEAST);
    const heightOf = (size: number) => {
      const { tile } = planOf(matmul, size, size, size, 1, 1, { transposeB: false, inVectors: true });
      return tile.rows * tile.groupRows;
    };
    expect([128, 256, 512, 1024, 2048, 4096].map(heightOf)).toEqual([32, 32, 64, 64, 128, 128]);
  });
});
