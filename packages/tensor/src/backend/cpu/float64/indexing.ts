/** Elements and rows by index, and their return way, for tables of float64. Errors are those of the WebAssembly kernels. */

import { indexOutOfBounds, rowOutOfRange } from '../../index-errors.js';
import type { GatherRequest, GatherRowsRequest, ScatterAddRowsRequest, ScatterRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { elements, wholeBuffer } from './elements.js';

export function gatherRows(launcher: Launcher, { rows, width, tableRows, ...operands }: GatherRowsRequest): void {
  const [table, indices] = [elements(launcher, operands.table), elements(launcher, operands.indices)];
  const out = elements(launcher, operands.out);
  for (let i = 0; i < rows; i++) {
    const row = indices[i] as number;
    if (row < 0 || row >= tableRows) throw rowOutOfRange('embedding', row, tableRows, i);
    out.set(table.subarray(row * width, (row + 1) * width), i * width);
  }
}

export function scatterAddRows(
  launcher: Launcher,
  { rows, width, tableRows, paddingIndex, ...operands }: ScatterAddRowsRequest,
): void {
  const [grad, indices] = [elements(launcher, operands.grad), elements(launcher, operands.indices)];
  const out = elements(launcher, operands.out);
  out.fill(0, 0, tableRows * width);
  for (let i = 0; i < rows; i++) {
    const row = indices[i] as number;
    if (row < 0 || row >= tableRows) throw rowOutOfRange('embeddingBackward', row, tableRows, i);
    if (row === paddingIndex) continue;
    for (let c = 0; c < width; c++)
      out[row * width + c] = (out[row * width + c] as number) + (grad[i * width + c] as number);
  }
}

/** Calls `use` with every place of the index, in ascending order: where its element stands in the table, and in the values. */
function eachPlace(
  launcher: Launcher,
  { outer, size, inner, count, index, name, dim }: GatherRequest | ScatterRequest,
  use: (inTable: number, inValues: number) => void,
): void {
  const indices = wholeBuffer(launcher, index);
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  for (let o = 0; o < outer; o++)
    for (let p = 0; p < count; p++)
      for (let i = 0; i < inner; i++) {
        const at = indices[index.offset + o * outerStride + p * placeStride + i * innerStride] as number;
        if (at < 0 || at >= size) throw indexOutOfBounds(name, dim, at, size);
        use((o * size + at) * inner + i, (o * count + p) * inner + i);
      }
}

export function gather(launcher: Launcher, request: GatherRequest): void {
  const [table, out] = [elements(launcher, request.table), elements(launcher, request.out)];
  eachPlace(launcher, request, (inTable, inValues) => {
    out[inValues] = table[inTable] as number;
  });
}

export function scatter(launcher: Launcher, request: ScatterRequest): void {
  const [table, values] = [elements(launcher, request.table), elements(launcher, request.values)];
  eachPlace(launcher, request, (inTable, inValues) => {
    table[inTable] = (request.add ? (table[inTable] as number) : 0) + (values[inValues] as number);
  });
}
