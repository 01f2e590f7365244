/**
 * Expressions behind a product: as soon as an item of it is computed, and still in a cache, its rows go through the steps. As in
 * `pointwise.ts`, dense operands are read and written where they are, other values go through block buffers.
 */
import { ExpressionField, FollowingField, ItemSize, OperandField, OperandMode, StepField } from '../layout';
import { copyWords, fillWords, int, pointer } from '../memory';
import { runSteps } from '../pointwise';
import { setBlockStart } from '../primitives/sources';

const OPERAND_BYTES: usize = OperandField.strides * 4;
const BUFFER_BYTES: usize = (ItemSize.followingBlock + 16) * 4;

// @ts-ignore: decorator
@inline
function outputSlots(record: usize, slots: usize): usize {
  return slots + (<usize>(int(record, ExpressionField.inputs) + int(record, ExpressionField.scalars)) << 2);
}

/** Lays out slots and buffers in memory of its own: scalars repeated, a buffer for each output and register. */
export function prepareFollowing(record: usize, slots: usize): void {
  const inputs = int(record, ExpressionField.inputs);
  const scalars = int(record, ExpressionField.scalars);
  const outputs = int(record, ExpressionField.outputs);
  const registers = int(record, ExpressionField.registers);
  const own = outputSlots(record, slots);
  // The buffers of outputs are remembered behind the slots of registers.
  const buffers = own + (<usize>(outputs + registers) << 2);
  let buffer = (buffers + (<usize>outputs << 2) + 63) & ~63;
  for (let i = 0; i < scalars; i++) {
    const value = load<u32>(pointer(record, ExpressionField.scalarValues) + (<usize>i << 2));
    fillWords(buffer, value, ItemSize.followingBlock);
    store<usize>(slots + (<usize>(inputs + i) << 2), buffer);
    buffer += BUFFER_BYTES;
  }
  for (let i = 0; i < outputs; i++) {
    store<usize>(buffers + (<usize>i << 2), buffer);
    buffer += BUFFER_BYTES;
  }
  for (let i = 0; i < registers; i++) {
    store<usize>(own + (<usize>(outputs + i) << 2), buffer);
    buffer += BUFFER_BYTES;
  }
}

/** The rows of an item of [.., n]: `columns` of each from the element `start` on, in column `column`. */
export function runFollowing(
  record: usize,
  slots: usize,
  start: usize,
  column: i32,
  rows: i32,
  columns: i32,
  n: i32,
): void {
  const inputs = <usize>int(record, ExpressionField.inputs);
  const outputs = <usize>int(record, ExpressionField.outputs);
  const code = pointer(record, ExpressionField.code);
  const codeEnd = code + <usize>(int(record, ExpressionField.steps) * StepField.length * 4);
  const operands = pointer(record, ExpressionField.operands);
  const outputOperands = operands + inputs * OPERAND_BYTES;
  const operandsEnd = outputOperands + outputs * OPERAND_BYTES;
  const own = outputSlots(record, slots);
  const buffers = own + ((outputs + <usize>int(record, ExpressionField.registers)) << 2);
  // Whole rows without a seam are one long row.
  const isWhole = columns == n && int(record, FollowingField.dense) == 1;
  const lines = isWhole ? 1 : rows;
  const width = isWhole ? rows * n : columns;
  for (let line = 0; line < lines; line++) {
    for (let at = 0; at < width; at += ItemSize.followingBlock) {
      const first = start + <usize>at;
      const bytes = first << 2;
      const count = min(ItemSize.followingBlock, width - at);
      const padded = (count + 15) & ~15;
      setBlockStart(<u32>first);
      let slot = slots;
      for (let operand = operands; operand < outputOperands; operand += OPERAND_BYTES) {
        const isRow = int(operand, OperandField.mode) == OperandMode.row;
        store<usize>(slot, pointer(operand, OperandField.address) + (isRow ? <usize>(column + at) << 2 : bytes));
        slot += 4;
      }
      slot = own;
      let buffer = buffers;
      for (let operand = outputOperands; operand < operandsEnd; operand += OPERAND_BYTES) {
        const isDirect = count == padded && int(operand, OperandField.direct) == 1;
        store<usize>(slot, isDirect ? pointer(operand, OperandField.address) + bytes : load<usize>(buffer));
        slot += 4;
        buffer += 4;
      }
      runSteps(code, codeEnd, slots, padded);
      for (let operand = outputOperands; operand < operandsEnd; operand += OPERAND_BYTES) {
        const source = load<usize>(slots + (pointer(operand, OperandField.source) << 2));
        const target = pointer(operand, OperandField.address) + bytes;
        if (source != target) copyWords(target, source, count);
      }
    }
    start += <usize>n;
  }
}
