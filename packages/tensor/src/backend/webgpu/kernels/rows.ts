/**
 * What kernels that work on rows share (softmax, layer norm, cross-entropy). A row belongs to a team of `lanes` invocations: one on
 * software adapters, where barriers are dear; up to a whole workgroup on a GPU. The number of lanes is compiled in; widths and counts of rows
 * are parameters.
 */
import type { KernelContext } from '../context.js';
import { lines, type Scalar } from './source.js';

export interface Team {
  readonly workgroupSize: number;
  readonly lanes: number;
}

/** Lanes for rows of a width: a power of two with at least four elements for each lane. */
export function teamFor({ tuning }: KernelContext, width: number): Team {
  const { workgroupSize, lanes } = tuning.rows;
  let wanted = 1;
  while (wanted < lanes && wanted * 8 <= width) wanted *= 2;
  return { workgroupSize, lanes: wanted };
}

/** Workgroups for so many rows. */
export function rowGroups({ workgroupSize, lanes }: Team, rows: number): number {
  return Math.ceil(rows / (workgroupSize / lanes));
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

/** A loop over the row's elements that belong to the lane. */
export function overRow({ lanes }: Team, body: string): string {
  return `for (var c = l; c < p.width; c += ${lanes}u) {
${body.replace(/^(?=.)/gm, '  ')}
}`;
}

/** Functions `team<Name>(value, lane)` that combine the values of a team in a tree; with one lane they return the value. */
export function teamFunctions(
  team: Team,
  combine: Readonly<Record<string, (a: string, b: string) => string>>,
  type: Scalar = 'f32',
): string {
  const { workgroupSize, lanes } = team;
  const names = Object.entries(combine);
  if (lanes === 1)
    return names.map(([name]) => `fn ${name}(value: ${type}, lane: u32) -> ${type} {\n  return value;\n}`).join('\n\n');
  const steps = Array.from({ length: Math.log2(lanes) }, (_, i) => lanes / 2 ** (i + 1));
  const functions = names.map(
    ([name, merge]) => `fn ${name}(value: ${type}, lane: u32) -> ${type} {
  let l = lane % ${lanes}u;
  shared_values[lane] = value;
  workgroupBarrier();
${lines(
  steps.length,
  (i) => `  if (l < ${steps[i]}u) {
    shared_values[lane] = ${merge('shared_values[lane]', `shared_values[lane + ${steps[i]}u]`)};
  }
  workgroupBarrier();`,
)}
  let result = shared_values[lane - l];
  // Nobody may overwrite what another lane has yet to read.
  workgroupBarrier();
  return result;
}`,
  );
  return [`var<workgroup> shared_values: array<${type}, ${workgroupSize}>;`, ...functions].join('\n\n');
}

export const add = (a: string, b: string): string => `${a} + ${b}`;
export const larger = (a: string, b: string): string => `max(${a}, ${b})`;
