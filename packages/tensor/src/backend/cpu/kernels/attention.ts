/** Attention and its backward on the CPU: chooses blocks and passes, by shapes alone. */
import type { AttentionBackwardRequest, AttentionOperands, AttentionRequest, Dense, Strided } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { AttentionField, AttentionOperand, AttentionPass, AttentionSlot } from '../layout.generated.js';
import { SCRATCH_BYTES } from '../scratch.js';

/** Queries of a block: fewer where keys stay packed, more where every block packs them anew. */
const BLOCK_WHOLE = 64;
const BLOCK_STREAMED = 128;
/** Packed keys and values that may stay in scratch memory: more would not stay in L2. */
const MOST_PACKED_BYTES = 384 * 1024;
/** Up to so many queries, packing keys and values costs more than it brings. */
const FEW = 4;
/** From so many matrices on, each is a work item of the backward. */
const MANY_MATRICES = 8;
/** Queries and keys of a block of the backward: fewer where rows are wide, since ten such blocks share scratch memory with two of scores. */
const BLOCK_BACKWARD = 128;
const BLOCK_BACKWARD_WIDE = 64;
const WIDE = 128;
/** Multiplications that make a piece of work for a thread. */
const GRAIN = 131_072;

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
const upTo = (size: number, multiple: number) => Math.ceil(size / multiple) * multiple;

type Slots = Partial<Record<keyof typeof AttentionSlot, Strided>>;

export function attention(launcher: Launcher, request: AttentionRequest): void {
  const { batch, queries, keys, width, valueWidth, query, key, value, mask, out } = request;
  const matrices = product(batch);
  const record = writeRecord(launcher, request, { query, key, value, mask, output: out }, request.logSumExp);
  const work = keys * (width + valueWidth);
  if (queries <= FEW) {
    launcher.launch('attentionThin', record, matrices, Math.ceil(GRAIN / (queries * work)));
    return;
  }
  const packedBytes = upTo(keys, 8) * (width + upTo(valueWidth, 8)) * 4;
  const packWhole = packedBytes <= Math.min(MOST_PACKED_BYTES, SCRATCH_BYTES / 2);
  const queryBlock = Math.min(packWhole ? BLOCK_WHOLE : BLOCK_STREAMED, upTo(queries, 16));
  const queryBlocks = Math.ceil(queries / queryBlock);
  const { i32 } = launcher;
  i32[record + AttentionField.packWhole] = Number(packWhole);
  i32[record + AttentionField.queryBlock] = queryBlock;
  i32[record + AttentionField.queryBlocks] = queryBlocks;
  launcher.start('attention', record, matrices * queryBlocks, Math.ceil(GRAIN / (queryBlock * work)));
}

export function attentionBackward(launcher: Launcher, request: AttentionBackwardRequest): void {
  const { batch, queries, keys, width, valueWidth, query, key, value, mask, output, grad } = request;
  const { gradQuery, gradKey, gradValue } = request;
  const matrices = product(batch);
  const slots = { query, key, value, mask, output, grad, gradQuery, gradKey, gradValue };
  const record = writeRecord(launcher, request, slots, request.logSumExp);
  const block = Math.max(width, valueWidth) > WIDE ? BLOCK_BACKWARD_WIDE : BLOCK_BACKWARD;
  const queryBlocks = Math.ceil(queries / block);
  const keyBlocks = Math.ceil(keys / block);
  const { i32 } = launcher;
  i32[record + AttentionField.block] = block;
  const launch = (pass: AttentionPass, parts: number): void => {
    i32[record + AttentionField.pass] = pass;
    const work = ((queries * keys) / parts) * 3 * (width + valueWidth);
    launcher.launch('attentionBackward', record, matrices * parts, Math.ceil(GRAIN / work));
  };
  if (matrices >= MANY_MATRICES || queryBlocks * keyBlocks === 1) {
    launch(AttentionPass.all, 1);
    return;
  }
  if (gradQuery) launch(AttentionPass.queries, queryBlocks);
  if (gradKey || gradValue) launch(AttentionPass.keys, keyBlocks);
}

function writeRecord(launcher: Launcher, request: AttentionOperands, slots: Slots, logSumExp?: Dense): number {
  const { batch, mask, dropout } = request;
  const rank = batch.length;
  const record = launcher.record(AttentionField.length);
  const sizesAt = launcher.more(rank);
  const words = AttentionOperand.batchStrides + rank;
  const operandsAt = launcher.more(AttentionSlot.length * words);
  const { i32, f32 } = launcher;
  i32[record + AttentionField.queries] = request.queries;
  i32[record + AttentionField.keys] = request.keys;
  i32[record + AttentionField.width] = request.width;
  i32[record + AttentionField.valueWidth] = request.valueWidth;
  f32[record + AttentionField.scale] = request.scale;
  f32[record + AttentionField.scoreScale] = request.scale * Math.LOG2E;
  i32[record + AttentionField.isCausal] = Number(request.isCausal);
  i32[record + AttentionField.maskKind] = mask === undefined ? 0 : mask.dtype === 'bool' ? 1 : 2;
  i32[record + AttentionField.hasDropout] = Number(dropout !== undefined);
  f32[record + AttentionField.dropoutP] = dropout?.p ?? 0;
  f32[record + AttentionField.dropoutScale] = dropoutScale(dropout?.p ?? 0);
  i32[record + AttentionField.seedLow] = dropout?.key[0] ?? 0;
  i32[record + AttentionField.seedHigh] = dropout?.key[1] ?? 0;
  i32[record + AttentionField.dropoutOffset] = dropout?.key[2] ?? 0;
  i32[record + AttentionField.logSumExp] = launcher.pointer(logSumExp);
  i32[record + AttentionField.batchRank] = rank;
  i32[record + AttentionField.batchSizes] = sizesAt * 4;
  i32[record + AttentionField.operands] = operandsAt * 4;
  for (const [d, size] of batch.entries()) i32[sizesAt + d] = size;
  for (let slot = 0; slot < AttentionSlot.length; slot++) {
    const operand = slots[AttentionSlot[slot] as keyof typeof AttentionSlot];
    const at = operandsAt + slot * words;
    i32[at + AttentionOperand.address] = launcher.pointer(operand);
    i32[at + AttentionOperand.rowStride] = (operand?.strides[rank] ?? 0) * 4;
    i32[at + AttentionOperand.columnStride] = (operand?.strides[rank + 1] ?? 0) * 4;
    for (let d = 0; d < rank; d++) i32[at + AttentionOperand.batchStrides + d] = (operand?.strides[d] ?? 0) * 4;
  }
  return record;
}

/** What the weights that stay are multiplied by. */
export function dropoutScale(p: number): number {
  return p === 1 ? 0 : 1 / (1 - p);
}
