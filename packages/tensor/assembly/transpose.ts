/**
 * Copies that turn a dim which is dense in the source into another one in the target: tiles that fit L1, in blocks of 4 x 4
 * transposed in registers, so that both sides are walked in whole cache lines.
 */
import { ItemSize, TransposeField } from './layout';
import { int, pointer } from './memory';

const TILE: i32 = ItemSize.transposeTile;

export function transpose(record: usize, begin: i32, end: i32): void {
  const rows = int(record, TransposeField.rows);
  const columns = int(record, TransposeField.columns);
  const sourceColumn = pointer(record, TransposeField.columnStride) << 2;
  const targetRow = pointer(record, TransposeField.rowStride) << 2;
  const rank = int(record, TransposeField.rank);
  const sizes = pointer(record, TransposeField.sizes);
  const sourceStrides = pointer(record, TransposeField.sourceStrides);
  const targetStrides = pointer(record, TransposeField.targetStrides);
  const tileColumns = (columns + TILE - 1) / TILE;
  const tileRows = (rows + TILE - 1) / TILE;
  for (let item = begin; item < end; item++) {
    const line = item / tileColumns;
    const column = (item - line * tileColumns) * TILE;
    const matrix = line / tileRows;
    const row = (line - matrix * tileRows) * TILE;
    let source = pointer(record, TransposeField.source) + (<usize>row << 2) + <usize>column * sourceColumn;
    let target = pointer(record, TransposeField.target) + <usize>row * targetRow + (<usize>column << 2);
    let rest = matrix;
    for (let d = rank - 1; d >= 0; d--) {
      const size = int(sizes, d);
      const outer = rest / size;
      const index = <usize>(rest - outer * size) << 2;
      source += index * pointer(sourceStrides, d);
      target += index * pointer(targetStrides, d);
      rest = outer;
    }
    copyTile(target, targetRow, source, sourceColumn, min(TILE, rows - row), min(TILE, columns - column));
  }
}

function copyTile(target: usize, targetRow: usize, source: usize, sourceColumn: usize, rows: i32, columns: i32): void {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let from = source + (<usize>row << 2);
    let to = target + <usize>row * targetRow;
    let column = 0;
    for (; column + 4 <= columns; column += 4) {
      const x0 = v128.load(from);
      const x1 = v128.load(from + sourceColumn);
      const x2 = v128.load(from + 2 * sourceColumn);
      const x3 = v128.load(from + 3 * sourceColumn);
      const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
      const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
      const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
      const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
      v128.store(to + targetRow, v128.shuffle<i64>(low01, low23, 1, 3));
      v128.store(to + 2 * targetRow, v128.shuffle<i64>(high01, high23, 0, 2));
      v128.store(to + 3 * targetRow, v128.shuffle<i64>(high01, high23, 1, 3));
      from += 4 * sourceColumn;
      to += 16;
    }
    for (; column < columns; column++) {
      store<u32>(to, load<u32>(from));
      store<u32>(to + targetRow, load<u32>(from, 4));
      store<u32>(to + 2 * targetRow, load<u32>(from, 8));
      store<u32>(to + 3 * targetRow, load<u32>(from, 12));
      from += sourceColumn;
      to += 4;
    }
  }
  for (; row < rows; row++) {
    let from = source + (<usize>row << 2);
    let to = target + <usize>row * targetRow;
    for (let column = 0; column < columns; column++) {
      store<u32>(to, load<u32>(from));
      from += sourceColumn;
      to += 4;
    }
  }
}
