/**
 * Attention on WebGPU: which kernel a request gets, and its parameters (those of the gradients too). The text of the kernel is in
 * `attention-forward.ts`.
 */
import type { AttentionOperands, AttentionRequest, Dense, Strided } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import type { Tuning } from '../tuning.js';
import { type AttentionOperandName, type AttentionVariant, columnsOf, rowsOf, variantKey } from './attention-common.js';
import { forwardSource } from './attention-forward.js';
import { partialOut, sumOfSlicesSource } from './attention-split.js';
import { slicesOf } from './matmul-split.js';

export type Operands = Partial<Record<AttentionOperandName, Strided>>;

/** The dims of batch that kernels have at least, so that a batch of one sequence needs no kernel of its own. */
const BATCH_RANK = 2;

/** The request with that many dims of batch. */
export function withBatch<R extends AttentionOperands>(request: R): R {
  const missing = BATCH_RANK - request.batch.length;
  if (missing <= 0) return request;
  const filled = { ...(request as object) } as Record<string, unknown>;
  filled.batch = [...(missing === 1 ? [1] : [1, 1]), ...request.batch];
  const zeros = missing === 1 ? [0] : [0, 0];
  for (const name in filled) {
    const value = filled[name];
    if (isStrided(value)) filled[name] = { ...value, strides: [...zeros, ...value.strides] };
  }
  return filled as unknown as R;
}

function isStrided(value: unknown): value is Strided {
  return typeof value === 'object' && value !== null && 'strides' in value;
}

/** The kernel's variant for a request: `count` rows of which each invocation keeps `sums(quads, valueQuads)` vectors. */
export function chooseVariant(
  { attention }: Tuning,
  request: AttentionOperands,
  operands: Operands,
  count: number,
  sums: (quads: number, valueQuads: number) => number,
): AttentionVariant {
  const { width, valueWidth, mask, batch } = request;
  const vectors =
    width % 4 === 0 &&
    valueWidth % 4 === 0 &&
    Object.entries(operands).every(
      ([name, { offset, strides }]) =>
        name === 'mask' || (offset % 4 === 0 && strides.slice(0, -1).every((stride) => stride % 4 === 0)),
    );
  const { subgroups } = attention;
  const few = count <= attention.few.rows * attention.few.groupRows;
  const { rows, groupRows, groupColumns } =
    subgroups !== undefined
      ? { rows: few ? 1 : subgroups.rows, groupRows: 1, groupColumns: subgroups.size }
      : few
        ? attention.few
        : attention.tile;
  const quadsOf = (size: number) => Math.ceil(Math.ceil(size / 4) / groupColumns);
  const [quads, valueQuads] = [quadsOf(width), quadsOf(valueWidth)];
  return {
    rows: Math.max(1, Math.min(rows, Math.floor(attention.sums / sums(quads, valueQuads)))),
    groupRows,
    groupColumns,
    isSubgroup: subgroups !== undefined,
    isSplit: false,
    quads,
    valueQuads,
    vectors,
    mask: mask === undefined ? 'none' : mask.dtype === 'bool' ? 'bool' : 'float',
    isCausal: request.isCausal,
    hasDropout: request.dropout !== undefined,
    batchRank: batch.length,
  };
}

/** The names of an operand's parameters, made once for all dispatches. */
const names = new Map<string, { readonly offset: string; readonly row: string; readonly batch: string[] }>();

function namesOf(operand: string) {
  let own = names.get(operand);
  if (own === undefined) {
    own = { offset: `${operand}Offset`, row: `${operand}Row`, batch: [] };
    names.set(operand, own);
  }
  return own;
}

/** Parameters of a kernel whose tiles go over `count` rows, with those that are its own, and its workgroups. */
export function attentionParams(
  variant: AttentionVariant,
  request: AttentionOperands,
  operands: Operands,
  count: number,
  own: Readonly<Record<string, number>> = {},
): { params: Record<string, number>; groups: number } {
  const { batch, queries, keys, width, valueWidth, scale, dropout } = request;
  const tiles = Math.ceil(count / rowsOf(variant));
  const groups = tiles * batch.reduce((product, size) => product * size, 1);
  const params: Record<string, number> = {
    queries,
    keys,
    width,
    valueWidth,
    quads: Math.ceil(width / 4),
    valueQuads: Math.ceil(valueWidth / 4),
    tiles,
    groups,
    firstMatrix: 0,
    sumsOffset: 0,
    maskColumn: request.mask?.strides.at(-1) ?? 0,
    seedLow: dropout?.key[0] ?? 0,
    seedHigh: dropout?.key[1] ?? 0,
    dropoutOffset: dropout?.key[2] ?? 0,
    scale,
    dropoutP: dropout?.p ?? 0,
    dropoutScale: dropout === undefined || dropout.p === 1 ? 0 : 1 / (1 - dropout.p),
    ...own,
  };
  for (const [d, size] of batch.entries()) params[`batch${d}`] = size;
  for (const name in operands) {
    const { offset, strides } = operands[name as AttentionOperandName] as Strided;
    const unit = variant.vectors && name !== 'mask' ? 4 : 1;
    const its = namesOf(name);
    params[its.offset] = offset / unit;
    params[its.row] = (strides[batch.length] ?? 0) / unit;
    for (let d = 0; d < batch.length; d++) {
      its.batch[d] ??= `${name}Batch${d}`;
      params[its.batch[d] as string] = (strides[d] ?? 0) / unit;
    }
  }
  return { params, groups };
}

export function attention(context: KernelContext, given: AttentionRequest): void {
  const request = withBatch(given);
  const { query, key, value, mask, out, logSumExp, queries, keys, valueWidth, batch } = request;
  const operands = { query, key, value, ...(mask && { mask }), out };
  const whole = chooseVariant(context.tuning, request, operands, queries, (_, valueQuads) => valueQuads);
  const buffers = { query: query.buffer, key: key.buffer, value: value.buffer, mask: mask?.buffer };
  const launch = (variant: AttentionVariant, result: Strided, sums: Dense | undefined, slices = 1, slice = keys) => {
    const hasSums = sums !== undefined;
    const kernel = context.kernel(variantKey(`attention|${hasSums}`, variant), () => forwardSource(variant, hasSums));
    const own = { slices, slice, sumsOffset: sums?.offset ?? 0 };
    const { params, groups } = attentionParams(variant, request, { ...operands, out: result }, queries, own);
    params.groups = groups * slices;
    context.dispatch(kernel, { ...buffers, out: result.buffer, logSumExp: sums?.buffer }, params, groups * slices);
  };

  const matrices = batch.reduce((product, size) => product * size, 1);
  const tiles = Math.ceil(queries / rowsOf(whole)) * matrices;
  const { workgroups, sliced = workgroups } = context.tuning.matmul;
  const { slices, slice } = slicesOf(keys, tiles, sliced, columnsOf(whole));
  if (slices === 1) {
    launch(whole, out, logSumExp);
    return;
  }
  const rows = matrices * queries;
  const logs: Dense = { buffer: context.temporary(rows * slices * 4), dtype: 'float32', offset: 0 };
  const partial = partialOut(context.temporary(rows * slices * valueWidth * 4), batch, slices, queries, valueWidth);
  launch({ ...whole, isSplit: true }, partial, logs, slices, slice);
  const elements = rows * valueWidth;
  const { workgroupSize } = context.tuning.pointwise;
  const hasSums = logSumExp !== undefined;
  const kernel = context.kernel(`attentionSlices|${batch.length}|${hasSums}|${workgroupSize}`, () =>
    sumOfSlicesSource(batch.length, hasSums, workgroupSize),
  );
  const own = { elements, slices, sumsOffset: logSumExp?.offset ?? 0 };
  const { params } = attentionParams({ ...whole, vectors: false }, request, { out }, queries, own);
  context.dispatch(
    kernel,
    { partial: partial.buffer, logs: logs.buffer, out: out.buffer, logSumExp: logSumExp?.buffer },
    params,
    groupsOf(elements, workgroupSize),
  );
}
