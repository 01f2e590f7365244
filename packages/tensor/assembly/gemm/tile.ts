/**
 * The innermost kernel: 4 x 8 sums in eight registers. With two vectors of b and one element of a that makes eleven, which is what
 * V8's register allocator keeps out of memory; more sums or an unrolled loop make it spill, at half the speed. On one core of a
 * Zen 5 it runs at 55 GFLOP/s, with fused multiply-add or without.
 */
import { madd } from '../math/vector';

export const ROWS: i32 = 4;
export const COLUMNS: i32 = 8;
/** Bytes of a row of a panel of b. */
export const PANEL_ROW_BYTES: usize = 32;

/**
 * `strips` times 4 x 8 sums over `depth`, down the rows of a, which is read by its strides, with one panel of b. out = alpha * sum,
 * or that is added to what is there. The strips are looped over in here because a call for each costs the plain build a tenth.
 */
export function tiles(
  strips: i32,
  depth: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  panel: usize,
  out: usize,
  outRow: usize,
  alpha: f32,
  accumulate: bool,
): void {
  const end = panel + <usize>depth * PANEL_ROW_BYTES;
  for (; strips > 0; strips--) {
    let s00 = f32x4.splat(0);
    let s01 = s00;
    let s10 = s00;
    let s11 = s00;
    let s20 = s00;
    let s21 = s00;
    let s30 = s00;
    let s31 = s00;
    let a0 = a;
    let a1 = a0 + aRow;
    let a2 = a1 + aRow;
    let a3 = a2 + aRow;
    a = a3 + aRow;
    let b = panel;
    while (b < end) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0);
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
      a0 += aStep;
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
    out += outRow;
  }
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
  tiles(1, depth, a, aRow, aStep, b, spare, PANEL_ROW_BYTES, alpha, false);
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
