/**
 * Attention and its gradients by matrix products, for adapters on which arithmetic is dear beside memory and the matmul kernels are the best
 * there are. Scores are written down for as much of the batch at a time as the tuning allows memory for, become weights in place, and
 * are multiplied: two products in the forward pass and five in the backward pass, where the kernels that never write weights
 * down need seven.
 */
import type {
  AttentionBackwardRequest,
  AttentionOperands,
  AttentionRequest,
  DeviceBuffer,
  MatmulRequest,
  Matrices,
  Strided,
} from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { matmulPlaced, type Placing } from '../matmul/matmul.js';
import type { KernelSource } from '../wgsl/source.js';
import { matricesOf, type Part, partOf, partsOf } from './batch.js';
import { variantKey } from './common.js';
import { attentionParams, chooseVariant } from './launch.js';
import { tiledWeights } from './tiled-weights.js';
import { slopesSource, softmaxSource, type WeightsVariant } from './weights.js';

/** Matrices whose scores fit into the memory that the tuning allows; 0 where this way does not suit a request. */
export function matricesAtOnce(context: KernelContext, request: AttentionOperands): number {
  const { scratch = 0, few } = context.tuning.attention;
  if (Math.min(request.queries, request.keys) <= few.rows * few.groupRows) return 0;
  const most = Math.min(scratch, context.limits.maxStorageBufferBindingSize);
  return Math.floor(most / bytesOf(request));
}

/** Whether scores are to be products too in a pass, where there is memory for them. */
export function scoresAreProducts(
  { tuning }: KernelContext,
  request: AttentionOperands,
  pass: 'forward' | 'backward',
): boolean {
  const { batch, queries, keys, width } = request;
  const least = tuning.attention.scoresFrom?.[pass] ?? Number.POSITIVE_INFINITY;
  return matricesOf(batch) * queries * keys * width >= least;
}

/** Quads of keys in a row of scores, and bytes of a matrix of them. */
const quadsOf = ({ keys }: AttentionOperands): number => Math.ceil(keys / 4);
const bytesOf = (request: AttentionOperands): number => request.queries * quadsOf(request) * 16;

/** What is known of every row, and what is written down for a part of the batch: [queries, keys] of each matrix, rows filled up to vectors. */
interface Scratch {
  readonly stats: DeviceBuffer;
  readonly weights: DeviceBuffer | undefined;
  readonly slopes: DeviceBuffer | undefined;
}

/** The result, `most` matrices at a time. */
export function attentionByProducts(context: KernelContext, request: AttentionRequest, most: number): void {
  const parts = partsOf(request.batch, most);
  const weights = context.temporary(scratchBytes(request, parts));
  for (const part of parts) {
    const own = partOf(request, part);
    const { queries, keys, valueWidth, value, out, logSumExp } = own;
    writeScores(context, own, own.query, own.key, own.width, weights);
    const hasSums = logSumExp !== undefined;
    elementwise(
      context,
      own,
      `attentionSoftmax|${hasSums}`,
      (variant) => softmaxSource(variant, hasSums),
      { weights, logSumExp: logSumExp?.buffer },
      { firstMatrix: part.first, sumsOffset: logSumExp?.offset ?? 0 },
    );
    const scores = scoresIn(own, weights);
    product(context, own, 'lowerA', scores, matricesIn(value), [queries, keys, valueWidth], matricesIn(out));
  }
}

/** The gradients, `most` matrices at a time. `stats` is what `statsSource` says of every row. */
export function gradientsByProducts(
  context: KernelContext,
  request: AttentionBackwardRequest,
  stats: DeviceBuffer,
  most: number,
): void {
  const { gradQuery, gradKey, gradValue } = request;
  const areProducts = scoresAreProducts(context, request, 'backward');
  const parts = partsOf(request.batch, most);
  const bytes = scratchBytes(request, parts);
  // As products, slopes are made of weights.
  const weights = gradValue || areProducts ? context.temporary(bytes) : undefined;
  const slopes = gradQuery || gradKey ? context.temporary(bytes) : undefined;
  for (const part of parts) {
    const own = partOf(request, part);
    const scratch = { stats, weights, slopes };
    if (areProducts) writeSlopes(context, own, part.first, scratch);
    else tiledWeights(context, own, part.first, scratch, tallestTile(context), quadsOf(own));
    gradientsOfPart(context, own, scratch);
  }
}

/** Weights and slopes by products. */
function writeSlopes(
  context: KernelContext,
  request: AttentionBackwardRequest,
  firstMatrix: number,
  { stats, weights, slopes }: Scratch,
): void {
  const { query, key, width, value, grad, valueWidth } = request;
  if (weights) writeScores(context, request, query, key, width, weights);
  if (slopes) writeScores(context, request, grad, value, valueWidth, slopes);
  const hasSlopes = slopes !== undefined;
  const source = (variant: WeightsVariant) => slopesSource(variant, hasSlopes);
  elementwise(context, request, `attentionSlopes|${hasSlopes}`, source, { stats, weights, slopes }, { firstMatrix });
}

function gradientsOfPart(
  context: KernelContext,
  request: AttentionBackwardRequest,
  { weights, slopes }: Scratch,
): void {
  const { queries, keys, width, valueWidth, gradQuery, gradKey, gradValue } = request;
  const [query, key, grad] = [matricesIn(request.query), matricesIn(request.key), matricesIn(request.grad)];
  if (gradValue && weights) {
    const scores = transposed(scoresIn(request, weights));
    product(context, request, 'upperA', scores, grad, [keys, queries, valueWidth], matricesIn(gradValue));
  }
  if (!slopes) return;
  const scores = scoresIn(request, slopes);
  if (gradKey) {
    product(context, request, 'upperA', transposed(scores), query, [keys, queries, width], matricesIn(gradKey));
  }
  if (gradQuery) product(context, request, 'lowerA', scores, key, [queries, keys, width], matricesIn(gradQuery));
}

// --- Their steps ------------------------------------------------------------------------------------------------------

/** The dot products of all rows of two operands, as scores. */
function writeScores(
  context: KernelContext,
  request: AttentionOperands,
  left: Strided,
  right: Strided,
  width: number,
  scratch: DeviceBuffer,
): void {
  const { queries, keys } = request;
  const [a, b] = [matricesIn(left), transposed(matricesIn(right))];
  product(context, request, 'lowerOut', a, b, [queries, width, keys], scoresIn(request, scratch));
}

/** A product of matrices, of which only a triangle counts where no query sees a later key. */
function product(
  context: KernelContext,
  { batch, isCausal }: AttentionOperands,
  triangle: Placing['triangle'],
  a: Matrices,
  b: Matrices,
  [m, k, n]: readonly [m: number, k: number, n: number],
  out: Matrices,
): void {
  const request: MatmulRequest = { kind: 'matmul', batch, m, n, k, a, b, alpha: 1, activation: 'none', out };
  const { rowStride, batchStrides } = out;
  matmulPlaced(context, request, { rowStride, batchStrides, triangle: isCausal ? triangle : 'none' });
}

/** A kernel that goes over scores row by row. */
function elementwise(
  context: KernelContext,
  request: AttentionOperands,
  name: string,
  source: (variant: WeightsVariant) => KernelSource,
  buffers: Readonly<Record<string, DeviceBuffer | undefined>>,
  params: Readonly<Record<string, number>>,
): void {
  const { mask, queries } = request;
  const { tuning } = context;
  const operands = mask ? { mask } : {};
  const variant = {
    ...chooseVariant(tuning, request, operands, queries, () => 1),
    ...{ rows: 1, groupRows: tuning.rows.workgroupSize, groupColumns: 1, isSubgroup: false },
    // Nothing but scores, which lie in vectors, is walked along rows.
    ...{ quads: 0, valueQuads: 0, vectors: true },
  };
  const span = tallestTile(context);
  const kernel = context.kernel(variantKey(`${name}|${span}`, variant), () => source({ variant, span }));
  const launch = attentionParams(variant, request, operands, queries, { ...params, keyQuads: quadsOf(request) });
  context.dispatch(kernel, { mask: mask?.buffer, ...buffers }, launch.params, launch.groups);
}

/** The most rows of a tile of the products, which go over zeros up to the end of theirs: so far these must be written. */
function tallestTile({ tuning }: KernelContext): number {
  return Math.max(...tuning.matmul.tiles.map(({ rows, groupRows }) => rows * groupRows));
}

function scratchBytes(request: AttentionOperands, parts: readonly Part[]): number {
  return Math.max(...parts.map(({ batch }) => matricesOf(batch))) * bytesOf(request);
}

/** An operand as matrices. */
function matricesIn({ strides, ...operand }: Strided): Matrices {
  return { ...operand, rowStride: strides.at(-2) ?? 0, columnStride: 1, batchStrides: strides.slice(0, -2) };
}

function transposed({ rowStride, columnStride, ...rest }: Matrices): Matrices {
  return { ...rest, rowStride: columnStride, columnStride: rowStride };
}

/** [queries, keys] of the scratch. */
function scoresIn(request: AttentionOperands, buffer: DeviceBuffer): Matrices {
  const { batch, queries } = request;
  const rowStride = 4 * quadsOf(request);
  const batchStrides = batch.map((_, d) => matricesOf(batch.slice(d + 1)) * queries * rowStride);
  return { buffer, dtype: 'float32', offset: 0, rowStride, columnStride: 1, batchStrides };
}
