/**
 * The return way of gather, with the same bits every time. Where columns with indices of their own fill a device, an invocation for each changes its
 * elements in ascending order of the places. Else the places are shared out: additions to few elements are made in chunks, each into
 * zeros of its own, added up after; those to many are put in the order of their elements (`sorted-places.ts`); of values that replace,
 * each first claims its element, the last place wins, and the winners write.
 */
import type { Dense, DeviceBuffer, ScatterRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { reportsFaults } from '../../faults.js';
import { reduce } from '../reduce/reduce.js';
import { type KernelSource, read, type Scalar, storedAs, u32, write } from '../wgsl/source.js';
import { copiedAs, faultsOf } from './gather.js';
import { clear } from './scatter-rows.js';
import { segmentSums } from './segment-sums.js';
import { sortedPlaces } from './sorted-places.js';

export function scatter(context: KernelContext, request: ScatterRequest): void {
  const { outer, size, inner, count, add, table, index, values } = request;
  const columns = outer * inner;
  if (columns * count === 0) return;
  if (!add && claims(context, request)) {
    replaceByClaims(context, request);
    return;
  }
  const element: Scalar = add ? storedAs(table.dtype) : copiedAs(table.dtype);
  const way = add ? wayOf(context, request) : { chunks: 1 };
  if (way === 'sorted') {
    addSorted(context, request);
    return;
  }
  const { chunks } = way;
  const { workgroupSize } = context.tuning.reduce;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const total = columns * size;
  const parts = chunks > 1 ? context.temporary(chunks * total * 4) : table.buffer;
  const kernel = context.kernel(`scatter|${element}|${add}|${chunks > 1}`, () =>
    scatterSource(element, add, chunks > 1, workgroupSize),
  );
  context.dispatch(
    kernel,
    { values: values.buffer, indices: index.buffer, out: parts, faults: context.faults.buffer },
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
      ...faultsOf(context, request),
    },
    groupsOf(columns * chunks, workgroupSize),
  );
  if (chunks === 1) return;
  const sums = context.temporary(total * 4);
  const dtype = table.dtype === 'int32' ? 'int32' : 'float32';
  const dense = (buffer: DeviceBuffer): Dense => ({ buffer, dtype, offset: 0 });
  const [input, out] = [dense(parts), dense(sums)];
  reduce(context, { kind: 'reduce', op: 'sum', outer: 1, length: chunks, inner: total, scale: 1, input, out });
  const merge = context.kernel(`scatterMerge|${element}`, () => mergeSource(element, workgroupSize));
  context.dispatch(
    merge,
    { sums, out: table.buffer },
    { total, outOffset: table.offset },
    groupsOf(total, workgroupSize),
  );
}

/** Fewest places worth sharing out. */
const SHORTEST_CHUNK = 32;

/**
 * Chunks have to be so many that a good part of the invocations has work, but clearing and adding up the chunks may cost no more than the additions
 * themselves, and they must fit into one binding.
 */
function wayOf({ tuning, limits }: KernelContext, request: ScatterRequest): 'sorted' | { readonly chunks: number } {
  const { outer, size, inner, count } = request;
  const { invocations } = tuning.reduce;
  const columns = outer * inner;
  const isShared = sharesIndex(request);
  if (count <= SHORTEST_CHUNK || (!isShared && columns >= invocations)) return { chunks: 1 };
  const fit = Math.floor(limits.maxStorageBufferBindingSize / (columns * size * 4));
  const most = Math.min(Math.floor((2 * count) / size), Math.floor(count / SHORTEST_CHUNK), fit);
  const wanted = Math.ceil(invocations / columns);
  if (columns <= FEW_COLUMNS && most >= wanted / 16) return { chunks: Math.max(1, Math.min(wanted, most)) };
  const keys = isShared ? size : columns * size;
  const words = Math.max(isShared ? count : columns * count, columns * Math.ceil(count / SHORTEST_CHUNK));
  return keys < 2 ** 31 && words * 4 <= limits.maxStorageBufferBindingSize ? 'sorted' : { chunks: Math.max(1, most) };
}

/** Up to so many columns sorting pays less than going through the indices once for each. */
const FEW_COLUMNS = 4;

/** Whether all columns have the same indices. */
function sharesIndex({ outer, inner, index }: ScatterRequest): boolean {
  const [outerStride = 0, , innerStride = 0] = index.strides;
  return (outerStride === 0 || outer === 1) && (innerStride === 0 || inner === 1);
}

function addSorted(context: KernelContext, request: ScatterRequest): void {
  const { outer, size, inner, count, table, index, values } = request;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const hasColumns = !sharesIndex(request);
  const columns = hasColumns ? outer * inner : 1;
  const sorted = sortedPlaces(context, {
    indices: index.buffer,
    places: columns * count,
    keys: columns * size,
    hasColumns,
    params: {
      ...{ size, count, inner, indexOffset: index.offset, outerStride, placeStride, innerStride },
      paddingIndex: -1,
    },
    faults: faultsOf(context, request),
  });
  segmentSums(context, { values, table, outer, size, inner, count, hasColumns, adds: true }, sorted);
}

/** Whether sharing out the places pays: the columns alone leave a device idle, and clearing the claims costs less than walking the places. */
function claims({ tuning, limits }: KernelContext, { outer, size, inner, count }: ScatterRequest): boolean {
  const columns = outer * inner;
  const bytes = columns * size * 4;
  return (
    columns < tuning.reduce.invocations &&
    count >= 32 &&
    size <= count * tuning.reduce.invocations &&
    bytes <= limits.maxStorageBufferBindingSize
  );
}

function replaceByClaims(context: KernelContext, request: ScatterRequest): void {
  const { outer, size, inner, count, table, index, values } = request;
  const { workgroupSize } = context.tuning.pointwise;
  const elements = outer * size * inner;
  const claimed = context.temporary(elements * 4);
  clear(context, claimed, elements, 0, 'u32');
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const total = outer * count * inner;
  const sizes = { total, size, inner, count, indexOffset: index.offset, outerStride, placeStride, innerStride };
  const groups = groupsOf(total, workgroupSize);
  const claim = context.kernel('scatterClaim', () => claimSource(workgroupSize));
  const element = copiedAs(table.dtype);
  const place = context.kernel(`scatterPlace|${element}`, () => placeSource(element, workgroupSize));
  context.dispatch(
    claim,
    { indices: index.buffer, claimed, faults: context.faults.buffer },
    { ...sizes, ...faultsOf(context, request) },
    groups,
  );
  context.dispatch(
    place,
    { values: values.buffer, indices: index.buffer, claimed, out: table.buffer },
    { ...sizes, valuesOffset: values.offset, outOffset: table.offset },
    groups,
  );
}

const CLAIM_SIZES = u32(
  ...['total', 'size', 'inner', 'count', 'indexOffset', 'outerStride', 'placeStride', 'innerStride'],
);

/** The element that an invocation's place goes to. */
const CLAIMED = `
      let i = at % p.inner;
      let place = (at / p.inner) % p.count;
      let o = at / (p.inner * p.count);
      let index = u32(indices[p.indexOffset + o * p.outerStride + place * p.placeStride + i * p.innerStride]);
      let element = (o * p.size + index) * p.inner + i;`;

function claimSource(workgroupSize: number): KernelSource {
  return reportsFaults({
    label: 'scatter: claim',
    about: 'Each invocation claims the element of one place; of several the last place stays.',
    bindings: [read('indices', 'i32'), write('claimed', 'atomic<u32>')],
    params: CLAIM_SIZES,
    workgroupSize,
    each: ['at', 'p.total'],
    main: `${CLAIMED}
      if (index < p.size) {
        atomicMax(&claimed[element], place + 1u);
      } else {
        reportFault(index, p.size);
      }`,
  });
}

function placeSource(element: Scalar, workgroupSize: number): KernelSource {
  return {
    label: 'scatter: place',
    about: 'Each invocation writes the value of one place, if it holds the claim.',
    bindings: [read('values', element), read('indices', 'i32'), read('claimed', 'u32'), write('out', element)],
    params: { ...CLAIM_SIZES, ...u32('valuesOffset', 'outOffset') },
    workgroupSize,
    each: ['at', 'p.total'],
    main: `${CLAIMED}
      if (index < p.size && claimed[element] == place + 1u) {
        out[p.outOffset + element] = values[p.valuesOffset + at];
      }`,
  };
}

function scatterSource(element: Scalar, add: boolean, inChunks: boolean, workgroupSize: number): KernelSource {
  return reportsFaults({
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
    each: ['at', 'p.columns * p.chunks'],
    main: `
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
      // The call is left to the end: within the loop it would cost software adapters more than all else.
      var faulty = 0xffffffffu;
      for (var place = chunk * p.chunkLength; place < end; place++) {
        let index = u32(indices[p.indexOffset + o * p.outerStride + place * p.placeStride + i * p.innerStride]);
        if (index < p.size) {
          out[start + index * p.inner] ${add ? '+=' : '='} values[p.valuesOffset + (o * p.count + place) * p.inner + i];
        } else {
          faulty = min(faulty, index);
        }
      }
      if (faulty != 0xffffffffu) {
        reportFault(faulty, p.size);
      }`,
  });
}

function mergeSource(element: Scalar, workgroupSize: number): KernelSource {
  return {
    label: 'scatter add: merge',
    about: 'Each invocation adds what the chunks come to at one element.',
    bindings: [read('sums', element), write('out', element)],
    params: u32('total', 'outOffset'),
    workgroupSize,
    each: ['at', 'p.total'],
    main: 'out[p.outOffset + at] += sums[at];',
  };
}
