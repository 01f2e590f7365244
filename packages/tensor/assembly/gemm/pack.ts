/**
 * Copies blocks of matrices into the order in which the tile kernel reads them: b in panels of 8 columns, a in dense rows.
 * What is missing at the edges becomes zeros.
 */
import { PackField } from '../layout';
import { int, pointer } from '../memory';
import { COLUMNS, PANEL_ROW_BYTES } from './tile';

/** Copies b[k0 .. k0 + depth][columns] into panels; missing columns are zeros. `b` is the block's first element. */
export function packB(target: usize, b: usize, rowStride: usize, columnStride: usize, depth: i32, columns: i32): void {
  for (let column = 0; column < columns; column += COLUMNS) {
    const width = min(COLUMNS, columns - column);
    const panel = b + <usize>column * columnStride;
    if (width == COLUMNS && columnStride == 4) packRows(target, panel, rowStride, depth);
    else if (width == COLUMNS && rowStride == 4) packColumns(target, panel, columnStride, depth);
    else packPart(target, panel, rowStride, columnStride, depth, width);
    target += <usize>depth * PANEL_ROW_BYTES;
  }
}

function packRows(target: usize, source: usize, rowStride: usize, depth: i32): void {
  for (let k = 0; k < depth; k++) {
    v128.store(target, v128.load(source));
    v128.store(target, v128.load(source, 16), 16);
    target += PANEL_ROW_BYTES;
    source += rowStride;
  }
}

/** From columns that are dense along k: blocks of 4 x 4 transposed in registers. */
function packColumns(target: usize, source: usize, columnStride: usize, depth: i32): void {
  transposeColumns(target, source, columnStride, depth);
  transposeColumns(target + 16, source + 4 * columnStride, columnStride, depth);
}

function transposeColumns(target: usize, c0: usize, columnStride: usize, depth: i32): void {
  let c1 = c0 + columnStride;
  let c2 = c1 + columnStride;
  let c3 = c2 + columnStride;
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const x0 = v128.load(c0);
    const x1 = v128.load(c1);
    const x2 = v128.load(c2);
    const x3 = v128.load(c3);
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(target, v128.shuffle<i64>(low01, low23, 1, 3), 32);
    v128.store(target, v128.shuffle<i64>(high01, high23, 0, 2), 64);
    v128.store(target, v128.shuffle<i64>(high01, high23, 1, 3), 96);
    target += 128;
    c0 += 16;
    c1 += 16;
    c2 += 16;
    c3 += 16;
  }
  for (; k < depth; k++) {
    store<f32>(target, load<f32>(c0));
    store<f32>(target, load<f32>(c1), 4);
    store<f32>(target, load<f32>(c2), 8);
    store<f32>(target, load<f32>(c3), 12);
    target += 32;
    c0 += 4;
    c1 += 4;
    c2 += 4;
    c3 += 4;
  }
}

function packPart(target: usize, source: usize, rowStride: usize, columnStride: usize, depth: i32, width: i32): void {
  for (let k = 0; k < depth; k++) {
    let from = source;
    let column = 0;
    for (; column < width; column++) {
      store<f32>(target + (<usize>column << 2), load<f32>(from));
      from += columnStride;
    }
    for (; column < COLUMNS; column++) store<f32>(target + (<usize>column << 2), 0);
    target += PANEL_ROW_BYTES;
    source += rowStride;
  }
}

/** Copies a block of a into dense rows along k, `filled` of them: what is missing at the end becomes zeros. */
export function packA(
  target: usize,
  a: usize,
  rowStride: usize,
  columnStride: usize,
  rows: i32,
  depth: i32,
  filled: i32,
): void {
  const rowBytes = <usize>depth << 2;
  let row = 0;
  if (rowStride == 4) {
    for (; row + 4 <= rows; row += 4) {
      transposeRows(target + <usize>row * rowBytes, rowBytes, a + (<usize>row << 2), columnStride, depth);
    }
  }
  for (; row < rows; row++) {
    let source = a + <usize>row * rowStride;
    const start = target + <usize>row * rowBytes;
    for (let to = start; to < start + rowBytes; to += 4) {
      store<f32>(to, load<f32>(source));
      source += columnStride;
    }
  }
  if (row < filled) memory.fill(target + <usize>row * rowBytes, 0, <usize>(filled - row) * rowBytes);
}

/** Four rows of a matrix that is dense along its columns. */
function transposeRows(target: usize, rowBytes: usize, source: usize, columnStride: usize, depth: i32): void {
  let r0 = target;
  let r1 = r0 + rowBytes;
  let r2 = r1 + rowBytes;
  let r3 = r2 + rowBytes;
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const x0 = v128.load(source);
    const x1 = v128.load(source + columnStride);
    const x2 = v128.load(source + 2 * columnStride);
    const x3 = v128.load(source + 3 * columnStride);
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    v128.store(r0, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(r1, v128.shuffle<i64>(low01, low23, 1, 3));
    v128.store(r2, v128.shuffle<i64>(high01, high23, 0, 2));
    v128.store(r3, v128.shuffle<i64>(high01, high23, 1, 3));
    source += 4 * columnStride;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  for (; k < depth; k++) {
    store<f32>(r0, load<f32>(source));
    store<f32>(r1, load<f32>(source, 4));
    store<f32>(r2, load<f32>(source, 8));
    store<f32>(r3, load<f32>(source, 12));
    source += columnStride;
    r0 += 4;
    r1 += 4;
    r2 += 4;
    r3 += 4;
  }
}

/** Bytes of a row of all panels of a matrix. */
// @ts-ignore: decorator
@inline
export function packedRowBytes(n: i32): usize {
  return <usize>((n + COLUMNS - 1) & ~(COLUMNS - 1)) << 2;
}

/** All of b, once for all row groups of a product, or for many products. */
export function pack(record: usize, begin: i32, end: i32): void {
  const n = int(record, PackField.n);
  const k = int(record, PackField.k);
  const rowStride = pointer(record, PackField.bRowStride);
  const columnStride = pointer(record, PackField.bColumnStride);
  const depth = int(record, PackField.depth);
  const columnGroup = int(record, PackField.columnGroup);
  const columnGroups = int(record, PackField.columnGroups);
  for (let item = begin; item < end; item++) {
    const block = item / columnGroups;
    const k0 = block * depth;
    const length = min(depth, k - k0);
    const column = (item - block * columnGroups) * columnGroup;
    const source = pointer(record, PackField.b) + <usize>k0 * rowStride + <usize>column * columnStride;
    const target = pointer(record, PackField.out) + <usize>k0 * packedRowBytes(n) + <usize>column * <usize>length * 4;
    packB(target, source, rowStride, columnStride, length, min(columnGroup, n - column));
  }
}
