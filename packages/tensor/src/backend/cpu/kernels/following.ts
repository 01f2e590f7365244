/**
 * Expressions behind a product: as soon as a part of it is computed, and still in a cache, its rows go through the steps. Where that would not pay they
 * are a request of their own.
 */
import { numel } from '../../../shape.js';
import type { Dense, MatmulRequest, PointwiseRequest, ProductSteps, Strided } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { FollowingField, ItemSize, OperandField, OperandMode } from '../layout.generated.js';
import { type Expressions, spreadsLate, writeExpression } from './expression.js';
import { pointwise } from './pointwise.js';

/** The bytes of scratch memory that the steps take. */
export function followingBytes(
  launcher: Launcher,
  { program, inputs, scalars, outputs }: ProductSteps,
  expressions: Expressions,
): number {
  if (spreadsLate(program)) return Number.POSITIVE_INFINITY;
  const { registers } = expressions.get(launcher, program);
  const buffers = scalars.length + outputs.length + registers;
  const slots = 1 + inputs.length + buffers + outputs.length;
  return Math.ceil((slots * 4) / 64 + 1) * 64 + Math.ceil((buffers * (ItemSize.followingBlock + 16) * 4) / 64) * 64;
}

/** Writes the record of the steps as part of the record at hand; the address of it. */
export function writeFollowing(
  launcher: Launcher,
  { program, inputs, scalars, outputs }: ProductSteps,
  product: Dense,
  expressions: Expressions,
): number {
  const expression = expressions.get(launcher, program);
  const record = launcher.more(FollowingField.length);
  const operandsAt = launcher.more(OperandField.strides * (1 + inputs.length + outputs.length));
  writeExpression(launcher, record, expression, program, scalars, operandsAt);
  const { i32 } = launcher;
  i32[record + FollowingField.dense] = Number(inputs.every(({ isRow }) => !isRow));
  const sources = [{ ...product, isRow: false }, ...inputs];
  let at = operandsAt;
  for (const input of sources) {
    i32[at + OperandField.address] = launcher.pointer(input);
    i32[at + OperandField.mode] = input.isRow ? OperandMode.row : OperandMode.dense;
    at += OperandField.strides;
  }
  for (const [o, output] of outputs.entries()) {
    const plan = expression.outputs[o];
    if (plan === undefined) continue;
    const clobbers = plan.readLater.some((i) => sources[i]?.buffer === output.buffer);
    i32[at + OperandField.address] = launcher.pointer(output);
    i32[at + OperandField.source] = plan.source;
    i32[at + OperandField.direct] = Number(plan.own && !clobbers);
    at += OperandField.strides;
  }
  return record * 4;
}

/** The steps behind a product that has been computed. */
export function runFollowing(
  launcher: Launcher,
  { batch, m, n, out, steps }: MatmulRequest,
  expressions: Expressions,
): void {
  if (steps) pointwise(launcher, followingRequest(numel(batch) * m, n, out, steps), expressions);
}

/** The steps behind a product of `rows` rows in memory as a request of their own. */
export function followingRequest(
  rows: number,
  n: number,
  product: Dense,
  { program, scalars, inputs, outputs }: ProductSteps,
): PointwiseRequest {
  const strided = (operand: Dense, isRow = false): Strided => ({ ...operand, strides: [isRow ? 0 : n, 1] });
  return {
    kind: 'pointwise',
    program,
    shape: [rows, n],
    inputs: [strided(product), ...inputs.map((input) => strided(input, input.isRow))],
    scalars,
    outputs: outputs.map((output) => strided(output)),
  };
}
