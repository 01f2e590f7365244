/**
 * The innermost kernel: 4 x 8 sums in eight registers. With two vectors of b and one element of a that makes eleven, which is what
 * V8's register allocator keeps out of memory; more sums, an unrolled loop or a longer parameter list make it spill, at half
 * the speed. Measured on Zen 5: 57 GFLOP/s with fused multiply-add, 48 without.
 */
import { madd } from '../math/vector';

export const ROWS: i32 = 4;
export const COLUMNS: i32 = 8;
/** Bytes of a row of a panel of b. */
export const PANEL_ROW_BYTES: usize = 32;
/** 4 x 8 sums over `depth`: a by its strides, b one panel; out = alpha * sum, or added to what is there. */
export function tile(
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

/** A tile at the edge: computed whole beside the output, of which it may then own only a part. */
export function edgeTile(
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
