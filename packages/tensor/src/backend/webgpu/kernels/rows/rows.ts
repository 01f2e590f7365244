/**
 * What kernels that work on rows share (softmax, layer norm, cross-entropy). A row belongs to a team of `lanes` invocations: one on
 * software adapters, where barriers are dear; up to a whole workgroup on a GPU. Lanes take four neighbours at a time where
 * the width and all offsets allow it. Both are compiled in; widths (in vectors) and counts of rows are parameters.
 */
import type { Dense } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import type { Width } from '../wgsl/prelude.js';
import { indent, lines, type Scalar } from '../wgsl/source.js';

export interface Team {
  readonly workgroupSize: number;
  readonly lanes: number;
  /** Elements that a lane takes at once. */
  readonly unit: Width;
}

/** The team for rows of a width; `operands` are those that are walked along the row. */
export function teamFor({ tuning }: KernelContext, width: number, operands: readonly (Dense | undefined)[]): Team {
  const { workgroupSize, lanes } = tuning.rows;
  const unit =
    width % 4 === 0 && operands.every((operand) => operand === undefined || operand.offset % 4 === 0) ? 4 : 1;
  return { workgroupSize, lanes: lanesFor(lanes, width / unit), unit };
}

/** A power of two that leaves every lane at least two steps. */
export function lanesFor(most: number, steps: number): number {
  let lanes = 1;
  while (lanes < most && lanes * 4 <= steps) lanes *= 2;
  return lanes;
}

export function teamKey({ lanes, unit }: Team): string {
  return `${lanes}|${unit}`;
}

/** Workgroups for so many rows. */
export function rowGroups({ workgroupSize, lanes }: Pick<Team, 'workgroupSize' | 'lanes'>, rows: number): number {
  return Math.ceil(rows / (workgroupSize / lanes));
}

/** The type that a lane computes in. */
export function vectorOf({ unit }: Pick<Team, 'unit'>, scalar: Scalar = 'f32'): Scalar | `vec4<${Scalar}>` {
  return unit === 4 ? `vec4<${scalar}>` : scalar;
}

/** The sum of a lane's vector. */
export function sumOf({ unit }: Team, x: string): string {
  return unit === 4 ? `dot(${x}, vec4<f32>(1.0))` : x;
}

/** The largest element of a lane's vector. */
export function largestOf({ unit }: Team, x: string): string {
  return unit === 4 ? `max(max(${x}.x, ${x}.y), max(${x}.z, ${x}.w))` : x;
}

/**
 * Opens the body: `row`, `l` (the lane in its team) and `isRow`. Teams past the last row go along with the last one, since all invocations of a
 * workgroup must meet at its barriers, but store nothing.
 */
export function openRow({ workgroupSize, lanes }: Team): string {
  const team = workgroupSize / lanes;
  return `let wanted = group * ${team}u + lane / ${lanes}u;
let isRow = wanted < p.rows;
let row = min(wanted, p.rows - 1u);
let l = lane % ${lanes}u;`;
}

/** A loop over the vectors of the row that belong to the lane. */
export function overRow({ lanes }: Team, ...body: string[]): string {
  return `for (var c = l; c < p.width; c += ${lanes}u) {\n${indent(body.join('\n'))}\n}`;
}

/** Functions that combine one value of each lane of a team in a tree; with one lane they return the value. */
export function teamFunctions(
  { workgroupSize, lanes }: Pick<Team, 'workgroupSize' | 'lanes'>,
  combine: Readonly<Record<string, (a: string, b: string) => string>>,
  type = 'f32',
): string {
  const names = Object.entries(combine);
  if (lanes === 1)
    return names.map(([name]) => `fn ${name}(value: ${type}, lane: u32) -> ${type} {\n  return value;\n}`).join('\n\n');
  const steps = Array.from({ length: Math.log2(lanes) }, (_, i) => lanes / 2 ** (i + 1));
  const functions = names.map(
    ([name, merge]) => `fn ${name}(value: ${type}, lane: u32) -> ${type} {
  let l = lane % ${lanes}u;
  laneValues[lane] = value;
  workgroupBarrier();
${lines(
  steps.length,
  (i) => `  if (l < ${steps[i]}u) {
    laneValues[lane] = ${merge('laneValues[lane]', `laneValues[lane + ${steps[i]}u]`)};
  }
  workgroupBarrier();`,
)}
  let result = laneValues[lane - l];
  // Nobody may overwrite what another lane has yet to read.
  workgroupBarrier();
  return result;
}`,
  );
  return [`var<workgroup> laneValues: array<${type}, ${workgroupSize}>;`, ...functions].join('\n\n');
}

export const add = (a: string, b: string): string => `${a} + ${b}`;
export const larger = (a: string, b: string): string => `max(${a}, ${b})`;
