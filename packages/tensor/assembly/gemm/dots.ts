/** Products with few rows where b is dense along k: dot products, four columns by two rows at a time. */
import { madd } from '../math/vector';

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

/** The dot products of all rows of a, dense along k, with some columns. */
export function dotColumns(
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

/** Copies rows so that they are dense along k. */
export function denseRows(target: usize, a: usize, m: i32, k: i32, aRow: usize, aColumn: usize): void {
  for (let row = 0; row < m; row++) {
    let from = a + <usize>row * aRow;
    for (let i = 0; i < k; i++) {
      store<f32>(target, load<f32>(from));
      target += 4;
      from += aColumn;
    }
  }
}
