/**
 * The innermost kernels: sums in registers, as many as V8 keeps there. With fused multiply-add they are 6 x 8 in twelve registers, which
 * with two vectors of b and one element of a makes all fifteen; without, products need registers too, and 4 x 8 it is. Two things make V8
 * spill, at less than half the speed: a loop that it unrolls, as it does with small ones and with those inside of another, and
 * anything done to the sums after the loop but storing them. On one core of a Zen 5 the tall tile runs at all that 128-bit SIMD can do
 * (64 GFLOP/s), the other at nine tenths of it. Each sum is one chain of additions over k, in either.
 */
import { madd } from '../math/vector';

export const ROWS: i32 = 4;
export const COLUMNS: i32 = 8;
/** Bytes of a row of a panel of b. */
export const PANEL_ROW_BYTES: usize = 32;

/**
 * `strips` times 4 x 8 sums over `depth`, down the rows of a, which is read by its strides, with one panel of b; or what is there and
 * `more`. Three strips are two tall tiles. The others are looped over in here because a call for each costs the plain build a tenth.
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
  more: bool,
): void {
  const end = panel + <usize>depth * PANEL_ROW_BYTES;
  if (ASC_FEATURE_RELAXED_SIMD) {
    for (; strips >= 3; strips -= 3) {
      tall(end, a, aRow, aStep, panel, out, outRow, more);
      a += 6 * aRow;
      out += 6 * outRow;
      tall(end, a, aRow, aStep, panel, out, outRow, more);
      a += 6 * aRow;
      out += 6 * outRow;
    }
  }
  for (; strips > 0; strips--) {
    let s00 = f32x4.splat(0);
    let s01 = s00;
    let s10 = s00;
    let s11 = s00;
    let s20 = s00;
    let s21 = s00;
    let s30 = s00;
    let s31 = s00;
    if (more) {
      let from = out;
      s00 = v128.load(from);
      s01 = v128.load(from, 16);
      from += outRow;
      s10 = v128.load(from);
      s11 = v128.load(from, 16);
      from += outRow;
      s20 = v128.load(from);
      s21 = v128.load(from, 16);
      from += outRow;
      s30 = v128.load(from);
      s31 = v128.load(from, 16);
    }
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
    v128.store(out, s00);
    v128.store(out, s01, 16);
    out += outRow;
    v128.store(out, s10);
    v128.store(out, s11, 16);
    out += outRow;
    v128.store(out, s20);
    v128.store(out, s21, 16);
    out += outRow;
    v128.store(out, s30);
    v128.store(out, s31, 16);
    out += outRow;
  }
}

/** 6 x 8 sums with the panel that ends at `end`. It is called in two places, so that no compiler puts its loop into another. */
function tall(
  end: usize,
  a0: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  out: usize,
  outRow: usize,
  more: bool,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  let s40 = s00;
  let s41 = s00;
  let s50 = s00;
  let s51 = s00;
  if (more) {
    let from = out;
    s00 = v128.load(from);
    s01 = v128.load(from, 16);
    from += outRow;
    s10 = v128.load(from);
    s11 = v128.load(from, 16);
    from += outRow;
    s20 = v128.load(from);
    s21 = v128.load(from, 16);
    from += outRow;
    s30 = v128.load(from);
    s31 = v128.load(from, 16);
    from += outRow;
    s40 = v128.load(from);
    s41 = v128.load(from, 16);
    from += outRow;
    s50 = v128.load(from);
    s51 = v128.load(from, 16);
  }
  let a1 = a0 + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  let a4 = a3 + aRow;
  let a5 = a4 + aRow;
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
    x = v128.load32_splat(a4);
    s40 = madd(x, b0, s40);
    s41 = madd(x, b1, s41);
    x = v128.load32_splat(a5);
    s50 = madd(x, b0, s50);
    s51 = madd(x, b1, s51);
    a0 += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    a4 += aStep;
    a5 += aStep;
    b += PANEL_ROW_BYTES;
  }
  v128.store(out, s00);
  v128.store(out, s01, 16);
  out += outRow;
  v128.store(out, s10);
  v128.store(out, s11, 16);
  out += outRow;
  v128.store(out, s20);
  v128.store(out, s21, 16);
  out += outRow;
  v128.store(out, s30);
  v128.store(out, s31, 16);
  out += outRow;
  v128.store(out, s40);
  v128.store(out, s41, 16);
  out += outRow;
  v128.store(out, s50);
  v128.store(out, s51, 16);
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
  more: bool,
  rows: i32,
  columns: i32,
  spare: usize,
): void {
  if (more) copyPart(spare, PANEL_ROW_BYTES, out, outRow, rows, columns);
  tiles(1, depth, a, aRow, aStep, b, spare, PANEL_ROW_BYTES, more);
  copyPart(out, outRow, spare, PANEL_ROW_BYTES, rows, columns);
}

function copyPart(target: usize, targetRow: usize, source: usize, sourceRow: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = <usize>column << 2;
      store<f32>(target + place, load<f32>(source + place));
    }
    target += targetRow;
    source += sourceRow;
  }
}
