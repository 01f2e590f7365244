/** Elements by an index along a dim, and their return, on the CPU. */

import { indexOutOfBounds } from '../../index-errors.js';
import type { GatherRequest, ScatterRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { IndexField } from '../layout.generated.js';
import { NO_FAULT } from './rows.js';

/** Columns of a work item of scatter: a few cache lines. */
const COLUMN_GROUP = 64;

type Request = GatherRequest | ScatterRequest;

function makeRecord(launcher: Launcher, { outer, size, inner, count, table, index }: Request, values: number): number {
  const record = launcher.record(IndexField.length);
  const { i32 } = launcher;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  i32[record + IndexField.outer] = outer;
  i32[record + IndexField.count] = count;
  i32[record + IndexField.inner] = inner;
  i32[record + IndexField.size] = size;
  i32[record + IndexField.table] = launcher.pointer(table);
  i32[record + IndexField.index] = launcher.pointer(index);
  i32[record + IndexField.outerStride] = outerStride;
  i32[record + IndexField.placeStride] = placeStride;
  i32[record + IndexField.innerStride] = innerStride;
  i32[record + IndexField.values] = values;
  i32[record + IndexField.fault] = NO_FAULT;
  return record;
}

function checkIndices(launcher: Launcher, record: number, { name, dim, size, inner, count, index }: Request): void {
  const place = launcher.i32[record + IndexField.fault] ?? NO_FAULT;
  if (place === NO_FAULT) return;
  const [outerStride = 0, placeStride = 0, innerStride = 0] = index.strides;
  const row = Math.floor(place / inner);
  const at = Math.floor(row / count) * outerStride + (row % count) * placeStride + (place % inner) * innerStride;
  const value = launcher.i32[launcher.pointer(index) / 4 + at];
  throw indexOutOfBounds(name, dim, value ?? 0, size);
}

export function gather(launcher: Launcher, request: GatherRequest): void {
  const { outer, inner, count } = request;
  if (outer * inner * count === 0) return;
  const record = makeRecord(launcher, request, launcher.pointer(request.out));
  launcher.launch('gather', record, outer * count, Math.ceil(16_384 / inner));
  checkIndices(launcher, record, request);
}

export function scatter(launcher: Launcher, request: ScatterRequest): void {
  const { outer, inner, count, add, table } = request;
  if (outer * inner * count === 0) return;
  const record = makeRecord(launcher, request, launcher.pointer(request.values));
  const columnGroup = Math.min(COLUMN_GROUP, inner);
  const columnGroups = Math.ceil(inner / columnGroup);
  const { i32 } = launcher;
  i32[record + IndexField.mode] = !add ? 0 : table.dtype === 'float32' ? 1 : 2;
  i32[record + IndexField.columnGroup] = columnGroup;
  i32[record + IndexField.columnGroups] = columnGroups;
  launcher.launch('scatter', record, outer * columnGroups, Math.ceil(16_384 / (count * columnGroup)));
  checkIndices(launcher, record, request);
}
