/**
 * The second pass of sums over rows that a kernel has taken by strips of rows: one launch adds up the strips of one array, or of several of the
 * same size. An invocation takes all strips of a column, in order; where they are many and columns few, a reduction (`../reduce/reduce.ts`) is faster.
 */
import type { Dense, DeviceBuffer } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { type Element, indent, type KernelSource, openInvocation, read, u32, write } from '../wgsl/source.js';
import { type Team, vectorOf } from './rows.js';

/** Strips that are added up on their own before they join the rest, so that errors grow slowly. */
const BLOCK = 32;

/** Sums of strips, [strips, columns], and where what they come to goes. */
export interface StripSums {
  readonly strips: DeviceBuffer;
  readonly out: Dense;
}

/** Adds up `strips` rows of so many columns, each of the team's unit. */
export function sumStrips(
  context: KernelContext,
  sums: readonly StripSums[],
  strips: number,
  columns: number,
  { unit, workgroupSize }: Team,
): void {
  const count = sums.length;
  const kernel = context.kernel(`stripSums|${count}|${unit}`, () =>
    stripSumsSource(count, vectorOf({ unit }), workgroupSize),
  );
  const buffers: Record<string, DeviceBuffer> = {};
  const params: Record<string, number> = { strips, width: columns };
  for (const [i, { strips: given, out }] of sums.entries()) {
    buffers[`x${i}`] = given;
    buffers[`out${i}`] = out.buffer;
    params[`out${i}Offset`] = out.offset / unit;
  }
  context.dispatch(kernel, buffers, params, count * groupsOf(columns, workgroupSize));
}

function stripSumsSource(count: number, V: Element, workgroupSize: number): KernelSource {
  const arrays = Array.from({ length: count }, (_, i) => i);
  const sum = (i: number) => `var total = ${V}();
for (var block = 0u; block < p.strips; block += ${BLOCK}u) {
  var part = ${V}();
  for (var strip = block; strip < min(block + ${BLOCK}u, p.strips); strip++) {
    part += x${i}[strip * p.width + c];
  }
  total += part;
}
out${i}[p.out${i}Offset + c] = total;`;
  const branches = arrays.map((i) => `if (group < ${i + 1}u * groups) {\n${indent(sum(i))}\n}`);
  return {
    label: 'sums of strips',
    about: `Each invocation sums the strips of one column of ${V}; a workgroup belongs to one of ${count} arrays.`,
    bindings: arrays.flatMap((i) => [read(`x${i}`, V), write(`out${i}`, V)]),
    params: u32('strips', 'width', ...arrays.map((i) => `out${i}Offset`)),
    workgroupSize,
    main: `let groups = (p.width + ${workgroupSize - 1}u) / ${workgroupSize}u;
${openInvocation(['c', 'p.width'], workgroupSize, '(group % groups)')}
${branches.join(' else ')}`,
  };
}
