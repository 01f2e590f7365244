/** How the kernels of reductions find their strip of [outer, length, inner], which becomes one element of [outer, strips, inner]. */
import type { Team } from '../rows/rows.js';
import { openInvocation, u32 } from '../wgsl/source.js';

export const STRIP_PARAMS = u32('rows', 'length', 'inner', 'strips', 'stripLength', 'xOffset', 'outOffset');

/**
 * Opens the body: `column`, the place in [outer, strips, inner], its `o` and `i`, and the steps from `begin` to `end` of the lane, `lanes`
 * apart; `first` is the lane's number. Teams past the last column go along with it, since all must meet at the barriers.
 */
export function openStrip({ workgroupSize, lanes }: Team): string {
  const place =
    lanes > 1
      ? `let wanted = group * ${workgroupSize / lanes}u + lane / ${lanes}u;
let isRow = wanted < p.rows;
let column = min(wanted, p.rows - 1u);
let first = lane % ${lanes}u;`
      : `${openInvocation(['column', 'p.rows'], workgroupSize)}
let first = 0u;`;
  return `${place}
let i = column % p.inner;
let strip = (column / p.inner) % p.strips;
let o = column / (p.inner * p.strips);
let begin = strip * p.stripLength + first;
let end = min((strip + 1u) * p.stripLength, p.length);`;
}
