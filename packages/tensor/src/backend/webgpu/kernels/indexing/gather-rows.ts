/** Rows of a table by index, four elements an invocation where rows are aligned. */

import { rowOutOfRange } from '../../../index-errors.js';
import type { GatherRowsRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { reportsFaults } from '../../faults.js';
import { type Element, type KernelSource, read, storedAs, u32, write } from '../wgsl/source.js';

export function gatherRows(context: KernelContext, request: GatherRowsRequest): void {
  const { rows, width, tableRows, table, indices, out } = request;
  if (rows * width === 0) return;
  const unit = width % 4 === 0 && table.offset % 4 === 0 && out.offset % 4 === 0 ? 4 : 1;
  const scalar = storedAs(table.dtype);
  const element: Element = unit === 4 ? `vec4<${scalar}>` : scalar;
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel(`gatherRows|${element}`, () => gatherSource(element, workgroupSize));
  context.dispatch(
    kernel,
    { source: table.buffer, indices: indices.buffer, out: out.buffer, faults: context.faults.buffer },
    {
      count: (rows * width) / unit,
      width: width / unit,
      tableRows,
      tableOffset: table.offset / unit,
      indexOffset: indices.offset,
      outOffset: out.offset / unit,
      ...context.faults.at('embedding', (index, size) => rowOutOfRange('embedding', index, size), request.place),
    },
    groupsOf((rows * width) / unit, workgroupSize),
  );
}

function gatherSource(element: Element, workgroupSize: number): KernelSource {
  return reportsFaults({
    label: 'gather rows',
    about: `Each invocation copies one ${element}; a row whose index is outside the table is zeros, and reported.`,
    bindings: [read('source', element), read('indices', 'i32'), write('out', element)],
    params: u32('count', 'width', 'tableRows', 'tableOffset', 'indexOffset', 'outOffset'),
    workgroupSize,
    each: ['i', 'p.count'],
    main: `
      // A negative index is a huge unsigned one: also outside.
      let index = u32(indices[p.indexOffset + i / p.width]);
      var value = ${element}();
      if (index < p.tableRows) {
        value = source[p.tableOffset + index * p.width + i % p.width];
      } else {
        reportFault(index, p.tableRows);
      }
      out[p.outOffset + i] = value;`,
  });
}
