/**
 * Elements by an index along a dim, and their return. Gather has an invocation for every element (or four in a row where they share an
 * index); scatter has one for every column, which changes elements in ascending order, so the same bits come out every time. Where
 * columns are too few to fill a device, additions are made in chunks of the places: each chunk into zeros of its own, added up after.
 */
import type { GatherRequest, ScatterRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { type Element, type KernelSource, read, type Scalar, u32, write } from './source.js';

export function gather(context: KernelContext, request: GatherRequest): void {
  const { outer, size, inner, count, table, index, out } = request;
  const total = outer * count * inner;
  if (total === 0) return;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const sharesIndex = innerStride === 0 || inner === 1;
  const unit = sharesIndex && inner % 4 === 0 && table.offset % 4 === 0 && out.offset % 4 === 0 ? 4 : 1;
  // Words are copied whatever they mean.
  const element: Element = unit === 4 ? 'vec4<u32>' : 'u32';
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel(`gather|${element}`, () => gatherSource(element, workgroupSize));
  context.dispatch(
    kernel,
    { source: table.buffer, indices: index.buffer, out: out.buffer },
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
    },
    groupsOf(total / unit, workgroupSize),
  );
}

function gatherSource(element: Element, workgroupSize: number): KernelSource {
  return {
    label: 'gather',
    about: `Each invocation copies one ${element}; an index outside the dim gives zero.`,
    bindings: [read('source', element), read('indices', 'i32'), write('out', element)],
    params: u32(
      ...['total', 'size', 'inner', 'count', 'tableOffset', 'indexOffset', 'outOffset'],
      ...['outerStride', 'placeStride', 'innerStride'],
    ),
    workgroupSize,
    main: `
      let at = group * ${workgroupSize}u + lane;
      if (at >= p.total) {
        return;
      }
      let i = at % p.inner;
      let place = (at / p.inner) % p.count;
      let o = at / (p.inner * p.count);
      // A negative index is a huge unsigned one: also outside.
      let index = u32(indices[p.indexOffset + o * p.outerStride + place * p.placeStride + i * p.innerStride]);
      var value = ${element}();
      if (index < p.size) {
        value = source[p.tableOffset + (o * p.size + index) * p.inner + i];
      }
      out[p.outOffset + at] = value;`,
  };
}

export function scatter(context: KernelContext, request: ScatterRequest): void {
  const { outer, size, inner, count, add, table, index, values } = request;
  const columns = outer * inner;
  if (columns * count * size === 0) return;
  const element: Scalar = !add ? 'u32' : table.dtype === 'float32' ? 'f32' : 'i32';
  const { workgroupSize } = context.tuning.pointwise;
  const chunks = add ? chunksFor(context, columns, size, count) : 1;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const parts = chunks > 1 ? context.temporary(chunks * columns * size * 4) : table.buffer;
  const kernel = context.kernel(`scatter|${element}|${add}|${chunks > 1}`, () =>
    scatterSource(element, add, chunks > 1, workgroupSize),
  );
  context.dispatch(
    kernel,
    { values: values.buffer, indices: index.buffer, out: parts },
    {
      columns,
      chunks,
      chunkLength: Math.ceil(count / chunks),
      size,
      inner,
      count,
      valuesOffset: values.offset,
      indexOffset: index.offset,
      outOffset: chunks > 1 ? 0 : table.offset,
      outerStride,
      placeStride,
      innerStride,
    },
    groupsOf(columns * chunks, workgroupSize),
  );
  if (chunks === 1) return;
  const merge = context.kernel(`scatterMerge|${element}`, () => mergeSource(element, workgroupSize));
  const total = columns * size;
  context.dispatch(
    merge,
    { parts, out: table.buffer },
    { total, chunks, outOffset: table.offset },
    groupsOf(total, workgroupSize),
  );
}

/** So many that every invocation has work, but clearing and merging the chunks costs no more than the additions themselves. */
function chunksFor({ tuning }: KernelContext, columns: number, size: number, count: number): number {
  const wanted = Math.floor(tuning.reduce.invocations / columns);
  return Math.max(1, Math.min(wanted, Math.floor((2 * count) / size), Math.floor(count / 32)));
}

function scatterSource(element: Scalar, add: boolean, inChunks: boolean, workgroupSize: number): KernelSource {
  return {
    label: add ? 'scatter add' : 'scatter',
    about: inChunks
      ? 'Each invocation clears one column of one chunk and adds the places of the chunk to it in ascending order.'
      : 'Each invocation changes one column in ascending order of the places.',
    bindings: [read('values', element), read('indices', 'i32'), write('out', element)],
    params: u32(
      ...['columns', 'chunks', 'chunkLength', 'size', 'inner', 'count', 'valuesOffset', 'indexOffset', 'outOffset'],
      ...['outerStride', 'placeStride', 'innerStride'],
    ),
    workgroupSize,
    main: `
      let at = group * ${workgroupSize}u + lane;
      if (at >= p.columns * p.chunks) {
        return;
      }
      let chunk = at / p.columns;
      let column = at % p.columns;
      let i = column % p.inner;
      let o = column / p.inner;
      let start = p.outOffset + (chunk * p.columns + o * p.inner) * p.size + i;
${
  inChunks
    ? `
      for (var v = 0u; v < p.size; v++) {
        out[start + v * p.inner] = ${element}();
      }`
    : ''
}
      let end = min((chunk + 1u) * p.chunkLength, p.count);
      for (var place = chunk * p.chunkLength; place < end; place++) {
        let index = u32(indices[p.indexOffset + o * p.outerStride + place * p.placeStride + i * p.innerStride]);
        if (index < p.size) {
          out[start + index * p.inner] ${add ? '+=' : '='} values[p.valuesOffset + (o * p.count + place) * p.inner + i];
        }
      }`,
  };
}

function mergeSource(element: Scalar, workgroupSize: number): KernelSource {
  return {
    label: 'scatter add: merge',
    about: 'Each invocation adds the chunks of one element to it, in order.',
    bindings: [read('parts', element), write('out', element)],
    params: u32('total', 'chunks', 'outOffset'),
    workgroupSize,
    main: `
      let at = group * ${workgroupSize}u + lane;
      if (at >= p.total) {
        return;
      }
      var sum = parts[at];
      for (var chunk = 1u; chunk < p.chunks; chunk++) {
        sum += parts[chunk * p.total + at];
      }
      out[p.outOffset + at] += sum;`,
  };
}
