/**
 * Sums rows into a table, the gradient of a gather, in ascending order of the rows and without atomics, so with the same bits
 * every time. First each row finds the next row with the same index; then the first row of every such chain walks
 * it and writes the sum. Rows of the table that no index names are cleared before.
 *
 * The search looks through all later rows until it finds one. Summaries keep it short: a row of 2048 bits for each block of 64 rows,
 * with the bits set that its indices hash to, so that a block without the index is passed over after one look.
 */

import { rowOutOfRange } from '../../index-errors.js';
import type { DeviceBuffer, ScatterAddRowsRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { reportsFaults } from '../faults.js';
import { type Element, type KernelSource, read, type Scalar, u32, write } from './source.js';

const BLOCK = 64;
const SUMMARY_WORDS = 64;

/** The bit of a block's summary that an index hashes to (Fibonacci hashing, 11 bits). */
const HASH = `fn bitOf(index: i32) -> u32 {
  return (u32(index) * 2654435761u) >> 21u;
}`;

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
  const filter = { rows, tableRows, paddingIndex, indexOffset: indices.offset };
  const words = Math.ceil(rows / BLOCK) * SUMMARY_WORDS;
  const summaries = context.temporary(words * 4);
  const summarise = context.kernel('scatterSummarise', () => summarySource(workgroupSize));
  context.dispatch(
    summarise,
    { indices: indices.buffer, summaries },
    { ...filter, words },
    groupsOf(words, workgroupSize),
  );
  const link = context.kernel('scatterLink', () => linkSource(workgroupSize));
  context.dispatch(
    link,
    { indices: indices.buffer, summaries, links, faults: context.faults.buffer },
    {
      ...filter,
      ...context.faults.at('embeddingBackward', (index, size) => rowOutOfRange('embeddingBackward', index, size)),
    },
    groupsOf(rows, workgroupSize),
  );

  const walk = context.kernel(`scatterWalk|${element}`, () => walkSource(element, workgroupSize));
  context.dispatch(
    walk,
    { grad: grad.buffer, indices: indices.buffer, links, out: out.buffer },
    { ...filter, width: width / unit, gradOffset: grad.offset / unit, outOffset: out.offset / unit },
    groupsOf((rows * width) / unit, workgroupSize),
  );
}

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
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i < p.count) {
        out[p.outOffset + i] = ${element}();
      }`,
  }));
  context.dispatch(kernel, { out }, { count, outOffset }, groupsOf(count, workgroupSize));
}

function summarySource(workgroupSize: number): KernelSource {
  return {
    label: 'scatter rows: summarise',
    about: `Each invocation makes one word of the summary of one block of ${BLOCK} rows.`,
    bindings: [read('indices', 'i32'), write('summaries', 'u32')],
    params: u32('rows', 'words', 'indexOffset'),
    workgroupSize,
    declarations: HASH,
    main: `
      let i = group * ${workgroupSize}u + lane;
      if (i >= p.words) {
        return;
      }
      let word = i % ${SUMMARY_WORDS}u;
      let first = (i / ${SUMMARY_WORDS}u) * ${BLOCK}u;
      var summary = 0u;
      for (var row = first; row < min(first + ${BLOCK}u, p.rows); row++) {
        let bit = bitOf(indices[p.indexOffset + row]);
        if (bit / 32u == word) {
          summary |= 1u << (bit % 32u);
        }
      }
      summaries[i] = summary;`,
  };
}

function linkSource(workgroupSize: number): KernelSource {
  return reportsFaults({
    label: 'scatter rows: link',
    about: 'Each invocation finds the next row with the index of its own.',
    bindings: [read('indices', 'i32'), read('summaries', 'u32'), write('links', 'u32')],
    params: { ...u32('rows', 'tableRows', 'indexOffset'), paddingIndex: 'i32' },
    workgroupSize,
    declarations: HASH,
    main: `
      let row = group * ${workgroupSize}u + lane;
      if (row >= p.rows) {
        return;
      }
      let index = indices[p.indexOffset + row];
      if (index == p.paddingIndex) {
        return;
      }
      if (u32(index) >= p.tableRows) {
        reportFault(u32(index), p.tableRows);
        return;
      }
      let bit = bitOf(index);
      var next = row + 1u;
      while (next < p.rows) {
        let block = next / ${BLOCK}u;
        let end = min((block + 1u) * ${BLOCK}u, p.rows);
        if ((summaries[block * ${SUMMARY_WORDS}u + bit / 32u] & (1u << (bit % 32u))) == 0u) {
          next = end;
          continue;
        }
        for (; next < end; next++) {
          if (indices[p.indexOffset + next] == index) {
            links[2u * row] = next + 1u;
            // No other row has this successor.
            links[2u * next + 1u] = 1u;
            return;
          }
        }
      }`,
  });
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
