/**
 * How a kernel of attention is launched, of the forward pass or of the gradients: the variant that suits a request, and its parameters.
 */
import type { AttentionOperands, Strided } from '../../../requests.js';
import type { Tuning } from '../../tuning.js';
import { type AttentionOperandName, type AttentionVariant, rowsOf } from './common.js';

export type Operands = Partial<Record<AttentionOperandName, Strided>>;

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
