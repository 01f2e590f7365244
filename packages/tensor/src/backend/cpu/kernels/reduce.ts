/** Reductions on the CPU. */
import type { ReduceRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { ReduceCode, ReduceField } from '../layout.generated.js';

/** Columns of a work item. */
const COLUMN_GROUP = 256;

/** A reduction whose operands are addresses: also the second half of kernels that leave partial sums. */
export interface RawReduction {
  readonly op: ReduceRequest['op'];
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly scale: number;
  readonly input: number;
  readonly out: number;
  readonly floatInput: boolean;
  readonly floatOut: boolean;
}

export function launchReduce(launcher: Launcher, reduction: RawReduction): void {
  const { outer, length, inner } = reduction;
  if (outer * inner === 0) return;
  const columnGroup = Math.min(COLUMN_GROUP, inner);
  const columnGroups = Math.ceil(inner / columnGroup);
  const record = launcher.record(ReduceField.length);
  const { i32, f32 } = launcher;
  i32[record + ReduceField.op] = ReduceCode[reduction.op];
  i32[record + ReduceField.outer] = outer;
  i32[record + ReduceField.count] = length;
  i32[record + ReduceField.inner] = inner;
  i32[record + ReduceField.columnGroup] = columnGroup;
  i32[record + ReduceField.columnGroups] = columnGroups;
  f32[record + ReduceField.scale] = reduction.scale;
  i32[record + ReduceField.input] = reduction.input;
  i32[record + ReduceField.out] = reduction.out;
  i32[record + ReduceField.floatInput] = Number(reduction.floatInput);
  i32[record + ReduceField.floatOut] = Number(reduction.floatOut);
  launcher.launch('reduce', record, outer * columnGroups, Math.ceil(16_384 / Math.max(1, length * columnGroup)));
}

export function reduce(launcher: Launcher, request: ReduceRequest): void {
  const { op, outer, length, inner, scale, input, out } = request;
  launchReduce(launcher, {
    op,
    outer,
    length,
    inner,
    scale,
    input: launcher.pointer(input),
    out: launcher.pointer(out),
    floatInput: input.dtype === 'float32',
    floatOut: out.dtype === 'float32',
  });
}
