/** Rows by index, and the gradient of that, on the CPU. */

import { rowOutOfRange } from '../../index-errors.js';
import type { Dense, GatherRowsRequest, ScatterAddRowsRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { ClearField, ItemSize, RowsField } from '../layout.generated.js';

/** What a kernel finds in its fault word when every index was in range. */
export const NO_FAULT = 0x7fff_ffff;
/** Columns of a work item of the gradient: a cache line. */
const COLUMN_GROUP = 16;

function checkIndices(launcher: Launcher, op: string, record: number, indices: Dense, tableRows: number): void {
  const row = launcher.i32[record + RowsField.fault] ?? NO_FAULT;
  if (row === NO_FAULT) return;
  const index = launcher.i32[launcher.pointer(indices) / 4 + row];
  throw rowOutOfRange(op, index ?? 0, tableRows, row);
}

export function gatherRows(launcher: Launcher, request: GatherRowsRequest): void {
  const { rows, width, tableRows } = request;
  if (rows === 0) return;
  const record = launcher.record(RowsField.length);
  const { i32 } = launcher;
  i32[record + RowsField.rows] = rows;
  i32[record + RowsField.width] = width;
  i32[record + RowsField.tableRows] = tableRows;
  i32[record + RowsField.table] = launcher.pointer(request.table);
  i32[record + RowsField.indices] = launcher.pointer(request.indices);
  i32[record + RowsField.out] = launcher.pointer(request.out);
  i32[record + RowsField.fault] = NO_FAULT;
  launcher.launch('gatherRows', record, rows, Math.ceil(16_384 / Math.max(width, 1)));
  checkIndices(launcher, 'embedding', record, request.indices, tableRows);
}

/** Fills words of memory with zeros. */
function clear(launcher: Launcher, address: number, words: number): void {
  const record = launcher.record(ClearField.length);
  launcher.i32[record + ClearField.count] = words;
  launcher.i32[record + ClearField.out] = address;
  launcher.launch('clear', record, Math.ceil(words / ItemSize.clearBlock), 2);
}

export function scatterAddRows(launcher: Launcher, request: ScatterAddRowsRequest): void {
  const { rows, width, tableRows } = request;
  if (width === 0) return;
  if (tableRows > 0) clear(launcher, launcher.pointer(request.out), tableRows * width);
  if (rows === 0) return;
  const record = launcher.record(RowsField.length);
  const { i32 } = launcher;
  i32[record + RowsField.rows] = rows;
  i32[record + RowsField.width] = width;
  i32[record + RowsField.tableRows] = tableRows;
  i32[record + RowsField.paddingIndex] = request.paddingIndex;
  i32[record + RowsField.table] = launcher.pointer(request.grad);
  i32[record + RowsField.indices] = launcher.pointer(request.indices);
  i32[record + RowsField.out] = launcher.pointer(request.out);
  i32[record + RowsField.columnGroup] = COLUMN_GROUP;
  i32[record + RowsField.fault] = NO_FAULT;
  launcher.launch('scatterAddRows', record, Math.ceil(width / COLUMN_GROUP), Math.ceil(8192 / (rows * COLUMN_GROUP)));
  checkIndices(launcher, 'embeddingBackward', record, request.indices, tableRows);
}
