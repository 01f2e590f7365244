/**
 * Fused expressions on the CPU, over operands of any strides: a block at a time, in row-major order of the shape. A bare copy that transposes goes to a
 * kernel of its own.
 */
import { contiguousStrides, numel } from '../../../shape.js';
import type { PointwiseRequest, Strided } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { OperandField, OperandMode, PointwiseField } from '../layout.generated.js';
import { SCRATCH_BYTES } from '../scratch.js';
import { type Expression, type Expressions, spreadsLate, writeExpression } from './expression.js';
import { transposed } from './transpose.js';

/** Blocks are at most this long, and shorter where a program has so many values that they would leave L1. */
const LONGEST_BLOCK = 1024;
const SHORTEST_BLOCK = 64;
/** Of programs so wide that even those would not fit scratch memory. */
const LEAST_BLOCK = 16;
/** Elements in all the block buffers together: half of a 32 KiB L1. */
const BUFFERED = 4096;

export function pointwise(launcher: Launcher, request: PointwiseRequest, expressions: Expressions): void {
  const { program, shape, inputs, outputs, scalars } = request;
  const total = numel(shape);
  if (total === 0) return;
  if (program.steps.length === 0 && outputs.length === 1 && transposed(launcher, request)) return;
  const expression = expressions.get(launcher, program);

  const rank = shape.length;
  const dense = contiguousStrides(shape);
  const modes: OperandMode[] = [];
  let gathered = 0;
  for (const input of inputs) {
    const mode = modeOf(input, shape, dense);
    modes.push(mode);
    if (mode !== OperandMode.dense) gathered++;
  }
  const block = blockLength(expression, gathered, inputs.length, outputs.length);
  const operandWords = OperandField.strides + rank;
  const record = launcher.record(PointwiseField.length);
  const shapeAt = launcher.more(rank);
  const operandsAt = launcher.more(operandWords * (inputs.length + outputs.length));
  writeExpression(launcher, record, expression, program, scalars, operandsAt);
  const { i32 } = launcher;
  i32[record + PointwiseField.total] = total;
  i32[record + PointwiseField.block] = block;
  i32[record + PointwiseField.rank] = rank;
  i32[record + PointwiseField.shape] = shapeAt * 4;
  i32[record + PointwiseField.scalarsInPlace] = Number(spreadsLate(program));
  for (let d = 0; d < rank; d++) i32[shapeAt + d] = shape[d] ?? 1;

  let at = operandsAt;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (input === undefined) continue;
    i32[at + OperandField.address] = launcher.pointer(input);
    i32[at + OperandField.mode] = modes[i] ?? OperandMode.strided;
    for (let d = 0; d < rank; d++) i32[at + OperandField.strides + d] = input.strides[d] ?? 0;
    at += operandWords;
  }
  for (let o = 0; o < outputs.length; o++) {
    const output = outputs[o];
    const plan = expression.outputs[o];
    if (output === undefined || plan === undefined) continue;
    const mode = modeOf(output, shape, dense) === OperandMode.dense ? OperandMode.dense : OperandMode.strided;
    const clobbers = plan.readLater.some((i) => inputs[i]?.buffer === output.buffer);
    i32[at + OperandField.address] = launcher.pointer(output);
    i32[at + OperandField.mode] = mode;
    i32[at + OperandField.source] = plan.source;
    i32[at + OperandField.direct] = Number(plan.own && mode === OperandMode.dense && !clobbers);
    for (let d = 0; d < rank; d++) i32[at + OperandField.strides + d] = output.strides[d] ?? 0;
    at += operandWords;
  }
  launcher.start('pointwise', record, Math.ceil(total / block), Math.ceil(expression.grain / block));
}

/** How many elements a block has, so that what the values need buffers for stays in L1, and all of it within scratch memory. */
function blockLength({ registers, scalars }: Expression, gathered: number, inputs: number, outputs: number): number {
  const buffers = gathered + scalars + outputs + registers;
  const fitting = 2 ** Math.floor(Math.log2(BUFFERED / Math.max(buffers, 1)));
  const block = Math.min(LONGEST_BLOCK, Math.max(SHORTEST_BLOCK, fitting));
  const slots = inputs + scalars + 2 * outputs + registers;
  return block > LEAST_BLOCK && buffers * (block + 16) * 4 + slots * 4 + 64 > SCRATCH_BYTES ? LEAST_BLOCK : block;
}

function modeOf(operand: Strided, shape: readonly number[], dense: readonly number[]): OperandMode {
  let contiguous = true;
  let constant = true;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    if (operand.strides[d] !== dense[d]) contiguous = false;
    if (operand.strides[d] !== 0) constant = false;
  }
  // One element is both; as a dense one it needs no buffer.
  if (contiguous) return OperandMode.dense;
  return constant ? OperandMode.splat : OperandMode.strided;
}
