/** What happens to a row of scores on its way to weights: masks, the running maximum and sum of the online softmax, dropout. */
import { exp2NonPositive } from '../math/exp';
import { philox16 } from '../math/philox';
import { addLanes64, addWide, select } from '../math/vector';

const NONE: f32 = -Infinity;

/** Takes hidden keys (`kind` 1, bool) out of a row of scores, or adds to it (`kind` 2). */
export function maskRow(row: usize, count: i32, kind: i32, mask: usize, step: usize): void {
  const end = row + (<usize>count << 2);
  if (kind == 1) {
    const none = f32x4.splat(NONE);
    if (step == 4) {
      while (row + 16 <= end) {
        v128.store(row, select(v128.load(row), none, i32x4.ne(v128.load(mask), i32x4.splat(0))));
        row += 16;
        mask += 16;
      }
    }
    while (row < end) {
      if (load<i32>(mask) == 0) store<f32>(row, NONE);
      row += 4;
      mask += step;
    }
    return;
  }
  if (step == 4) {
    while (row + 16 <= end) {
      v128.store(row, f32x4.add(v128.load(row), inBits(v128.load(mask))));
      row += 16;
      mask += 16;
    }
  }
  while (row < end) {
    store<f32>(row, load<f32>(row) + f32x4.extract_lane(inBits(v128.load32_splat(mask)), 0));
    row += 4;
    mask += step;
  }
}

/** x log2(e), finite where x is: the least float, which many use to hide a key, must not become -infinity. */
// @ts-ignore: decorator
@inline
function inBits(x: v128): v128 {
  const y = f32x4.mul(x, f32x4.splat(1.44269504088896341));
  const bounded = f32x4.pmin(f32x4.pmax(y, f32x4.splat(-f32.MAX_VALUE)), f32x4.splat(f32.MAX_VALUE));
  return select(x, bounded, f32x4.eq(f32x4.abs(x), f32x4.splat(Infinity)));
}

/** The largest of a row; NaN counts as nothing. */
function largest(row: usize, count: i32): f32 {
  const end = row + (<usize>count << 2);
  let m0 = f32x4.splat(NONE);
  let m1 = m0;
  while (row + 32 <= end) {
    m0 = f32x4.pmax(m0, v128.load(row));
    m1 = f32x4.pmax(m1, v128.load(row, 16));
    row += 32;
  }
  m0 = f32x4.pmax(m0, m1);
  m0 = f32x4.pmax(m0, v128.shuffle<i32>(m0, m0, 2, 3, 0, 1));
  m0 = f32x4.pmax(m0, v128.shuffle<i32>(m0, m0, 1, 0, 3, 2));
  let result = f32x4.extract_lane(m0, 0);
  while (row < end) {
    const x = load<f32>(row);
    if (x > result) result = x;
    row += 4;
  }
  return result;
}

/** Turns a row of scores into powers of two below `highest`, and returns their sum. */
function powers(row: usize, count: i32, highest: f32): f64 {
  const offset = f32x4.splat(highest);
  const end = row + (<usize>count << 2);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  while (row + 32 <= end) {
    const y0 = exp2NonPositive(f32x4.sub(v128.load(row), offset));
    const y1 = exp2NonPositive(f32x4.sub(v128.load(row, 16), offset));
    v128.store(row, y0);
    v128.store(row, y1, 16);
    s0 = f32x4.add(s0, y0);
    s1 = f32x4.add(s1, y1);
    row += 32;
  }
  // At most 64 additions a lane: a row is at most a block long.
  let total = addWide(f64x2.splat(0), f32x4.add(s0, s1));
  while (row < end) {
    const rest = i32x4.splat(<i32>((end - row) >> 2));
    const x = v128.bitselect(v128.load(row), f32x4.splat(NONE), i32x4.lt_s(i32x4(0, 1, 2, 3), rest));
    const y = exp2NonPositive(f32x4.sub(x, offset));
    // Rows have room for whole vectors.
    v128.store(row, y);
    total = addWide(total, y);
    row += 16;
  }
  return addLanes64(total);
}

/**
 * Turns a row of scores, in bits, into weights relative to the row's running maximum, which is kept at `maximum`, and adds them to the
 * running sum at `total` (a double). Returns what the sums before have to be multiplied by. Without a key so far the maximum is
 * -infinity, and 0 stands for it.
 */
export function advanceRow(row: usize, count: i32, maximum: usize, total: usize): f32 {
  const before = load<f32>(maximum);
  const own = largest(row, count);
  const now = own > before ? own : before;
  const added = powers(row, count, now == NONE ? 0 : now);
  let factor: f32 = 1;
  if (now != before) {
    factor = f32x4.extract_lane(exp2NonPositive(f32x4.splat(before - now)), 0);
    store<f32>(maximum, now);
  }
  store<f64>(total, load<f64>(total) * <f64>factor + added);
  return factor;
}

/** x *= factor over whole pairs of vectors. */
export function scaleRow(row: usize, count: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  const end = row + (<usize>count << 2);
  while (row < end) {
    v128.store(row, f32x4.mul(v128.load(row), f));
    v128.store(row, f32x4.mul(v128.load(row, 16), f), 16);
    row += 32;
  }
}

/** Zeros from one element to another. */
export function clear(row: usize, from: i32, to: i32): void {
  if (from < to) memory.fill(row + (<usize>from << 2), 0, <usize>(to - from) << 2);
}

/**
 * What dropout multiplies a run of weights by: 0 or `scale`, drawn at the run's place `index` of the stream. `spare` takes as many floats
 * and 32 more; returns where in it the first factor is.
 */
export function dropoutFactors(
  spare: usize,
  index: u32,
  count: i32,
  p: f32,
  scale: f32,
  seedLow: u32,
  seedHigh: u32,
  offset: u32,
): usize {
  // Blocks of the stream begin at multiples of four.
  const lead = <i32>(index & 3);
  let block = index >> 2;
  const end = spare + (<usize>(lead + count) << 2);
  const below = f32x4.splat(p);
  const kept = f32x4.splat(scale);
  for (let to = spare; to < end; to += 64) {
    philox16(to, block, seedLow, seedHigh, offset);
    for (let part = to; part < to + 64; part += 16)
      v128.store(part, v128.andnot(kept, f32x4.lt(v128.load(part), below)));
    // The index is counted modulo 2^32, the block modulo 2^30.
    block = (block + 4) & 0x3fffffff;
  }
  return spare + (<usize>lead << 2);
}

/** row *= factors. */
export function multiplyRow(row: usize, factors: usize, count: i32): void {
  const end = row + (<usize>count << 2);
  while (row + 16 <= end) {
    v128.store(row, f32x4.mul(v128.load(row), v128.load(factors)));
    row += 16;
    factors += 16;
  }
  while (row < end) {
    store<f32>(row, load<f32>(row) * load<f32>(factors));
    row += 4;
    factors += 4;
  }
}
