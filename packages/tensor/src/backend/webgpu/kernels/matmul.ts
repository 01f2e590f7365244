/**
 * Matrix products. The selector picks a tile from the adapter's table by the size of the output, and one of five kernels:
 * `shared` (GPUs), where a workgroup stages tiles of both operands in shared memory; `registers` (software adapters), where each
 * invocation loads its rows of A and columns of B itself; `subgroups`, where lanes load A for one another; `quads`, where they swap it
 * around; `lanes`, where they split k of a row or a few.
 * Transposed operands are read in place: only the loads differ.
 * The epilogue (alpha, bias, activation, residual) rides on the store.
 */

import { ArgumentError } from '../../../errors.js';
import type { Activation, DeviceBuffer, MatmulRequest, Matrices } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import type { MatmulTile, Tuning } from '../tuning.js';
import { laneSource } from './matmul-lanes.js';
import { partName, withParts } from './matmul-parts.js';
import { quadSource } from './matmul-quads.js';
import { registerSource } from './matmul-registers.js';
import { sharedSource } from './matmul-shared.js';
import { slicesOfTiles, sumOfSlicesSource } from './matmul-split.js';
import { type StepsVariant, stepsKey, stepsOperands, stepsVariant } from './matmul-steps.js';
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
  /** Whether workgroups share the steps of k of a tile, and leave partial products to another kernel (`matmul-split.ts`). */
  readonly isSplit: boolean;
  readonly hasBias: boolean;
  readonly hasResidual: boolean;
  readonly activation: Activation;
  /** What follows in place of a residual (`matmul-steps.ts`). */
  readonly steps: StepsVariant | null;
  /** For results that lie by strides of their own: where A has its zeros. */
  readonly placed: Placing['zeros'] | null;
}

/** Where the results of a product lie that are not dense, and what is known of its left operand. */
export interface Placing {
  readonly rowStride: number;
  readonly batchStrides: readonly number[];
  /** Which elements of A are zeros, whatever stands there: none, those right of the diagonal, or those left of it. */
  readonly zeros: 'none' | 'right' | 'left';
}

/** Products that one workgroup of `quads` computes: with more its text would be long. */
const MOST_JOINT = 3;

const sources: Readonly<Record<MatmulTile['memory'], (variant: MatmulVariant) => KernelSource>> = {
  registers: registerSource,
  shared: sharedSource,
  subgroups: subgroupSource,
  lanes: laneSource,
  quads: quadSource,
};

export function matmul(context: KernelContext, request: MatmulRequest): void {
  if (!request.more) {
    dispatch(context, [request]);
    return;
  }
  const { more, ...first } = request;
  const products = [first, ...more.map((each) => ({ ...first, ...each }))];
  const most = mostParts(context, request);
  for (let i = 0; i < products.length; i += most) dispatch(context, products.slice(i, i + most));
}

/** A product, without anything that follows, whose results lie by strides. The kernel depends on the number of dims of the batch, not on their sizes. */
export function matmulPlaced(context: KernelContext, request: MatmulRequest, placing: Placing): void {
  dispatch(context, [request], placing);
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
function dispatch(context: KernelContext, products: readonly MatmulRequest[], placing?: Placing): void {
  const [request] = products;
  if (!request) return;
  const { m, n, k, a, b, bias, residual, out, steps } = request;
  const given = [a.batchStrides, b.batchStrides];
  const { sizes, strides } = placing ? { sizes: request.batch, strides: given } : mergeBatch(request.batch, given);
  const batches = sizes.reduce((product, size) => product * size, 1);
  if (m * n * batches === 0) return;
  const parts = products.length;

  const { transposed: transposeA, line: rowA } = layoutOf(a, m, k);
  const { transposed: transposeB, line: rowB } = layoutOf(b, k, n);
  const aligned = (matrix: Matrices, rowStride: number, batchStrides: readonly number[]) =>
    matrix.offset % 4 === 0 && rowStride % 4 === 0 && batchStrides.every((stride) => stride % 4 === 0);
  const vectorA = aligned(a, rowA, strides[0] ?? []);
  const vectorB = aligned(b, rowB, strides[1] ?? []);
  const vectorOut =
    n % 4 === 0 &&
    startsVector(out) &&
    startsVector(bias) &&
    startsVector(residual) &&
    (!steps || (steps.inputs.every(startsVector) && steps.outputs.every(startsVector))) &&
    (placing === undefined || [placing.rowStride, ...placing.batchStrides].every((stride) => stride % 4 === 0));
  const { tile, tilesM, tilesN, tiles, slices, slice, isJoint } = planOf(
    context.tuning.matmul,
    m,
    n,
    k,
    batches,
    parts,
    {
      transposeB,
      inVectors: vectorA && vectorB && vectorOut,
      isPlaced: placing !== undefined,
    },
  );
  const whole: MatmulVariant = {
    tile,
    transposeA,
    transposeB,
    vectorA,
    vectorB,
    vectorOut,
    batchRank: sizes.length,
    parts,
    hasBias: bias !== undefined,
    hasResidual: residual !== undefined,
    activation: request.activation,
    steps: steps ? stepsVariant(steps) : null,
    placed: placing?.zeros ?? null,
    isSplit: false,
  };
  // What follows the sum is left to the kernel that adds the slices up.
  const variant: MatmulVariant =
    slices === 1
      ? whole
      : { ...whole, isSplit: true, hasBias: false, hasResidual: false, activation: 'none', steps: null };
  const kernel = context.kernel(variantKey(variant), () => {
    const source = sources[tile.memory](variant);
    return isJoint ? source : withParts(source, parts);
  });

  const unitA = variant.vectorA ? 4 : 1;
  const unitB = variant.vectorB ? 4 : 1;
  const unitOut = variant.vectorOut ? 4 : 1;
  const params: Record<string, number> = {
    m,
    n,
    k,
    tilesM,
    tilesN,
    tiles: tiles * slices,
    slices,
    slice,
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
    if (placing) params[`outBatch${d}`] = (placing.batchStrides[d] ?? 0) / unitOut;
  });
  if (placing) params.outRow = placing.rowStride / unitOut;
  const following = steps && stepsOperands(steps, unitOut);
  Object.assign(params, following?.params);
  if (slices > 1) {
    const partial = context.temporary(batches * slices * m * n * 4);
    context.dispatch(
      kernel,
      { a: a.buffer, b: b.buffer, out: partial },
      { ...params, outOffset: 0, alpha: 1 },
      tiles * slices,
    );
    const size = context.tuning.pointwise.workgroupSize;
    const invocations = batches * m * Math.ceil(n / 4);
    context.dispatch(
      context.kernel(`matmulSlices|${size}|${variantKey(whole)}`, () => sumOfSlicesSource(whole, size)),
      { partial, bias: bias?.buffer, residual: residual?.buffer, out: out.buffer, ...following?.buffers },
      { ...params, invocations },
      groupsOf(invocations, size),
    );
    return;
  }
  const buffers: Record<string, DeviceBuffer | undefined> = {
    a: a.buffer,
    residual: residual?.buffer,
    ...following?.buffers,
  };
  for (const [i, each] of products.entries()) {
    buffers[partName('b', i)] = each.b.buffer;
    buffers[partName('bias', i)] = each.bias?.buffer;
    buffers[partName('out', i)] = each.out.buffer;
  }
  context.dispatch(kernel, buffers, params, tiles);
}

function startsVector(operand: { readonly offset: number } | undefined): boolean {
  return operand === undefined || operand.offset % 4 === 0;
}

function variantKey(variant: MatmulVariant): string {
  const { memory, rows, columns, groupRows, groupColumns, depth, stages = 1 } = variant.tile;
  const flags =
    Number(variant.transposeA) |
    (Number(variant.transposeB) << 1) |
    (Number(variant.vectorA) << 2) |
    (Number(variant.vectorB) << 3) |
    (Number(variant.vectorOut) << 4) |
    (Number(variant.hasBias) << 5) |
    (Number(variant.hasResidual) << 6) |
    (Number(variant.isSplit) << 7);
  return `matmul|${memory}${rows}x${columns}x${groupRows}x${groupColumns}x${depth}x${stages}|${flags}|${variant.batchRank}|${variant.parts}|${variant.placed ?? ''}|${variant.activation}${variant.steps ? `|${stepsKey(variant.steps)}` : ''}`;
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

/** Columns of tiles of invocations in a workgroup: the lanes that split k share theirs. */
function columnGroups({ memory, groupColumns }: MatmulTile): number {
  return memory === 'lanes' ? 1 : groupColumns;
}

/** A tile, how many of them there are down and across and in all, and the slices of k. */
export interface MatmulPlan {
  readonly tile: MatmulTile;
  readonly tilesM: number;
  readonly tilesN: number;
  readonly tiles: number;
  readonly slices: number;
  readonly slice: number;
  /** Whether a workgroup computes its tile of all products. */
  readonly isJoint: boolean;
}

/**
 * The largest tile that still gives every part of the adapter something to do, and of which not more than half lies past the edges
 * if a smaller one wastes less; the first if none does. With `shared` tiles slices of k count too.
 */
export function planOf(
  tuning: Tuning['matmul'],
  m: number,
  n: number,
  k: number,
  batches: number,
  parts: number,
  lies: { readonly transposeB: boolean; readonly inVectors: boolean; readonly isPlaced?: boolean },
): MatmulPlan {
  let chosen: MatmulPlan | undefined;
  let covered = Number.POSITIVE_INFINITY;
  for (const tile of tuning.tiles) {
    const { memory, inVectors, leastRows = 0, mostRows = Number.POSITIVE_INFINITY } = tile;
    const isPossible =
      m >= leastRows &&
      m <= mostRows &&
      (lies.inVectors || !inVectors) &&
      (parts <= MOST_JOINT || memory !== 'quads') &&
      (lies.transposeB || memory !== 'lanes');
    if (!isPossible) continue;
    const height = tile.rows * tile.groupRows;
    const width = tile.columns * columnGroups(tile);
    const [tilesM, tilesN] = [Math.ceil(m / height), Math.ceil(n / width)];
    const tiles = tilesM * tilesN * batches * parts;
    const { slices, slice } =
      parts === 1 && !lies.isPlaced ? slicesOfTiles(k, tiles, tile, tuning) : { slices: 1, slice: k };
    const area = tilesM * height * tilesN * width;
    const isFilled = area <= 2 * m * n || area <= covered;
    const isBusy =
      tiles * (memory === 'shared' ? slices : 1) >= (tile.workgroups ?? tuning.workgroups) &&
      m * n * k * batches * parts >= (tile.least ?? 0);
    if (chosen !== undefined && !(isBusy && isFilled)) continue;
    chosen = { tile, tilesM, tilesN, tiles, slices, slice, isJoint: false };
    covered = area;
  }
  if (chosen === undefined) throw new ArgumentError('webgpu: the tuning names no tile for matmul');
  if (parts === 1 || chosen.tile.memory !== 'quads') return chosen;
  // A workgroup of `quads` computes all products: four columns of each a lane, so that its text is no longer than one's.
  const tile = { ...chosen.tile, columns: 4 };
  const tilesN = Math.ceil(n / (tile.columns * columnGroups(tile)));
  return { ...chosen, tile, tilesN, tiles: chosen.tilesM * tilesN * batches, isJoint: true };
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
