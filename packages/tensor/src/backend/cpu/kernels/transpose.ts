/** Copies that change the order of elements, a tile at a time. */
import type { PointwiseRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { ItemSize, TransposeField } from '../layout.generated.js';

/** Runs a copy as a transpose where source and target are dense along different dims; says whether it did. */
export function transposed(launcher: Launcher, { shape, inputs, outputs }: PointwiseRequest): boolean {
  const [source] = inputs;
  const [target] = outputs;
  if (source === undefined || target === undefined) return false;
  const rowDim = source.strides.findIndex((stride, d) => stride === 1 && (shape[d] ?? 1) > 1);
  const columnDim = target.strides.findIndex((stride, d) => stride === 1 && (shape[d] ?? 1) > 1);
  if (rowDim < 0 || columnDim < 0 || rowDim === columnDim) return false;
  const rows = shape[rowDim] ?? 1;
  const columns = shape[columnDim] ?? 1;
  if (rows < 4 || columns < 4) return false;
  const others = shape.flatMap((_, d) => (d === rowDim || d === columnDim ? [] : [d]));
  const record = launcher.record(TransposeField.length);
  const sizesAt = launcher.more(others.length);
  const sourceAt = launcher.more(others.length);
  const targetAt = launcher.more(others.length);
  const { i32 } = launcher;
  i32[record + TransposeField.source] = launcher.pointer(source);
  i32[record + TransposeField.target] = launcher.pointer(target);
  i32[record + TransposeField.columns] = columns;
  i32[record + TransposeField.columnStride] = source.strides[columnDim] ?? 0;
  i32[record + TransposeField.rows] = rows;
  i32[record + TransposeField.rowStride] = target.strides[rowDim] ?? 0;
  i32[record + TransposeField.rank] = others.length;
  i32[record + TransposeField.sizes] = sizesAt * 4;
  i32[record + TransposeField.sourceStrides] = sourceAt * 4;
  i32[record + TransposeField.targetStrides] = targetAt * 4;
  let matrices = 1;
  for (const [i, d] of others.entries()) {
    matrices *= shape[d] ?? 1;
    i32[sizesAt + i] = shape[d] ?? 1;
    i32[sourceAt + i] = source.strides[d] ?? 0;
    i32[targetAt + i] = target.strides[d] ?? 0;
  }
  const tile = ItemSize.transposeTile;
  launcher.launch('transpose', record, matrices * Math.ceil(rows / tile) * Math.ceil(columns / tile), 16);
  return true;
}
