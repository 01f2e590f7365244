/**
 * Sums rows into a table, the gradient of a gather, in ascending order of the rows and without atomics, so with the same bits
 * every time. First each row finds the next row with the same index; then the first row of every such chain walks
 * it and writes the sum. Rows of the table that no index names are cleared before.
 *
 * The search looks at all later indices until it finds one: quadratic in the worst case, but with four integers compared at a time
 * and no more than a few thousand tokens in a batch it costs less than a sort.
 */
import type { DeviceBuffer, ScatterAddRowsRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { type Element, type KernelSource, read, type Scalar, u32, write } from './source.js';

export function scatterAddRows(context: KernelContext, request: ScatterAddRowsRequest): void {
  const { rows, width, tableRows, paddingIndex, grad, indices, out } = request;
  if (tableRows * width === 0) return;
  const unit = width % 4 === 0 && grad.offset % 4 === 0 && out.offset % 4 === 0 ? 4 : 1;
  const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
  clear(context, out.buffer, (tableRows * width) / unit, out.offset / unit, element);
  if (rows === 0) return;

  // Two words a row: its successor plus one (0 for none), and whether it is one.
  const links = context.temporary(rows * 8);
  clear(context, links, rows * 2, 0, 'u32');
  const { workgroupSize } = context.tuning.pointwise;
  const link = context.kernel('scatterLink', () => linkSource(workgroupSize));
  const filter = { rows, tableRows, paddingIndex, indexOffset: indices.offset };
  context.dispatch(link, { indices: indices.buffer, links }, filter, groupsOf(rows, workgroupSize));

  const walk = context.kernel(`scatterWalk|${element}`, () => walkSource(element, workgroupSize));
  context.dispatch(
    walk,
    { grad: grad.buffer, indices: indices.buffer, links, out: out.buffer },
    { ...filter, width: width / unit, gradOffset: grad.offset / unit, outOffset: out.offset / unit },
    groupsOf((rows * width) / unit, workgroupSize),
  );
}

/** Zeros. */
function clear(
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
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i < p.count) {
        out[p.outOffset + i] = ${element}();
      }`,
  }));
  context.dispatch(kernel, { out }, { count, outOffset }, groupsOf(count, workgroupSize));
}

function linkSource(workgroupSize: number): KernelSource {
  return {
    label: 'scatter rows: link',
    about: 'Each invocation finds the next row with the index of its own.',
    bindings: [read('indices', 'i32'), write('links', 'u32')],
    params: { ...u32('rows', 'tableRows', 'indexOffset'), paddingIndex: 'i32' },
    workgroupSize,
    main: `
      let row = group * ${workgroupSize}u + lane;
      if (row >= p.rows) {
        return;
      }
      let index = indices[p.indexOffset + row];
      if (u32(index) >= p.tableRows || index == p.paddingIndex) {
        return;
      }
      for (var next = row + 1u; next < p.rows; next++) {
        if (indices[p.indexOffset + next] == index) {
          links[2u * row] = next + 1u;
          // No other row has this successor.
          links[2u * next + 1u] = 1u;
          return;
        }
      }`,
  };
}

function walkSource(element: Element, workgroupSize: number): KernelSource {
  return {
    label: 'scatter rows: sum',
    about: `Each invocation sums one ${element} of the rows along one chain.`,
    bindings: [read('grad', element), read('indices', 'i32'), read('links', 'u32'), write('out', element)],
    params: {
      ...u32('rows', 'tableRows', 'indexOffset', 'width', 'gradOffset', 'outOffset'),
      paddingIndex: 'i32',
    },
    workgroupSize,
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i >= p.rows * p.width) {
        return;
      }
      let row = i / p.width;
      let column = i % p.width;
      let index = indices[p.indexOffset + row];
      let isOutside = u32(index) >= p.tableRows || index == p.paddingIndex;
      if (isOutside || links[2u * row + 1u] == 1u) {
        return;
      }
      var sum = grad[p.gradOffset + i];
      for (var next = links[2u * row]; next > 0u; next = links[2u * (next - 1u)]) {
        sum += grad[p.gradOffset + (next - 1u) * p.width + column];
      }
      out[p.outOffset + u32(index) * p.width + column] = sum;`,
  };
}
