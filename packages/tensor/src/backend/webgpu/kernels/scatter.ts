/**
 * The return way of gather, with the same bits every time. An invocation for every column changes its elements in ascending order of the
 * places. Where columns are too few to fill a device, the places are shared out: additions are made in chunks, each into zeros of
 * its own, added up after; of values that replace, each first claims its element, the last place wins, and the winners write.
 */
import type { ScatterRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { reportsFaults } from '../faults.js';
import { copiedAs, faultsOf } from './gather.js';
import { clear } from './scatter-rows.js';
import { type KernelSource, read, type Scalar, storedAs, u32, write } from './source.js';

export function scatter(context: KernelContext, request: ScatterRequest): void {
  const { outer, size, inner, count, add, table, index, values } = request;
  const columns = outer * inner;
  if (columns * count === 0) return;
  if (!add && claims(context, request)) {
    replaceByClaims(context, request);
    return;
  }
  const element: Scalar = add ? storedAs(table.dtype) : copiedAs(table.dtype);
  const { workgroupSize } = context.tuning.pointwise;
  const chunks = add ? chunksFor(context, columns, size, count) : 1;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const parts = chunks > 1 ? context.temporary(chunks * columns * size * 4) : table.buffer;
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
  const merge = context.kernel(`scatterMerge|${element}`, () => mergeSource(element, workgroupSize));
  const total = columns * size;
  context.dispatch(
    merge,
    { parts, out: table.buffer },
    { total, chunks, outOffset: table.offset },
    groupsOf(total, workgroupSize),
  );
}

/**
 * So many that every invocation has work, but clearing and merging the chunks costs no more than the additions themselves, and they fit
 * into one binding.
 */
function chunksFor({ tuning, limits }: KernelContext, columns: number, size: number, count: number): number {
  const wanted = Math.floor(tuning.reduce.invocations / columns);
  const fit = Math.floor(limits.maxStorageBufferBindingSize / (columns * size * 4));
  return Math.max(1, Math.min(wanted, Math.floor((2 * count) / size), Math.floor(count / 32), fit));
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
const openClaim = (workgroupSize: number) => `
      let at = group * ${workgroupSize}u + lane;
      if (at >= p.total) {
        return;
      }
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
    main: `${openClaim(workgroupSize)}
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
    main: `${openClaim(workgroupSize)}
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
        } else {
          reportFault(index, p.size);
        }
      }`,
  });
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
