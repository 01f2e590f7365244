/** Elements by an index along a dim: an invocation for every element, or for four in a row where they share an index. */

import type { DType } from '../../../../dtype.js';
import { indexOutOfBounds } from '../../../index-errors.js';
import type { GatherRequest, ScatterRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { type FaultParameters, reportsFaults } from '../../faults.js';
import { type Element, type KernelSource, read, u32, write } from '../wgsl/source.js';

export function gather(context: KernelContext, request: GatherRequest): void {
  const { outer, size, inner, count, table, index, out } = request;
  const total = outer * count * inner;
  if (total === 0) return;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const sharesIndex = innerStride === 0 || inner === 1;
  const unit = sharesIndex && inner % 4 === 0 && table.offset % 4 === 0 && out.offset % 4 === 0 ? 4 : 1;
  const scalar = copiedAs(table.dtype);
  const element: Element = unit === 4 ? `vec4<${scalar}>` : scalar;
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel(`gather|${element}`, () => gatherSource(element, workgroupSize));
  context.dispatch(
    kernel,
    { source: table.buffer, indices: index.buffer, out: out.buffer, faults: context.faults.buffer },
    {
      total: total / unit,
      size,
      inner: inner / unit,
      count,
      tableOffset: table.offset / unit,
      indexOffset: index.offset,
      outOffset: out.offset / unit,
      outerStride,
      placeStride,
      // One index for all elements of a vector, or one for each.
      innerStride: unit === 4 ? 0 : innerStride,
      ...faultsOf(context, request),
    },
    groupsOf(total / unit, workgroupSize),
  );
}

/** Words are copied whatever they mean; 16-bit floats are not words. */
export function copiedAs(dtype: DType): 'u32' | 'f32' {
  return dtype === 'float16' ? 'f32' : 'u32';
}

/** The parameters of a kernel that reports the indices of a request. */
export function faultsOf(
  { faults }: KernelContext,
  { name, dim, place }: GatherRequest | ScatterRequest,
): FaultParameters {
  return faults.at(`${name}|${dim}`, (index, size) => indexOutOfBounds(name, dim, index, size), place);
}

function gatherSource(element: Element, workgroupSize: number): KernelSource {
  return reportsFaults({
    label: 'gather',
    about: `Each invocation copies one ${element}; an index outside the dim gives zero, and is reported.`,
    bindings: [read('source', element), read('indices', 'i32'), write('out', element)],
    params: u32(
      ...['total', 'size', 'inner', 'count', 'tableOffset', 'indexOffset', 'outOffset'],
      ...['outerStride', 'placeStride', 'innerStride'],
    ),
    workgroupSize,
    each: ['at', 'p.total'],
    main: `
      let i = at % p.inner;
      let place = (at / p.inner) % p.count;
      let o = at / (p.inner * p.count);
      // A negative index is a huge unsigned one: also outside.
      let index = u32(indices[p.indexOffset + o * p.outerStride + place * p.placeStride + i * p.innerStride]);
      var value = ${element}();
      if (index < p.size) {
        value = source[p.tableOffset + (o * p.size + index) * p.inner + i];
      } else {
        reportFault(index, p.size);
      }
      out[p.outOffset + at] = value;`,
  });
}
