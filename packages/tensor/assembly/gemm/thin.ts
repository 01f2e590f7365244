/**
 * Products with few rows, which read every element of b once or twice and so gain nothing from packing it. Where b is dense along
 * its columns, each block of four of its rows is added, weighted, to the rows of the output; where it is dense along k, every
 * output is a dot product, four columns by two rows at a time. A product with few columns is the same with its operands
 * exchanged, so the output has strides. Item: (matrix, column group).
 */
import { ActivationCode, ThinField } from '../layout';
import { madd } from '../math/vector';
import { int, pointer, real, scratch } from '../memory';
import { epilogue } from './epilogue';

/** out += Σ x[i] b[i], four rows of b. */
function addRows4(out: usize, count: i32, b: usize, bRow: usize, x0: f32, x1: f32, x2: f32, x3: f32): void {
  const end = out + (<usize>count << 2);
  const v0 = f32x4.splat(x0);
  const v1 = f32x4.splat(x1);
  const v2 = f32x4.splat(x2);
  const v3 = f32x4.splat(x3);
  let b1 = b + bRow;
  let b2 = b1 + bRow;
  let b3 = b2 + bRow;
  while (out + 16 <= end) {
    let sum = madd(v0, v128.load(b), v128.load(out));
    sum = madd(v1, v128.load(b1), sum);
    sum = madd(v2, v128.load(b2), sum);
    v128.store(out, madd(v3, v128.load(b3), sum));
    out += 16;
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  while (out < end) {
    store<f32>(out, load<f32>(out) + x0 * load<f32>(b) + x1 * load<f32>(b1) + x2 * load<f32>(b2) + x3 * load<f32>(b3));
    out += 4;
    b += 4;
    b1 += 4;
    b2 += 4;
    b3 += 4;
  }
}

/** out += x b, one row. */
function addRow(out: usize, count: i32, b: usize, x: f32): void {
  const end = out + (<usize>count << 2);
  const v = f32x4.splat(x);
  while (out + 16 <= end) {
    v128.store(out, madd(v, v128.load(b), v128.load(out)));
    out += 16;
    b += 16;
  }
  while (out < end) {
    store<f32>(out, load<f32>(out) + x * load<f32>(b));
    out += 4;
    b += 4;
  }
}

/** The sums of the lanes of four vectors, as one vector. */
// @ts-ignore: decorator
@inline
function addAcross(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  const s01 = f32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
  const s23 = f32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i64>(s01, s23, 0, 2), v128.shuffle<i64>(s01, s23, 1, 3));
}

// @ts-ignore: decorator
@inline
function storeColumns(out: usize, outColumn: usize, sums: v128): void {
  if (outColumn == 4) {
    v128.store(out, sums);
    return;
  }
  store<f32>(out, f32x4.extract_lane(sums, 0));
  store<f32>(out + outColumn, f32x4.extract_lane(sums, 1));
  store<f32>(out + 2 * outColumn, f32x4.extract_lane(sums, 2));
  store<f32>(out + 3 * outColumn, f32x4.extract_lane(sums, 3));
}

/** One row of a by four columns of b, both dense along k. */
function dot1x4(out: usize, outColumn: usize, k: i32, a: usize, b: usize, bColumn: usize, alpha: f32): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let b1 = b + bColumn;
  let b2 = b1 + bColumn;
  let b3 = b2 + bColumn;
  const whole = a + (<usize>(k & ~3) << 2);
  while (a < whole) {
    const x = v128.load(a);
    s0 = madd(x, v128.load(b), s0);
    s1 = madd(x, v128.load(b1), s1);
    s2 = madd(x, v128.load(b2), s2);
    s3 = madd(x, v128.load(b3), s3);
    a += 16;
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  let sums = addAcross(s0, s1, s2, s3);
  for (let rest = k & 3; rest > 0; rest--) {
    const column = f32x4(load<f32>(b), load<f32>(b1), load<f32>(b2), load<f32>(b3));
    sums = madd(v128.load32_splat(a), column, sums);
    a += 4;
    b += 4;
    b1 += 4;
    b2 += 4;
    b3 += 4;
  }
  storeColumns(out, outColumn, f32x4.mul(sums, f32x4.splat(alpha)));
}

/** Two rows of a by four columns of b; `k` a multiple of 4. Sums go to `spare`, eight floats. */
function dot2x4(spare: usize, k: i32, a: usize, aRow: usize, b: usize, bColumn: usize): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s02 = s00;
  let s03 = s00;
  let s10 = s00;
  let s11 = s00;
  let s12 = s00;
  let s13 = s00;
  let a1 = a + aRow;
  let b1 = b + bColumn;
  let b2 = b1 + bColumn;
  let b3 = b2 + bColumn;
  const end = a + (<usize>k << 2);
  while (a < end) {
    const x0 = v128.load(a);
    const x1 = v128.load(a1);
    let y = v128.load(b);
    s00 = madd(x0, y, s00);
    s10 = madd(x1, y, s10);
    y = v128.load(b1);
    s01 = madd(x0, y, s01);
    s11 = madd(x1, y, s11);
    y = v128.load(b2);
    s02 = madd(x0, y, s02);
    s12 = madd(x1, y, s12);
    y = v128.load(b3);
    s03 = madd(x0, y, s03);
    s13 = madd(x1, y, s13);
    a += 16;
    a1 += 16;
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  v128.store(spare, addAcross(s00, s01, s02, s03));
  v128.store(spare, addAcross(s10, s11, s12, s13), 16);
}

/** The products past the last multiple of four of k. */
// @ts-ignore: decorator
@inline
function addRest(sums: v128, rest: i32, a: usize, b: usize, bColumn: usize): v128 {
  for (; rest > 0; rest--) {
    const column = f32x4(load<f32>(b), load<f32>(b + bColumn), load<f32>(b + 2 * bColumn), load<f32>(b + 3 * bColumn));
    sums = madd(v128.load32_splat(a), column, sums);
    a += 4;
    b += 4;
  }
  return sums;
}

function dotColumns(
  out: usize,
  outRow: usize,
  outColumn: usize,
  m: i32,
  columns: i32,
  k: i32,
  a: usize,
  aRow: usize,
  b: usize,
  bColumn: usize,
  alpha: f32,
  spare: usize,
): void {
  const factor = f32x4.splat(alpha);
  const whole = k & ~3;
  const wholeBytes = <usize>whole << 2;
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    let row = 0;
    let from = a;
    let to = out;
    for (; row + 2 <= m; row += 2) {
      dot2x4(spare, whole, from, aRow, b, bColumn);
      const rest = k & 3;
      const s0 = addRest(v128.load(spare), rest, from + wholeBytes, b + wholeBytes, bColumn);
      const s1 = addRest(v128.load(spare, 16), rest, from + aRow + wholeBytes, b + wholeBytes, bColumn);
      storeColumns(to, outColumn, f32x4.mul(s0, factor));
      storeColumns(to + outRow, outColumn, f32x4.mul(s1, factor));
      from += 2 * aRow;
      to += 2 * outRow;
    }
    if (row < m) dot1x4(to, outColumn, k, from, b, bColumn, alpha);
    b += 4 * bColumn;
    out += 4 * outColumn;
  }
  for (; column < columns; column++) {
    let from = a;
    let to = out;
    for (let row = 0; row < m; row++) {
      // The same column four times: only the first lane counts.
      dot1x4(spare, 4, k, from, b, 0, alpha);
      store<f32>(to, load<f32>(spare));
      from += aRow;
      to += outRow;
    }
    b += bColumn;
    out += outColumn;
  }
}

function addColumns(
  out: usize,
  outRow: usize,
  m: i32,
  columns: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  alpha: f32,
): void {
  for (let row = 0; row < m; row++) memory.fill(out + <usize>row * outRow, 0, <usize>columns << 2);
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    let from = a;
    let to = out;
    for (let row = 0; row < m; row++) {
      const x0 = load<f32>(from) * alpha;
      const x1 = load<f32>(from + aColumn) * alpha;
      const x2 = load<f32>(from + 2 * aColumn) * alpha;
      const x3 = load<f32>(from + 3 * aColumn) * alpha;
      addRows4(to, columns, b, bRow, x0, x1, x2, x3);
      from += aRow;
      to += outRow;
    }
    a += 4 * aColumn;
    b += 4 * bRow;
  }
  for (; i < k; i++) {
    let from = a;
    let to = out;
    for (let row = 0; row < m; row++) {
      addRow(to, columns, b, load<f32>(from) * alpha);
      from += aRow;
      to += outRow;
    }
    a += aColumn;
    b += bRow;
  }
}

/** Copies rows so that they are dense along k. */
function denseRows(target: usize, a: usize, m: i32, k: i32, aRow: usize, aColumn: usize): void {
  for (let row = 0; row < m; row++) {
    let from = a + <usize>row * aRow;
    for (let i = 0; i < k; i++) {
      store<f32>(target, load<f32>(from));
      target += 4;
      from += aColumn;
    }
  }
}

export function matmulThin(record: usize, begin: i32, end: i32): void {
  const m = int(record, ThinField.m);
  const n = int(record, ThinField.n);
  const k = int(record, ThinField.k);
  const outRow = pointer(record, ThinField.outRowStride);
  const outColumn = pointer(record, ThinField.outColumnStride);
  const alpha = real(record, ThinField.alpha);
  const bRow = pointer(record, ThinField.bRowStride);
  const bColumn = pointer(record, ThinField.bColumnStride);
  const biases = pointer(record, ThinField.bias);
  const residuals = pointer(record, ThinField.residual);
  const activation = int(record, ThinField.activation);
  const columnGroup = int(record, ThinField.columnGroup);
  const columnGroups = int(record, ThinField.columnGroups);
  const dots = int(record, ThinField.dots);
  const exchanged = int(record, ThinField.exchanged);
  const batchRank = int(record, ThinField.batchRank);
  const batchSizes = pointer(record, ThinField.batchSizes);
  const aBatchStrides = pointer(record, ThinField.aBatchStrides);
  const bBatchStrides = pointer(record, ThinField.bBatchStrides);
  const hasEpilogue = biases != 0 || residuals != 0 || activation != ActivationCode.none;
  const spare = scratch();
  const copies = spare + 64;

  for (let item = begin; item < end; item++) {
    const matrix = item / columnGroups;
    const firstColumn = (item - matrix * columnGroups) * columnGroup;
    const columns = min(columnGroup, n - firstColumn);
    let a = pointer(record, ThinField.a);
    let b = pointer(record, ThinField.b) + <usize>firstColumn * bColumn;
    let rest = matrix;
    for (let d = batchRank - 1; d >= 0; d--) {
      const size = int(batchSizes, d);
      const outer = rest / size;
      a += <usize>(rest - outer * size) * pointer(aBatchStrides, d);
      b += <usize>(rest - outer * size) * pointer(bBatchStrides, d);
      rest = outer;
    }
    const place = <usize>matrix * <usize>m * <usize>n * 4 + <usize>firstColumn * outColumn;
    const out = pointer(record, ThinField.out) + place;
    let aRow = pointer(record, ThinField.aRowStride);
    const aColumn = pointer(record, ThinField.aColumnStride);
    if (!dots) {
      addColumns(out, outRow, m, columns, k, a, aRow, aColumn, b, bRow, alpha);
    } else {
      if (aColumn != 4 && k > 1) {
        denseRows(copies, a, m, k, aRow, aColumn);
        a = copies;
        aRow = <usize>k << 2;
      }
      dotColumns(out, outRow, outColumn, m, columns, k, a, aRow, b, bColumn, alpha, spare);
    }
    if (!hasEpilogue) continue;
    if (outColumn == 4 && (biases == 0 || !exchanged)) {
      for (let row = 0; row < m; row++) {
        const bias = biases == 0 ? <usize>0 : biases + (<usize>firstColumn << 2);
        const residual = residuals == 0 ? <usize>0 : residuals + place + <usize>row * outRow;
        epilogue(out + <usize>row * outRow, bias, residual, activation, columns);
      }
    } else {
      // Exchanged operands: the columns here are rows of the output.
      for (let column = 0; column < columns; column++) {
        const offset = <usize>column * outColumn;
        epilogue(out + offset, biases, residuals == 0 ? <usize>0 : residuals + place + offset, activation, m);
      }
    }
  }
}
