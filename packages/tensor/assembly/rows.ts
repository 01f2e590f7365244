/** Whole rows by index, and the gradient of that. An index outside the table is reported to the host, never followed. */
import { ClearField, ItemSize, RowsField } from './layout';
import { copyWords, int, pointer } from './memory';
import { addRow } from './sums';

/** Keeps the least faulty row, so that the report is the same whichever thread finds one first. */
export function reportFault(record: usize, field: i32, row: i32): void {
  const address = record + (<usize>field << 2);
  let least = atomic.load<i32>(address);
  while (row < least) {
    const seen = atomic.cmpxchg<i32>(address, least, row);
    if (seen == least) return;
    least = seen;
  }
}

export function gatherRows(record: usize, begin: i32, end: i32): void {
  const width = int(record, RowsField.width);
  const tableRows = int(record, RowsField.tableRows);
  const table = pointer(record, RowsField.table);
  const indices = pointer(record, RowsField.indices);
  const rowBytes = <usize>width << 2;
  let out = pointer(record, RowsField.out) + <usize>begin * rowBytes;
  for (let i = begin; i < end; i++) {
    const index = load<i32>(indices + (<usize>i << 2));
    if (<u32>index < <u32>tableRows) copyWords(out, table + <usize>index * rowBytes, width);
    else reportFault(record, RowsField.fault, i);
    out += rowBytes;
  }
}

/** Clears a run of memory. */
export function clear(record: usize, begin: i32, end: i32): void {
  const start = <usize>begin * (ItemSize.clearBlock << 2);
  const stop = min(<usize>end * (ItemSize.clearBlock << 2), <usize>int(record, ClearField.count) << 2);
  memory.fill(pointer(record, ClearField.out) + start, 0, stop - start);
}

/** Owns columns of the cleared output for all rows, so that every sum is made by one thread in ascending order. */
export function scatterAddRows(record: usize, begin: i32, end: i32): void {
  const rows = int(record, RowsField.rows);
  const width = int(record, RowsField.width);
  const tableRows = int(record, RowsField.tableRows);
  const paddingIndex = int(record, RowsField.paddingIndex);
  const group = int(record, RowsField.columnGroup);
  const indices = pointer(record, RowsField.indices);
  const rowBytes = <usize>width << 2;
  const first = begin * group;
  const count = min(end * group, width) - first;
  const out = pointer(record, RowsField.out) + (<usize>first << 2);
  let grad = pointer(record, RowsField.table) + (<usize>first << 2);
  for (let i = 0; i < rows; i++) {
    const index = load<i32>(indices + (<usize>i << 2));
    if (<u32>index >= <u32>tableRows) reportFault(record, RowsField.fault, i);
    else if (index != paddingIndex) addRow(out + <usize>index * rowBytes, grad, count);
    grad += rowBytes;
  }
}
