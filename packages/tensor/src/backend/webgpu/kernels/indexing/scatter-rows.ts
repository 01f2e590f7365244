/**
 * Sums rows into a table, the gradient of a gather: the rows are put in the order of their indices, and those of one index are added up
 * (`segment-sums.ts`). Without atomics, so with the same bits every time. Rows of the table that no index names are cleared before.
 */

import { rowOutOfRange } from '../../../index-errors.js';
import type { DeviceBuffer, ScatterAddRowsRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { type Element, type Scalar, u32, write } from '../wgsl/source.js';
import { segmentSums } from './segment-sums.js';
import { sortedPlaces } from './sorted-places.js';

export function scatterAddRows(context: KernelContext, request: ScatterAddRowsRequest): void {
  const { rows, width, tableRows, paddingIndex, grad, indices, out } = request;
  if (tableRows * width === 0) return;
  const unit = width % 4 === 0 && out.offset % 4 === 0 ? 4 : 1;
  const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
  clear(context, out.buffer, (tableRows * width) / unit, out.offset / unit, element);
  if (rows === 0) return;
  const sorted = sortedPlaces(context, {
    indices: indices.buffer,
    places: rows,
    keys: tableRows,
    hasColumns: false,
    params: { size: tableRows, indexOffset: indices.offset, placeStride: 1, paddingIndex, ...UNUSED },
    faults: context.faults.at('embeddingBackward', (index, size) => rowOutOfRange('embeddingBackward', index, size)),
  });
  const sizes = { outer: 1, size: tableRows, inner: width, count: rows, hasColumns: false };
  segmentSums(context, { values: grad, table: out, ...sizes, adds: false }, sorted);
}

/** Of keys by column. */
const UNUSED = { count: 0, inner: 0, outerStride: 0, innerStride: 0 };

/** Zeros. */
export function clear(
  context: KernelContext,
  out: DeviceBuffer,
  count: number,
  outOffset: number,
  element: Element | Scalar,
): void {
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel(`clear|${element}`, () => ({
    label: 'clear',
    about: `Each invocation clears one ${element}.`,
    bindings: [write('out', element)],
    params: u32('count', 'outOffset'),
    workgroupSize,
    each: ['at', 'p.count'],
    main: `out[p.outOffset + at] = ${element}();`,
  }));
  context.dispatch(kernel, { out }, { count, outOffset }, groupsOf(count, workgroupSize));
}
