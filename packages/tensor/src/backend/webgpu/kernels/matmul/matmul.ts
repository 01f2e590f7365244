/**
 * Matrix products. The selector picks a tile from the adapter's table by the size of the output, and one of five kernels:
 * `shared` (GPUs), where a workgroup stages tiles of both operands in shared memory; `registers` (software adapters), where each
 * invocation loads its rows of A and columns of B itself; `subgroups`, where lanes load A for one another; `quads`, where they swap it
 * around; `lanes`, where they split k of a row or a few.
 * Transposed operands are read in place, and so are the windows of convolutions (`windows.ts`): only the loads differ.
 * The epilogue (alpha, bias, activation, residual) rides on the store.
 */

import { ArgumentError } from '../../../../errors.js';
import type { Activation, DeviceBuffer, MatmulRequest, Matrices } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import type { Kernel } from '../../pipelines.js';
import type { MatmulTile, Tuning } from '../../tuning.js';
import type { KernelSource } from '../wgsl/source.js';
import { columnsOfTile } from './common.js';
import { laneSource } from './lanes.js';
import { withParts } from './parts.js';
import { quadSource } from './quads.js';
import { registerSource } from './registers.js';
import { sharedSource } from './shared.js';
import { slicesOfTiles, sumOfSlicesSource } from './split.js';
import { bringSteps, type StepsVariant, stepsKey, stepsVariant } from './steps.js';
import { subgroupSource } from './subgroups.js';
import {
  bringWindows,
  type WindowsVariant,
  windowsFlags,
  windowsLayout,
  windowsSteps,
  windowsVariant,
} from './windows.js';

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
  /** Products in the dispatch: one, or several without a batch (`parts.ts`). */
  readonly parts: number;
  /** Whether workgroups share the steps of k of a tile, and leave partial products to another kernel (`split.ts`). */
  readonly isSplit: boolean;
  /** What has an element of the bias each. */
  readonly bias: 'none' | 'columns' | 'rows';
  readonly hasResidual: boolean;
  readonly activation: Activation;
  /** What follows in place of a residual (`steps.ts`). */
  readonly steps: StepsVariant | null;
  /** For results that lie by strides of their own: what of the product counts. */
  readonly placed: Placing['triangle'] | null;
  /** How windows are found, where they are the right operand. */
  readonly windows: WindowsVariant | null;
}

/** Where the results of a product lie that are not dense, and what of it counts. */
export interface Placing {
  readonly rowStride: number;
  readonly batchStrides: readonly number[];
  /**
   * All of it; the lower or the upper triangle of A with the diagonal, where the rest are zeros, whatever stands there; or the lower
   * triangle of the result, of whose rest tiles are left out.
   */
  readonly triangle: 'none' | 'lowerA' | 'upperA' | 'lowerOut';
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
  const { m, n, a, b, bias, biasRows, residual, out, steps, windows } = request;
  const k = windows ? windowsSteps(windows, request.k) : request.k;
  const given = [a.batchStrides, b.batchStrides];
  const { sizes, strides } = placing ? { sizes: request.batch, strides: given } : mergeBatch(request.batch, given);
  const batches = sizes.reduce((product, size) => product * size, 1);
  if (m * n * batches === 0) return;
  const parts = products.length;

  const { transposeA, transposeB, rowA, rowB } = windows ? windowsLayout(windows, a, b) : layouts(request);
  const aligned = (matrix: Matrices, rowStride: number, batchStrides: readonly number[]) =>
    matrix.offset % 4 === 0 && rowStride % 4 === 0 && batchStrides.every((stride) => stride % 4 === 0);
  const vectorA =
    windows?.of !== 'input' && aligned(a, rowA, strides[0] ?? []) && (!windows || windows.itemStrides[0] % 4 === 0);
  const vectorB = !windows && aligned(b, rowB, strides[1] ?? []);
  const vectorOut =
    n % 4 === 0 &&
    startsVector(out) &&
    (biasRows !== undefined || startsVector(bias)) &&
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
      inVectors: (windows ? windows.of === 'input' || vectorA : vectorA && vectorB) && vectorOut,
      isSummed: windows?.of === 'weight',
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
    bias: bias === undefined ? 'none' : biasRows === undefined ? 'columns' : 'rows',
    hasResidual: residual !== undefined,
    activation: request.activation,
    steps: steps ? stepsVariant(steps) : null,
    placed: placing?.triangle ?? null,
    windows: windows ? windowsVariant(windows, k, n) : null,
    isSplit: false,
  };
  // What follows the sum is left to the kernel that adds the slices up.
  const variant: MatmulVariant =
    slices === 1
      ? whole
      : { ...whole, isSplit: true, bias: 'none', hasResidual: false, activation: 'none', steps: null };
  const kernel = kernelOf(variant, isJoint);

  const unitOut = vectorOut ? 4 : 1;
  const outOffset = out.offset / unitOut;
  const biasOffset = (bias?.offset ?? 0) / (biasRows === undefined ? unitOut : 1);
  const residualOffset = (residual?.offset ?? 0) / unitOut;
  // Buffers and numbers in the order of the source's, which is that of `matmulBindings` and `matmulParams`.
  const unitA = vectorA ? 4 : 1;
  const unitB = vectorB ? 4 : 1;
  const params = [m, n, k, tilesM, tilesN, tiles * slices];
  params.push(a.offset / unitA, b.offset / unitB, rowA / unitA, rowB / unitB);
  if (slices === 1) params.push(outOffset, biasOffset, residualOffset, request.alpha);
  else params.push(0, 0, 0, slices, slice, 1);
  for (let d = 0; d < sizes.length; d++)
    params.push(sizes[d] ?? 1, (strides[0]?.[d] ?? 0) / unitA, (strides[1]?.[d] ?? 0) / unitB);
  if (placing) {
    params.push(placing.rowStride / unitOut);
    for (let d = 0; d < sizes.length; d++) params.push((placing.batchStrides[d] ?? 0) / unitOut);
  }
  if (biasRows !== undefined && slices === 1) params.push(biasRows);
  if (windows) bringWindows(windows, a, unitA, params);
  if (slices === 1) {
    const buffers = [a.buffer];
    for (const each of products) buffers.push(each.b.buffer);
    bringStored(products, unitOut, buffers, params);
    context.dispatch(kernel, buffers, params, tiles);
    return;
  }
  const partial = context.temporary(batches * slices * m * n * 4);
  context.dispatch(kernel, [a.buffer, b.buffer, partial], params, tiles * slices);
  const size = context.tuning.pointwise.workgroupSize;
  const invocations = batches * m * Math.ceil(n / 4);
  const summed = [partial];
  const numbers = [m, n, slices, invocations, outOffset, biasOffset, residualOffset, request.alpha];
  if (biasRows !== undefined) numbers.push(biasRows);
  bringStored(products, unitOut, summed, numbers);
  context.dispatch(
    context.kernel(`matmulSlices|${size}|${variantKey(whole)}`, () => sumOfSlicesSource(whole, size)),
    summed,
    numbers,
    groupsOf(invocations, size),
  );
}

/** Adds the buffers of the epilogue and of what is written, in the order of `storeBindings`, and the numbers of the steps. */
function bringStored(
  products: readonly MatmulRequest[],
  width: 1 | 4,
  buffers: DeviceBuffer[],
  params: number[],
): void {
  for (const { bias } of products) if (bias) buffers.push(bias.buffer);
  for (const { residual } of products) if (residual) buffers.push(residual.buffer);
  for (const { out, steps } of products) if (!steps || steps.keepsProduct) buffers.push(out.buffer);
  for (const { steps } of products) if (steps) bringSteps(steps, width, buffers, params);
}

function startsVector(operand: { readonly offset: number } | undefined): boolean {
  return operand === undefined || operand.offset % 4 === 0;
}

const ACTIVATIONS: readonly Activation[] = ['none', 'relu', 'gelu', 'geluTanh'];
const PLACED: readonly MatmulVariant['placed'][] = [null, 'none', 'lowerA', 'upperA', 'lowerOut'];

/** All that a kernel's text depends on beside tile and steps, as one number. */
function flagsOf(variant: MatmulVariant): number {
  const flags =
    Number(variant.transposeA) |
    (Number(variant.transposeB) << 1) |
    (Number(variant.vectorA) << 2) |
    (Number(variant.vectorB) << 3) |
    (Number(variant.vectorOut) << 4) |
    (Number(variant.bias !== 'none') << 5) |
    (Number(variant.hasResidual) << 6) |
    (Number(variant.isSplit) << 7) |
    (ACTIVATIONS.indexOf(variant.activation) << 8) |
    (PLACED.indexOf(variant.placed) << 10) |
    (variant.parts << 13) |
    (Number(variant.bias === 'rows') << 21) |
    (variant.batchRank << 22);
  return variant.windows ? flags + 2 ** 32 * windowsFlags(variant.windows) : flags;
}

function variantKey(variant: MatmulVariant): string {
  const { memory, rows, columns, groupRows, groupColumns, depth, stages = 1 } = variant.tile;
  const tile = `${memory}${rows}x${columns}x${groupRows}x${groupColumns}x${depth}x${stages}`;
  return `matmul|${tile}|${flagsOf(variant)}${variant.steps ? `|${stepsKey(variant.steps)}` : ''}`;
}

/** Kernels without steps, by tile and flags: a small product takes less time than writing and finding its kernel's key. */
const kernels = new WeakMap<MatmulTile, Map<number, Kernel>>();

function kernelOf(variant: MatmulVariant, isJoint: boolean): Kernel {
  const { tile, parts } = variant;
  const make = (): Kernel => ({
    key: variantKey(variant),
    source: () => {
      const source = sources[tile.memory](variant);
      return isJoint ? source : withParts(source, parts);
    },
  });
  if (variant.steps) return make();
  let ofTile = kernels.get(tile);
  if (!ofTile) {
    ofTile = new Map();
    kernels.set(tile, ofTile);
  }
  const flags = flagsOf(variant);
  let kernel = ofTile.get(flags);
  if (!kernel) {
    kernel = make();
    ofTile.set(flags, kernel);
  }
  return kernel;
}

/** How both operands lie in memory. */
function layouts({ m, n, k, a, b }: MatmulRequest) {
  const { transposed: transposeA, line: rowA } = layoutOf(a, m, k);
  const { transposed: transposeB, line: rowB } = layoutOf(b, k, n);
  return { transposeA, transposeB, rowA, rowB };
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
 * if a smaller one wastes less; the first if none does. With `shared` tiles, and where few windows are summed over many, slices of k count too.
 */
export function planOf(
  tuning: Tuning['matmul'],
  m: number,
  n: number,
  k: number,
  batches: number,
  parts: number,
  lies: {
    readonly transposeB: boolean;
    readonly inVectors: boolean;
    readonly isPlaced?: boolean;
    readonly isSummed?: boolean;
  },
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
    const width = columnsOfTile(tile);
    const [tilesM, tilesN] = [Math.ceil(m / height), Math.ceil(n / width)];
    const tiles = tilesM * tilesN * batches * parts;
    const { slices, slice } =
      parts === 1 && !lies.isPlaced ? slicesOfTiles(k, tiles, tile, tuning) : { slices: 1, slice: k };
    const area = tilesM * height * tilesN * width;
    const isFilled = area <= 2 * m * n || area <= covered;
    const isBusy =
      tiles * (memory === 'shared' || lies.isSummed ? slices : 1) >= (tile.workgroups ?? tuning.workgroups) &&
      m * n * k * batches * parts >= (tile.least ?? 0);
    if (chosen !== undefined && !(isBusy && isFilled)) continue;
    chosen = { tile, tilesM, tilesN, tiles, slices, slice, isJoint: false };
    covered = area;
  }
  if (chosen === undefined) throw new ArgumentError('webgpu: the tuning names no tile for matmul');
  if (parts === 1 || chosen.tile.memory !== 'quads') return chosen;
  // A workgroup of `quads` computes all products: four columns of each a lane, so that its text is no longer than one's.
  const tile = jointTile(chosen.tile);
  const tilesN = Math.ceil(n / columnsOfTile(tile));
  return { ...chosen, tile, tilesN, tiles: chosen.tilesM * tilesN * batches, isJoint: true };
}

/** Tiles for several products, each made once: kernels are found by them. */
const jointTiles = new WeakMap<MatmulTile, MatmulTile>();

function jointTile(tile: MatmulTile): MatmulTile {
  let joint = jointTiles.get(tile);
  if (!joint) {
    joint = { ...tile, columns: 4 };
    jointTiles.set(tile, joint);
  }
  return joint;
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
