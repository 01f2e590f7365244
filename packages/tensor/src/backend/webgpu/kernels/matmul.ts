/**
 * Matrix products. The selector picks a tile from the adapter's table by the size of the output, and one of three kernels:
 * `shared` (GPUs), where a workgroup stages tiles of both operands in shared memory; `registers` (software adapters), where each
 * invocation loads its rows of A and columns of B itself; `subgroups`, where lanes load A for one another. Transposed operands are read in place: only the loads differ.
 * The epilogue (alpha, bias, activation, residual) rides on the store.
 */

import { ArgumentError } from '../../../errors.js';
import type { Activation, DeviceBuffer, MatmulRequest, Matrices } from '../../requests.js';
import type { KernelContext } from '../context.js';
import type { MatmulTile, Tuning } from '../tuning.js';
import { partName, withParts } from './matmul-parts.js';
import { registerSource } from './matmul-registers.js';
import { sharedSource } from './matmul-shared.js';
import { subgroupSource } from './matmul-subgroups.js';
import type { KernelSource } from './source.js';

/** What a matmul kernel is specialised on. */
export interface MatmulVariant {
  readonly tile: MatmulTile;
  /** A is stored [k, m], B is stored [n, k]. */
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Whether the rows of A, of B, and of the output (bias, residual) start on multiples of four elements and can be read in vectors. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorOut: boolean;
  /** Dims of the batch, after merging. */
  readonly batchRank: number;
  /** Products in the dispatch: one, or several without a batch (`matmul-parts.ts`). */
  readonly parts: number;
  readonly hasBias: boolean;
  readonly hasResidual: boolean;
  readonly activation: Activation;
}

const sources: Readonly<Record<MatmulTile['memory'], (variant: MatmulVariant) => KernelSource>> = {
  registers: registerSource,
  shared: sharedSource,
  subgroups: subgroupSource,
};

export function matmul(context: KernelContext, request: MatmulRequest): void {
  const { more = [], ...first } = request;
  const products = [first, ...more.map((each) => ({ ...first, ...each }))];
  const most = mostParts(context, request);
  for (let i = 0; i < products.length; i += most) dispatch(context, products.slice(i, i + most));
}

/** Products of a request that one dispatch computes: those that lie alike, as far as a kernel can bind their arrays. */
function mostParts({ limits }: KernelContext, { batch, b, bias, out, more = [] }: MatmulRequest): number {
  const isAlike = more.every(
    (each) => each.b.offset === b.offset && each.bias?.offset === bias?.offset && each.out.offset === out.offset,
  );
  if (!isAlike || batch.some((size) => size !== 1)) return 1;
  return Math.floor((limits.maxStorageBuffersPerShaderStage - 1) / (bias ? 3 : 2));
}

/** One dispatch for products of the same left operand. */
function dispatch(context: KernelContext, products: readonly MatmulRequest[]): void {
  const [request] = products;
  if (!request) return;
  const { m, n, k, a, b, bias, residual, out } = request;
  const { sizes, strides } = mergeBatch(request.batch, [a.batchStrides, b.batchStrides]);
  const batches = sizes.reduce((product, size) => product * size, 1);
  if (m * n * batches === 0) return;
  const parts = products.length;

  const { transposed: transposeA, line: rowA } = layoutOf(a, m, k);
  const { transposed: transposeB, line: rowB } = layoutOf(b, k, n);
  const aligned = (matrix: Matrices, rowStride: number, batchStrides: readonly number[]) =>
    matrix.offset % 4 === 0 && rowStride % 4 === 0 && batchStrides.every((stride) => stride % 4 === 0);
  const tile = chooseTile(context.tuning.matmul, m, n, batches * parts);
  const variant: MatmulVariant = {
    tile,
    transposeA,
    transposeB,
    vectorA: aligned(a, rowA, strides[0] ?? []),
    vectorB: aligned(b, rowB, strides[1] ?? []),
    vectorOut:
      n % 4 === 0 && [out, bias, residual].every((operand) => operand === undefined || operand.offset % 4 === 0),
    batchRank: sizes.length,
    parts,
    hasBias: bias !== undefined,
    hasResidual: residual !== undefined,
    activation: request.activation,
  };
  const kernel = context.kernel(variantKey(variant), () => withParts(sources[tile.memory](variant), parts));

  const tilesM = Math.ceil(m / (tile.rows * tile.groupRows));
  const tilesN = Math.ceil(n / (tile.columns * tile.groupColumns));
  const unitA = variant.vectorA ? 4 : 1;
  const unitB = variant.vectorB ? 4 : 1;
  const unitOut = variant.vectorOut ? 4 : 1;
  const params: Record<string, number> = {
    m,
    n,
    k,
    tilesM,
    tilesN,
    tiles: tilesM * tilesN * batches * parts,
    aOffset: a.offset / unitA,
    bOffset: b.offset / unitB,
    aRow: rowA / unitA,
    bRow: rowB / unitB,
    outOffset: out.offset / unitOut,
    biasOffset: (bias?.offset ?? 0) / unitOut,
    residualOffset: (residual?.offset ?? 0) / unitOut,
    alpha: request.alpha,
  };
  sizes.forEach((size, d) => {
    params[`batch${d}`] = size;
    params[`aBatch${d}`] = (strides[0]?.[d] ?? 0) / unitA;
    params[`bBatch${d}`] = (strides[1]?.[d] ?? 0) / unitB;
  });
  const buffers: Record<string, DeviceBuffer | undefined> = { a: a.buffer, residual: residual?.buffer };
  for (const [i, each] of products.entries()) {
    buffers[partName('b', i)] = each.b.buffer;
    buffers[partName('bias', i)] = each.bias?.buffer;
    buffers[partName('out', i)] = each.out.buffer;
  }
  context.dispatch(kernel, buffers, params, tilesM * tilesN * batches * parts);
}

function variantKey({ tile, ...variant }: MatmulVariant): string {
  const { memory, rows, columns, groupRows, groupColumns, depth } = tile;
  const flags = [
    variant.transposeA,
    variant.transposeB,
    variant.vectorA,
    variant.vectorB,
    variant.vectorOut,
    variant.hasBias,
    variant.hasResidual,
  ];
  return `matmul|${memory}${rows}x${columns}x${groupRows}x${groupColumns}x${depth}|${flags.map(Number).join('')}|${variant.batchRank}|${variant.parts}|${variant.activation}`;
}

/** How a matrix lies in memory: whether its columns, not its rows, are contiguous, and how far apart these are. */
function layoutOf(
  { rowStride, columnStride }: Matrices,
  rows: number,
  columns: number,
): { transposed: boolean; line: number } {
  const transposed = columns > 1 ? columnStride !== 1 : rows > 1 && rowStride === 1;
  // A single line has no distance to the next.
  if (transposed) return { transposed, line: columns > 1 ? columnStride : 0 };
  return { transposed, line: rows > 1 ? rowStride : 0 };
}

/**
 * The largest tile that still gives every part of the adapter something to do, and of which not more than half lies past the edges
 * if a smaller one wastes less; the first if none does.
 */
function chooseTile({ tiles, workgroups }: Tuning['matmul'], m: number, n: number, batches: number): MatmulTile {
  let chosen = tiles[0];
  if (chosen === undefined) throw new ArgumentError('webgpu: the tuning names no tile for matmul');
  let covered = Number.POSITIVE_INFINITY;
  for (const tile of tiles) {
    const down = Math.ceil(m / (tile.rows * tile.groupRows));
    const across = Math.ceil(n / (tile.columns * tile.groupColumns));
    const area = down * tile.rows * tile.groupRows * across * tile.columns * tile.groupColumns;
    const isFilled = area <= 2 * m * n || area <= covered;
    if (tile !== chosen && (down * across * batches < workgroups || !isFilled)) continue;
    chosen = tile;
    covered = area;
  }
  return chosen;
}

/** Drops batch dims of size 1 and merges neighbours that every operand walks in one go. */
export function mergeBatch(
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
): { sizes: number[]; strides: number[][] } {
  const mergedSizes: number[] = [];
  const merged: number[][] = strides.map(() => []);
  sizes.forEach((size, d) => {
    if (size === 1) return;
    const last = mergedSizes.length - 1;
    const joins = last >= 0 && strides.every((own, i) => merged[i]?.[last] === (own[d] ?? 0) * size);
    if (joins) mergedSizes[last] = (mergedSizes[last] ?? 1) * size;
    else mergedSizes.push(size);
    strides.forEach((own, i) => {
      const list = merged[i];
      if (list) list[mergedSizes.length - 1] = own[d] ?? 0;
    });
  });
  return { sizes: mergedSizes, strides: merged };
}
