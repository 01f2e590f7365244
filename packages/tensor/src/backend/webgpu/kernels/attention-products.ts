/**
 * The gradients of attention by matrix products, for adapters on which arithmetic is dear beside memory. One kernel computes the weights and the
 * gradient of the scores and writes both down, for as much of the batch at a time as the tuning allows memory for; each gradient is
 * then one product of them. That is five products, and in the kernels of the matrix products, where the kernels that never write weights down
 * need seven.
 */
import type { AttentionBackwardRequest, DeviceBuffer, MatmulRequest, Matrices, Strided } from '../../requests.js';
import type { KernelContext } from '../context.js';
import { attentionParams, chooseVariant, type Operands } from './attention.js';
import {
  type AttentionOperandName,
  type AttentionVariant,
  accessors,
  attentionFunctions,
  bindingsOf,
  columnsOf,
  DROPOUT_PLACES,
  maskScores,
  openTile,
  paramsOf,
  rowsOf,
  variantKey,
} from './attention-common.js';
import { dotTile, ownStarts, rowStarts } from './attention-tiles.js';
import { BELOW_SCALE } from './exponential.js';
import { matmulPlaced, type Placing } from './matmul.js';
import { indent, type KernelSource, lines, read, u32, write } from './source.js';

/** Matrices whose weights fit into the memory that the tuning allows; 0 where this way does not suit a request. */
export function matricesAtOnce(context: KernelContext, { queries, keys }: AttentionBackwardRequest): number {
  const { scratch = 0, few } = context.tuning.attention;
  if (Math.min(queries, keys) <= few.rows * few.groupRows) return 0;
  const most = Math.min(scratch, context.limits.maxStorageBufferBindingSize);
  return Math.floor(most / (queries * Math.ceil(keys / 4) * 16));
}

/** The gradients, `most` matrices at a time. `stats` is what `statsSource` says of every row. */
export function gradientsByProducts(
  context: KernelContext,
  request: AttentionBackwardRequest,
  stats: DeviceBuffer,
  most: number,
): void {
  const { queries, keys, gradQuery, gradKey, gradValue } = request;
  const parts = partsOf(request.batch, most);
  const size = Math.max(...parts.map(({ batch }) => matricesOf(batch))) * queries * Math.ceil(keys / 4) * 16;
  const weights = gradValue && context.temporary(size);
  const slopes = (gradQuery || gradKey) && context.temporary(size);
  for (const part of parts) gradientsOfPart(context, partOf(request, part), part.first, { stats, weights, slopes });
}

interface Scratch {
  readonly stats: DeviceBuffer;
  readonly weights: DeviceBuffer | undefined;
  readonly slopes: DeviceBuffer | undefined;
}

function gradientsOfPart(
  context: KernelContext,
  request: AttentionBackwardRequest,
  firstMatrix: number,
  { stats, weights, slopes }: Scratch,
): void {
  const { batch, queries, keys, width, valueWidth, isCausal, query, key, value, mask, grad } = request;
  const { gradQuery, gradKey, gradValue } = request;
  const keyQuads = Math.ceil(keys / 4);

  const operands: Operands = { query, key, ...(slopes && { value, grad }), ...(mask && { mask }) };
  const variant = chooseVariant(context.tuning, request, operands, queries, () => 0);
  const wanted = { weights: weights !== undefined, slopes: slopes !== undefined };
  // Products go over zeros up to the end of their tile: they are written too.
  const span = Math.max(...context.tuning.matmul.tiles.map(({ rows, groupRows }) => rows * groupRows));
  const kernel = context.kernel(
    variantKey(`attentionWeights|${wanted.weights}|${wanted.slopes}|${span}`, variant),
    () => weightsSource(variant, wanted, span),
  );
  const { params, groups } = attentionParams(variant, request, operands, queries, { firstMatrix, keyQuads });
  context.dispatch(
    kernel,
    {
      query: query.buffer,
      key: key.buffer,
      value: value.buffer,
      grad: grad.buffer,
      mask: mask?.buffer,
      stats,
      weights,
      slopes,
    },
    params,
    groups,
  );

  const inner = batch.map((_, d) => matricesOf(batch.slice(d + 1)) * queries * 4 * keyQuads);
  /** [queries, keys] of the scratch, or its transpose. */
  const scores = (buffer: DeviceBuffer, isTransposed: boolean): Matrices => ({
    ...{ buffer, dtype: 'float32', offset: 0, batchStrides: inner },
    rowStride: isTransposed ? 1 : 4 * keyQuads,
    columnStride: isTransposed ? 4 * keyQuads : 1,
  });
  const product = (a: Matrices, zeros: Placing['zeros'], b: Strided, m: number, k: number, n: number, out: Strided) => {
    const shape: MatmulRequest = {
      ...{ kind: 'matmul', batch, m, n, k, a, alpha: 1, activation: 'none', out },
      b: { ...b, rowStride: b.strides.at(-2) ?? 0, columnStride: 1, batchStrides: b.strides.slice(0, -2) },
    };
    matmulPlaced(context, shape, {
      rowStride: out.strides.at(-2) ?? 0,
      batchStrides: out.strides.slice(0, -2),
      zeros: isCausal ? zeros : 'none',
    });
  };
  if (gradValue && weights) product(scores(weights, true), 'left', grad, keys, queries, valueWidth, gradValue);
  if (gradKey && slopes) product(scores(slopes, true), 'left', query, keys, queries, width, gradKey);
  if (gradQuery && slopes) product(scores(slopes, false), 'right', key, queries, keys, width, gradQuery);
}

/** Which of its two results the kernel of weights leaves behind. */
interface Wanted {
  readonly weights: boolean;
  readonly slopes: boolean;
}

function weightsSource(variant: AttentionVariant, wanted: Wanted, span: number): KernelSource {
  const { rows, groupRows, groupColumns, isCausal, hasDropout, mask } = variant;
  const reads: AttentionOperandName[] = ['query', 'key', ...(wanted.slopes ? (['value', 'grad'] as const) : [])];
  const operands: AttentionOperandName[] = [...reads, ...(mask === 'none' ? [] : ['mask' as const])];
  const drop = (value: string) => (hasDropout ? `${value} * factors` : value);
  const tile = [
    'let firstKey = k0 + 4u * threadColumn;',
    rowStarts('key', 4, 'firstKey', 'p.keys'),
    dotTile(variant, 'score', 'query', 'key', 'quads'),
    ...(wanted.slopes
      ? [rowStarts('value', 4, 'firstKey', 'p.keys'), dotTile(variant, 'slope', 'grad', 'value', 'valueQuads')]
      : []),
    'let column = vec4<u32>(firstKey) + vec4<u32>(0u, 1u, 2u, 3u);',
    lines(rows, (i) =>
      [
        '{',
        indent(maskScores(variant, `vec4<u32>(firstRow + ${i}u)`, 'column', `score${i}`)),
        `  let weight = select(vec4<f32>(), expBelowIeee4(scaled - stats${i}.x) * ${BELOW_SCALE}, kept);`,
        ...(hasDropout ? [`  let factors = dropoutFactors(${DROPOUT_PLACES});`] : []),
        `  if (firstRow + ${i}u < p.queries && firstKey < p.keys) {`,
        `    let at = (own * p.queries + firstRow + ${i}u) * p.keyQuads + firstKey / 4u;`,
        ...(wanted.weights ? [`    weights[at] = ${drop('weight')};`] : []),
        ...(wanted.slopes ? [`    slopes[at] = p.scale * weight * (${drop(`slope${i}`)} - stats${i}.y);`] : []),
        '  }',
        '}',
      ].join('\n'),
    ),
  ].join('\n');
  const main = [
    openTile(variant, operands),
    ownStarts(variant, 'query', 'p.queries'),
    ...(wanted.slopes ? [ownStarts(variant, 'grad', 'p.queries')] : []),
    lines(rows, (i) => `let stats${i} = stats[matrix * p.queries + min(firstRow + ${i}u, p.queries - 1u)];`),
    isCausal
      ? `let end = min(p.keys, ((tile + 1u) * ${rowsOf(variant)}u + ${span - 1}u) / ${span}u * ${span}u);`
      : 'let end = p.keys;',
    `for (var k0 = 0u; k0 < end; k0 += ${columnsOf(variant)}u) {`,
    indent(tile),
    '}',
  ].join('\n');
  return {
    label: 'attention backward, weights',
    about: `A workgroup of ${groupRows}x${groupColumns} writes down the weights of ${rowsOf(variant)} queries and the gradient of their scores, by blocks of ${columnsOf(variant)} keys;
      an invocation computes ${rows} queries by 4 keys.`,
    bindings: [
      ...bindingsOf(variant, reads, []),
      read('stats', 'vec2<f32>'),
      ...(wanted.weights ? [write('weights', 'vec4<f32>')] : []),
      ...(wanted.slopes ? [write('slopes', 'vec4<f32>')] : []),
    ],
    params: { ...paramsOf(variant, operands), ...u32('keyQuads') },
    workgroupSize: groupRows * groupColumns,
    usesSubgroups: variant.isSubgroup,
    declarations: [attentionFunctions(variant), accessors(variant, reads, [])].join('\n\n'),
    main,
  };
}

// --- Parts of the batch -----------------------------------------------------------------------------------------------

const matricesOf = (batch: readonly number[]): number => batch.reduce((product, size) => product * size, 1);

/** A box of the batch whose matrices follow each other, from number `first` on. */
interface Part {
  readonly first: number;
  readonly starts: readonly number[];
  readonly batch: readonly number[];
}

/** The batch in boxes of at most so many matrices: whole inner dims, and equal pieces of the one that does not fit whole. */
function partsOf(batch: readonly number[], most: number): Part[] {
  const dim = batch.findIndex((_, d) => matricesOf(batch.slice(d + 1)) <= most);
  const inner = batch.slice(dim + 1);
  const size = batch[dim] ?? 1;
  const piece = Math.ceil(size / Math.ceil(size / Math.floor(most / matricesOf(inner))));
  const parts: Part[] = [];
  for (let outer = 0; outer < matricesOf(batch.slice(0, dim)); outer++) {
    const starts = batch.map((own, d) => (d < dim ? Math.floor(outer / matricesOf(batch.slice(d + 1, dim))) % own : 0));
    for (let start = 0; start < size; start += piece) {
      parts.push({
        first: (outer * size + start) * matricesOf(inner),
        starts: starts.with(dim, start),
        batch: [...batch.slice(0, dim).fill(1), Math.min(piece, size - start), ...inner],
      });
    }
  }
  return parts;
}

/** The request of a box alone. */
function partOf(request: AttentionBackwardRequest, { starts, batch }: Part): AttentionBackwardRequest {
  const moved = <T extends Strided | undefined>(operand: T): T =>
    operand && {
      ...operand,
      offset: starts.reduce((offset, start, d) => offset + start * (operand.strides[d] ?? 0), operand.offset),
    };
  const { query, key, value, mask, grad, output, gradQuery, gradKey, gradValue } = request;
  return {
    ...{ ...request, batch },
    ...{ query: moved(query), key: moved(key), value: moved(value), grad: moved(grad), output: moved(output) },
    ...(mask && { mask: moved(mask) }),
    ...(gradQuery && { gradQuery: moved(gradQuery) }),
    ...(gradKey && { gradKey: moved(gradKey) }),
    ...(gradValue && { gradValue: moved(gradValue) }),
  };
}
