/**
 * The interpreter of fused expressions: a block at a time, so that intermediate values stay in L1, with one primitive call a
 * step. Dense operands are read and written where they are; others go through block buffers. Primitives work on multiples of
 * 16 elements, so the last, shorter block writes to a buffer too, and reads up to 15 elements past its inputs, which is within
 * memory (the host keeps a margin at the end) and has no effect.
 */
import { ExpressionField, OperandField, OperandMode, PointwiseField, StepField } from './layout';
import { copyWords, fillWords, int, pointer, scratch } from './memory';
import { setBlockStart } from './primitives/sources';

/** The gather or scatter of one block of a strided operand: `[start, start + count)` in row-major order of the shape. */
// @ts-ignore: decorator
@inline
function walk(buffer: usize, operand: usize, shape: usize, rank: i32, start: i32, count: i32, gather: bool): void {
  const strides = operand + ((<usize>OperandField.strides) << 2);
  const last = rank - 1;
  const size = int(shape, last);
  const stride = int(strides, last);
  let row = start / size;
  let column = start - row * size;
  // Where a row begins follows from where the one before did while the dim above goes on; else from the row's number.
  const next = last > 0 ? <usize>int(strides, last - 1) << 2 : 0;
  let left = 0;
  let base: usize = 0;
  while (count > 0) {
    if (left > 0) {
      base += next;
    } else {
      base = pointer(operand, OperandField.address);
      let rest = row;
      for (let d = last - 1; d >= 0; d--) {
        const extent = int(shape, d);
        const outer = rest / extent;
        base += <usize>((rest - outer * extent) * int(strides, d)) << 2;
        if (d == last - 1) left = extent - (rest - outer * extent);
        rest = outer;
      }
    }
    left--;
    const address = base + (<usize>(column * stride) << 2);
    const run = min(size - column, count);
    if (gather) gatherRun(buffer, address, stride, run);
    else scatterRun(address, buffer, stride, run);
    buffer += <usize>run << 2;
    count -= run;
    column = 0;
    row++;
  }
}

/** Writes whole vectors: the next run, or nobody, owns what lies beyond. */
function gatherRun(buffer: usize, source: usize, stride: i32, count: i32): void {
  if (stride == 1) {
    if (count >= 128) {
      memory.copy(buffer, source, <usize>count << 2);
      return;
    }
    const end = buffer + (<usize>count << 2);
    while (buffer < end) {
      v128.store(buffer, v128.load(source));
      buffer += 16;
      source += 16;
    }
    return;
  }
  if (stride == 0) {
    fillWords(buffer, load<u32>(source), count);
    return;
  }
  const step = <usize>stride << 2;
  const end = buffer + (<usize>count << 2);
  if (stride == 2) {
    // Every other word: windows and slices with a step of two.
    while (buffer < end) {
      v128.store(buffer, v128.shuffle<i32>(v128.load(source), v128.load(source, 16), 0, 2, 4, 6));
      buffer += 16;
      source += 32;
    }
    return;
  }
  while (buffer < end) {
    store<u32>(buffer, load<u32>(source));
    buffer += 4;
    source += step;
  }
}

function scatterRun(target: usize, buffer: usize, stride: i32, count: i32): void {
  if (stride == 1) {
    copyWords(target, buffer, count);
    return;
  }
  const step = <usize>stride << 2;
  const end = buffer + (<usize>count << 2);
  while (buffer < end) {
    store<u32>(target, load<u32>(buffer));
    buffer += 4;
    target += step;
  }
}

function gather(buffer: usize, operand: usize, shape: usize, rank: i32, start: i32, count: i32): void {
  walk(buffer, operand, shape, rank, start, count, true);
}

function scatter(buffer: usize, operand: usize, shape: usize, rank: i32, start: i32, count: i32): void {
  walk(buffer, operand, shape, rank, start, count, false);
}

/** One primitive call a step, each over all of a block. */
// @ts-ignore: decorator
@inline
export function runSteps(code: usize, codeEnd: usize, slots: usize, padded: i32): void {
  for (let at = code; at < codeEnd; at += StepField.length * 4) {
    call_indirect<void>(
      load<u32>(at),
      load<usize>(slots + (load<usize>(at, StepField.target * 4) << 2)),
      load<usize>(slots + (load<usize>(at, StepField.a * 4) << 2)),
      load<usize>(slots + (load<usize>(at, StepField.b * 4) << 2)),
      load<usize>(slots + (load<usize>(at, StepField.c * 4) << 2)),
      padded,
    );
  }
}

export function pointwise(record: usize, begin: i32, end: i32): void {
  const total = int(record, PointwiseField.total);
  const block = int(record, PointwiseField.block);
  const rank = int(record, PointwiseField.rank);
  const shape = pointer(record, PointwiseField.shape);
  const inputs = int(record, ExpressionField.inputs);
  const scalars = int(record, ExpressionField.scalars);
  const scalarsInPlace = int(record, PointwiseField.scalarsInPlace);
  const outputs = int(record, ExpressionField.outputs);
  const registers = int(record, ExpressionField.registers);
  const code = pointer(record, ExpressionField.code);
  const codeEnd = code + <usize>(int(record, ExpressionField.steps) * StepField.length * 4);
  const operands = pointer(record, ExpressionField.operands);
  const operandBytes = <usize>((OperandField.strides + rank) * 4);
  const outputOperands = operands + <usize>inputs * operandBytes;

  // Slots hold the address of each value's current block. Buffers have 16 elements to spare for runs rounded up to vectors.
  const slots = scratch();
  const outputSlots = slots + (<usize>(inputs + scalars) << 2);
  const bufferBytes = <usize>(block + 16) << 2;
  let buffer = (slots + (<usize>(inputs + scalars + outputs * 2 + registers) << 2) + 63) & ~63;
  const used = min(block, (total + 15) & ~15);
  for (let i = 0; i < inputs; i++) {
    const operand = operands + <usize>i * operandBytes;
    const mode = int(operand, OperandField.mode);
    if (mode == OperandMode.dense) continue;
    if (mode == OperandMode.splat) fillWords(buffer, load<u32>(pointer(operand, OperandField.address)), used);
    store<usize>(slots + (<usize>i << 2), buffer);
    buffer += bufferBytes;
  }
  for (let i = 0; i < scalars; i++) {
    const value = pointer(record, ExpressionField.scalarValues) + (<usize>i << 2);
    store<usize>(slots + (<usize>(inputs + i) << 2), scalarsInPlace ? value : buffer);
    if (scalarsInPlace) continue;
    fillWords(buffer, load<u32>(value), used);
    buffer += bufferBytes;
  }
  // The buffers of outputs are remembered behind the slots of registers.
  const outputBuffers = outputSlots + (<usize>(outputs + registers) << 2);
  for (let i = 0; i < outputs; i++) {
    store<usize>(outputBuffers + (<usize>i << 2), buffer);
    buffer += bufferBytes;
  }
  for (let i = 0; i < registers; i++) {
    store<usize>(outputSlots + (<usize>(outputs + i) << 2), buffer);
    buffer += bufferBytes;
  }

  for (let item = begin; item < end; item++) {
    const start = item * block;
    const count = min(block, total - start);
    const padded = (count + 15) & ~15;
    setBlockStart(<u32>start);
    for (let i = 0; i < inputs; i++) {
      const operand = operands + <usize>i * operandBytes;
      const mode = int(operand, OperandField.mode);
      if (mode == OperandMode.dense) {
        store<usize>(slots + (<usize>i << 2), pointer(operand, OperandField.address) + (<usize>start << 2));
      } else if (mode == OperandMode.strided) {
        gather(load<usize>(slots + (<usize>i << 2)), operand, shape, rank, start, count);
      }
    }
    for (let i = 0; i < outputs; i++) {
      const operand = outputOperands + <usize>i * operandBytes;
      const place =
        int(operand, OperandField.direct) && count == padded
          ? pointer(operand, OperandField.address) + (<usize>start << 2)
          : load<usize>(outputBuffers + (<usize>i << 2));
      store<usize>(outputSlots + (<usize>i << 2), place);
    }
    runSteps(code, codeEnd, slots, padded);
    for (let i = 0; i < outputs; i++) {
      const operand = outputOperands + <usize>i * operandBytes;
      const source = load<usize>(slots + (pointer(operand, OperandField.source) << 2));
      if (int(operand, OperandField.mode) == OperandMode.dense) {
        const target = pointer(operand, OperandField.address) + (<usize>start << 2);
        if (source != target) memory.copy(target, source, <usize>count << 2);
      } else {
        scatter(source, operand, shape, rank, start, count);
      }
    }
  }
}
