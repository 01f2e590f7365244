/**
 * Matrix products. An item is a block of columns and a block of rows of one product. For each block of k it copies its part of
 * b into panels of 8 columns in scratch memory (which stay in L2, each in turn in L1), and runs down the rows of a in strips of 4:
 * 4 x 8 sums in eight registers, which is what V8's register allocator can hold. The order of additions depends on k alone.
 */
import { ActivationCode, MatmulField } from './layout';
import { gelu, geluTanh } from './math/erf';
import { madd } from './math/vector';
import { int, pointer, real, scratch } from './memory';
import { storePart } from './sums';

const ROWS: i32 = 4;
const COLUMNS: i32 = 8;
const PANEL_ROW_BYTES: usize = 32;
/** Rows of a that are taken through all panels before the next. */
const ROW_BLOCK: i32 = 64;

/** 4 x 8 sums over `depth`: a by its strides, b one panel; out = alpha * sum, or added to what is there. */
function tile(
  depth: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  out: usize,
  outRow: usize,
  alpha: f32,
  accumulate: bool,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  const end = b + <usize>depth * PANEL_ROW_BYTES;
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    s00 = madd(x, b0, s00);
    s01 = madd(x, b1, s01);
    x = v128.load32_splat(a1);
    s10 = madd(x, b0, s10);
    s11 = madd(x, b1, s11);
    x = v128.load32_splat(a2);
    s20 = madd(x, b0, s20);
    s21 = madd(x, b1, s21);
    x = v128.load32_splat(a3);
    s30 = madd(x, b0, s30);
    s31 = madd(x, b1, s31);
    a += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    b += PANEL_ROW_BYTES;
  }
  finish(out, s00, s01, alpha, accumulate);
  out += outRow;
  finish(out, s10, s11, alpha, accumulate);
  out += outRow;
  finish(out, s20, s21, alpha, accumulate);
  out += outRow;
  finish(out, s30, s31, alpha, accumulate);
}

// @ts-ignore: decorator
@inline
function finish(out: usize, low: v128, high: v128, alpha: f32, accumulate: bool): void {
  const factor = f32x4.splat(alpha);
  low = f32x4.mul(low, factor);
  high = f32x4.mul(high, factor);
  if (accumulate) {
    low = f32x4.add(low, v128.load(out));
    high = f32x4.add(high, v128.load(out, 16));
  }
  v128.store(out, low);
  v128.store(out, high, 16);
}

/** Copies b[k0 .. k0 + depth][columns] into panels; missing columns are zeros. `b` is the block's first element. */
function packB(target: usize, b: usize, rowStride: usize, columnStride: usize, depth: i32, columns: i32): void {
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

/** Copies a block of a into strips of 4 rows; missing rows are zeros. */
function packA(target: usize, a: usize, rowStride: usize, columnStride: usize, rows: i32, depth: i32): void {
  for (let row = 0; row < rows; row += ROWS) {
    const height = min(ROWS, rows - row);
    let source = a + <usize>row * rowStride;
    if (height == ROWS && rowStride == 4) {
      for (let k = 0; k < depth; k++) {
        v128.store(target, v128.load(source));
        target += 16;
        source += columnStride;
      }
    } else {
      for (let k = 0; k < depth; k++) {
        for (let r = 0; r < ROWS; r++) {
          store<f32>(target + (<usize>r << 2), r < height ? load<f32>(source + <usize>r * rowStride) : 0);
        }
        target += 16;
        source += columnStride;
      }
    }
  }
}

/** A tile at the edge: computed whole beside the output, of which it may then own only a part. */
function edgeTile(
  depth: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  out: usize,
  outRow: usize,
  alpha: f32,
  accumulate: bool,
  rows: i32,
  columns: i32,
  spare: usize,
): void {
  tile(depth, a, aRow, aStep, b, spare, PANEL_ROW_BYTES, alpha, false);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const target = out + (<usize>column << 2);
      const value = load<f32>(spare + (<usize>column << 2));
      store<f32>(target, accumulate ? load<f32>(target) + value : value);
    }
    out += outRow;
    spare += PANEL_ROW_BYTES;
  }
}

/** activation(x + bias) + residual over a run of a row. */
function epilogue(out: usize, bias: usize, residual: usize, activation: i32, count: i32): void {
  const end = out + (<usize>count << 2);
  const zero = f32x4.splat(0);
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    let x = v128.load(out);
    if (bias != 0) {
      x = f32x4.add(x, v128.load(bias));
      bias += 16;
    }
    if (activation == ActivationCode.relu) x = f32x4.max(x, zero);
    else if (activation == ActivationCode.gelu) x = gelu(x);
    else if (activation == ActivationCode.geluTanh) x = geluTanh(x);
    if (residual != 0) {
      x = f32x4.add(x, v128.load(residual));
      residual += 16;
    }
    if (rest >= 4) v128.store(out, x);
    else storePart(out, x, rest);
    out += 16;
  }
}

export function matmul(record: usize, begin: i32, end: i32): void {
  const m = int(record, MatmulField.m);
  const n = int(record, MatmulField.n);
  const k = int(record, MatmulField.k);
  const aRow = pointer(record, MatmulField.aRowStride);
  const aColumn = pointer(record, MatmulField.aColumnStride);
  const bRow = pointer(record, MatmulField.bRowStride);
  const bColumn = pointer(record, MatmulField.bColumnStride);
  const alpha = real(record, MatmulField.alpha);
  const biases = pointer(record, MatmulField.bias);
  const residuals = pointer(record, MatmulField.residual);
  const activation = int(record, MatmulField.activation);
  const rowGroup = int(record, MatmulField.rowGroup);
  const columnGroup = int(record, MatmulField.columnGroup);
  const rowGroups = int(record, MatmulField.rowGroups);
  const columnGroups = int(record, MatmulField.columnGroups);
  const depth = int(record, MatmulField.depth);
  const batchRank = int(record, MatmulField.batchRank);
  const batchSizes = pointer(record, MatmulField.batchSizes);
  const aBatchStrides = pointer(record, MatmulField.aBatchStrides);
  const bBatchStrides = pointer(record, MatmulField.bBatchStrides);
  const outRow = <usize>n << 2;
  const hasEpilogue = biases != 0 || residuals != 0 || activation != ActivationCode.none;

  const spare = scratch();
  const packedB = spare + 128;
  const packedA = packedB + <usize>depth * <usize>columnGroup * 4;
  let packedSource: usize = 0;
  let packedColumn = -1;

  for (let item = begin; item < end; item++) {
    const block = item / rowGroups;
    const firstRow = (item - block * rowGroups) * rowGroup;
    const matrix = block / columnGroups;
    const firstColumn = (block - matrix * columnGroups) * columnGroup;
    const rows = min(rowGroup, m - firstRow);
    const columns = min(columnGroup, n - firstColumn);
    let a = pointer(record, MatmulField.a) + <usize>firstRow * aRow;
    let b = pointer(record, MatmulField.b) + <usize>firstColumn * bColumn;
    let rest = matrix;
    for (let d = batchRank - 1; d >= 0; d--) {
      const size = int(batchSizes, d);
      const outer = rest / size;
      a += <usize>(rest - outer * size) * pointer(aBatchStrides, d);
      b += <usize>(rest - outer * size) * pointer(bBatchStrides, d);
      rest = outer;
    }
    const place = (<usize>matrix * <usize>m + <usize>firstRow) * outRow + (<usize>firstColumn << 2);
    const out = pointer(record, MatmulField.out) + place;

    for (let k0 = 0; k0 < k; k0 += depth) {
      const length = min(depth, k - k0);
      // Row groups follow each other on the same columns: they find b packed, if k is one block.
      if (depth < k || packedSource != b || packedColumn != firstColumn) {
        packB(packedB, b + <usize>k0 * bRow, bRow, bColumn, length, columns);
        packedSource = b;
        packedColumn = firstColumn;
      }
      for (let row = 0; row < rows; row += ROW_BLOCK) {
        const height = min(ROW_BLOCK, rows - row);
        let source = a + <usize>row * aRow + <usize>k0 * aColumn;
        let strip = <usize>ROWS * aRow;
        let stripRow = aRow;
        let stripStep = aColumn;
        if (aRow == 4 && aColumn != 4) {
          packA(packedA, source, aRow, aColumn, height, length);
          source = packedA;
          strip = <usize>length << 4;
          stripRow = 4;
          stripStep = 16;
        }
        const target = out + <usize>row * outRow;
        let panel = packedB;
        for (let column = 0; column < columns; column += COLUMNS) {
          const width = min(COLUMNS, columns - column);
          let from = source;
          let to = target + (<usize>column << 2);
          for (let r = 0; r < height; r += ROWS) {
            const tall = min(ROWS, height - r);
            if (tall == ROWS && width == COLUMNS) {
              tile(length, from, stripRow, stripStep, panel, to, outRow, alpha, k0 > 0);
            } else if (tall == ROWS || source == packedA) {
              edgeTile(length, from, stripRow, stripStep, panel, to, outRow, alpha, k0 > 0, tall, width, spare);
            } else {
              if (column == 0) packA(packedA, from, aRow, aColumn, tall, length);
              edgeTile(length, packedA, 4, 16, panel, to, outRow, alpha, k0 > 0, tall, width, spare);
            }
            from += strip;
            to += <usize>ROWS * outRow;
          }
          panel += <usize>length * PANEL_ROW_BYTES;
        }
      }
    }

    for (let row = 0; row < rows; row++) {
      const offset = <usize>row * outRow;
      if (k == 0) memory.fill(out + offset, 0, <usize>columns << 2);
      if (!hasEpilogue) continue;
      const bias = biases == 0 ? <usize>0 : biases + (<usize>firstColumn << 2);
      const residual = residuals == 0 ? <usize>0 : residuals + place + offset;
      epilogue(out + offset, bias, residual, activation, columns);
    }
  }
}
