/**
 * Reductions of columns, four or sixteen at a time: extremes and places of floats, and what is made of integers and truth values.
 * Short rows are columns too, with the elements of four rows gathered into a vector. Whole vectors are read, so up to three columns too many.
 */
import { ReduceCode } from './layout';
import { storePart } from './sums';

/** Up to so many elements a row is short: the work of starting on it would be more than that on it. */
export const SHORT: i32 = 16;

/** Four columns at a time, of extremes sixteen while there are so many: a line of the cache. Of the last only the lanes inside are stored. */
export function extremesOfColumns(
  out: usize,
  input: usize,
  count: i32,
  stride: usize,
  columns: i32,
  largest: bool,
  places: bool,
): void {
  let column = 0;
  if (!places) {
    for (; column + 16 <= columns; column += 16) {
      if (largest) sixteenExtremes(out, input, count, stride, true);
      else sixteenExtremes(out, input, count, stride, false);
      out += 64;
      input += 64;
    }
  }
  for (; column < columns; column += 4) {
    const result = places ? columnPlaces(input, count, stride, largest) : columnExtremes(input, count, stride, largest);
    const rest = columns - column;
    if (rest >= 4) v128.store(out, result);
    else storePart(out, result, rest);
    out += 16;
    input += 16;
  }
}

/** The nearer of the two to the extreme; NaN counts as neither. */
// @ts-ignore: decorator
@inline
function nearer(best: v128, x: v128, largest: bool): v128 {
  return largest ? f32x4.pmax(best, x) : f32x4.pmin(best, x);
}

/** NaN where a lane of the mask is set. */
// @ts-ignore: decorator
@inline
function strangeOr(best: v128, strange: v128): v128 {
  return v128.bitselect(f32x4.splat(NaN), best, strange);
}

// @ts-ignore: decorator
@inline
function sixteenExtremes(out: usize, input: usize, count: i32, stride: usize, largest: bool): void {
  let b0 = f32x4.splat(largest ? -Infinity : Infinity);
  let b1 = b0;
  let b2 = b0;
  let b3 = b0;
  let s0 = i32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let row = 0; row < count; row++) {
    const x0 = v128.load(input);
    const x1 = v128.load(input, 16);
    const x2 = v128.load(input, 32);
    const x3 = v128.load(input, 48);
    b0 = nearer(b0, x0, largest);
    b1 = nearer(b1, x1, largest);
    b2 = nearer(b2, x2, largest);
    b3 = nearer(b3, x3, largest);
    s0 = v128.or(s0, f32x4.ne(x0, x0));
    s1 = v128.or(s1, f32x4.ne(x1, x1));
    s2 = v128.or(s2, f32x4.ne(x2, x2));
    s3 = v128.or(s3, f32x4.ne(x3, x3));
    input += stride;
  }
  v128.store(out, strangeOr(b0, s0));
  v128.store(out, strangeOr(b1, s1), 16);
  v128.store(out, strangeOr(b2, s2), 32);
  v128.store(out, strangeOr(b3, s3), 48);
}

function columnExtremes(input: usize, count: i32, stride: usize, largest: bool): v128 {
  let best = f32x4.splat(largest ? -Infinity : Infinity);
  let strange = i32x4.splat(0);
  for (let row = 0; row < count; row++) {
    const x = v128.load(input);
    best = nearer(best, x, largest);
    strange = v128.or(strange, f32x4.ne(x, x));
    input += stride;
  }
  return strangeOr(best, strange);
}

/** Where `x` takes the place of the best so far: beyond it, or the first NaN, beyond which nothing is since comparisons with it are false. */
// @ts-ignore: decorator
@inline
function isBetter(x: v128, best: v128, largest: bool): v128 {
  const beyond = largest ? f32x4.gt(x, best) : f32x4.lt(x, best);
  return v128.or(beyond, v128.and(f32x4.ne(x, x), f32x4.eq(best, best)));
}

function columnPlaces(input: usize, count: i32, stride: usize, largest: bool): v128 {
  let best = v128.load(input);
  let places = i32x4.splat(0);
  for (let row = 1; row < count; row++) {
    input += stride;
    const x = v128.load(input);
    const better = isBetter(x, best, largest);
    best = v128.bitselect(x, best, better);
    places = v128.bitselect(i32x4.splat(row), places, better);
  }
  return places;
}

/** Products of columns, in doubles. */
export function productsOfColumns(out: usize, input: usize, count: i32, stride: usize, columns: i32): void {
  for (let column = 0; column < columns; column += 4) {
    let low = f64x2.splat(1);
    let high = low;
    let from = input + (<usize>column << 2);
    for (let row = 0; row < count; row++) {
      const x = v128.load(from);
      low = f64x2.mul(low, f64x2.promote_low_f32x4(x));
      high = f64x2.mul(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3)));
      from += stride;
    }
    const result = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
    const to = out + (<usize>column << 2);
    if (columns - column >= 4) v128.store(to, result);
    else storePart(to, result, columns - column);
  }
}

/** Whether columns of integers are sums, extremes or truths that `intColumns` makes. */
export function areIntColumns(op: i32): bool {
  return (
    op == ReduceCode.sum || op == ReduceCode.max || op == ReduceCode.min || op == ReduceCode.any || op == ReduceCode.all
  );
}

// @ts-ignore: decorator
@inline
function combined(total: v128, x: v128, op: i32): v128 {
  if (op == ReduceCode.sum) return i32x4.add(total, x);
  if (op == ReduceCode.max) return i32x4.max_s(total, x);
  if (op == ReduceCode.min) return i32x4.min_s(total, x);
  const truth = i32x4.ne(x, i32x4.splat(0));
  return op == ReduceCode.any ? v128.or(total, truth) : v128.and(total, truth);
}

/** Sixteen columns of integers, of which `columns` are stored. */
// @ts-ignore: decorator
@inline
function sixteenInts(out: usize, input: usize, count: i32, stride: usize, columns: i32, op: i32): void {
  const start = op == ReduceCode.max ? i32.MIN_VALUE : op == ReduceCode.min ? i32.MAX_VALUE : op == ReduceCode.all ? -1 : 0;
  let t0 = i32x4.splat(start);
  let t1 = t0;
  let t2 = t0;
  let t3 = t0;
  for (let row = 0; row < count; row++) {
    t0 = combined(t0, v128.load(input), op);
    t1 = combined(t1, v128.load(input, 16), op);
    t2 = combined(t2, v128.load(input, 32), op);
    t3 = combined(t3, v128.load(input, 48), op);
    input += stride;
  }
  // Truths are 0 and 1, not 0 and -1.
  if (op == ReduceCode.any || op == ReduceCode.all) {
    t0 = i32x4.neg(t0);
    t1 = i32x4.neg(t1);
    t2 = i32x4.neg(t2);
    t3 = i32x4.neg(t3);
  }
  storeLanes(out, t0, columns);
  storeLanes(out + 16, t1, columns - 4);
  storeLanes(out + 32, t2, columns - 8);
  storeLanes(out + 48, t3, columns - 12);
}

function storeLanes(out: usize, value: v128, lanes: i32): void {
  if (lanes >= 4) v128.store(out, value);
  else if (lanes > 0) storePart(out, value, lanes);
}

/** Columns of integers and truth values. Sixteen are read where fewer are left, which at the end of memory is within its margin. */
export function intColumns(out: usize, input: usize, count: i32, stride: usize, columns: i32, op: i32): void {
  for (let column = 0; column < columns; column += 16) {
    const rest = columns - column;
    if (op == ReduceCode.sum) sixteenInts(out, input, count, stride, rest, ReduceCode.sum);
    else if (op == ReduceCode.max) sixteenInts(out, input, count, stride, rest, ReduceCode.max);
    else if (op == ReduceCode.min) sixteenInts(out, input, count, stride, rest, ReduceCode.min);
    else if (op == ReduceCode.any) sixteenInts(out, input, count, stride, rest, ReduceCode.any);
    else sixteenInts(out, input, count, stride, rest, ReduceCode.all);
    out += 64;
    input += 64;
  }
}

/** One element of each of four rows. */
// @ts-ignore: decorator
@inline
function fourRows(input: usize, rowBytes: usize): v128 {
  let x = v128.load32_zero(input);
  x = v128.load_lane<i32>(input + rowBytes, x, 1);
  x = v128.load_lane<i32>(input + 2 * rowBytes, x, 2);
  return v128.load_lane<i32>(input + 3 * rowBytes, x, 3);
}

/** Sums, products, extremes or places of short rows of floats, element by element, sums and products in doubles. */
export function shortRows(out: usize, input: usize, rows: i32, count: i32, op: i32, scale: f64): void {
  const rowBytes = <usize>count << 2;
  const largest = op == ReduceCode.max || op == ReduceCode.argmax;
  for (let row = 0; row < rows; ) {
    // Fewer than four rows at the end are taken one at a time, each as if it were four.
    const isFour = rows - row >= 4;
    const step = isFour ? rowBytes : 0;
    let result: v128;
    if (op == ReduceCode.sum || op == ReduceCode.prod) {
      let low = f64x2.splat(op == ReduceCode.sum ? 0 : 1);
      let high = low;
      for (let i: usize = 0; i < rowBytes; i += 4) {
        const x = fourRows(input + i, step);
        const a = f64x2.promote_low_f32x4(x);
        const b = f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
        low = op == ReduceCode.sum ? f64x2.add(low, a) : f64x2.mul(low, a);
        high = op == ReduceCode.sum ? f64x2.add(high, b) : f64x2.mul(high, b);
      }
      const factor = f64x2.splat(op == ReduceCode.sum ? scale : 1);
      low = f64x2.mul(low, factor);
      high = f64x2.mul(high, factor);
      result = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
    } else if (op == ReduceCode.max || op == ReduceCode.min) {
      let best = f32x4.splat(largest ? -Infinity : Infinity);
      let strange = i32x4.splat(0);
      for (let i: usize = 0; i < rowBytes; i += 4) {
        const x = fourRows(input + i, step);
        best = nearer(best, x, largest);
        strange = v128.or(strange, f32x4.ne(x, x));
      }
      result = strangeOr(best, strange);
    } else {
      let best = fourRows(input, step);
      let places = i32x4.splat(0);
      for (let i = 1; i < count; i++) {
        const x = fourRows(input + (<usize>i << 2), step);
        const better = isBetter(x, best, largest);
        best = v128.bitselect(x, best, better);
        places = v128.bitselect(i32x4.splat(i), places, better);
      }
      result = places;
    }
    if (isFour) v128.store(out, result);
    else storePart(out, result, 1);
    const done = isFour ? 4 : 1;
    row += done;
    out += <usize>done << 2;
    input += <usize>done * rowBytes;
  }
}
