/**
 * Sums over a dense run of floats, and of two runs, that row kernels share. Over a run floats are added in four vectors over at most
 * 256 elements, then in doubles: the error is that of 16 additions at most, whatever the length, and the order depends on the
 * length alone.
 */
import { addLanes64, addWide, madd } from './math/vector';

const CHUNK: usize = 1024;

/** The first `count` (1 to 4) lanes of what lies at `address`, `rest` in the others; reads all 16 bytes. */
// @ts-ignore: decorator
@inline
export function loadPart(address: usize, count: i32, rest: v128): v128 {
  return v128.bitselect(v128.load(address), rest, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** Stores the first `count` (1 to 3) lanes. */
// @ts-ignore: decorator
@inline
export function storePart(address: usize, value: v128, count: i32): void {
  store<i32>(address, i32x4.extract_lane(value, 0));
  if (count > 1) store<i32>(address, i32x4.extract_lane(value, 1), 4);
  if (count > 2) store<i32>(address, i32x4.extract_lane(value, 2), 8);
}

/** Σ x. */
export function sum(address: usize, count: i32): f64 {
  const end = address + (<usize>count << 2);
  let total = f64x2.splat(0);
  while (address + 16 <= end) {
    const stop = min(address + CHUNK, end);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    while (address + 64 <= stop) {
      s0 = f32x4.add(s0, v128.load(address));
      s1 = f32x4.add(s1, v128.load(address, 16));
      s2 = f32x4.add(s2, v128.load(address, 32));
      s3 = f32x4.add(s3, v128.load(address, 48));
      address += 64;
    }
    while (address + 16 <= stop) {
      s0 = f32x4.add(s0, v128.load(address));
      address += 16;
    }
    total = addWide(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  let result = addLanes64(total);
  while (address < end) {
    result += <f64>load<f32>(address);
    address += 4;
  }
  return result;
}

/** Σ (x - center)². */
export function sumOfSquares(address: usize, count: i32, center: f32): f64 {
  const end = address + (<usize>count << 2);
  const middle = f32x4.splat(center);
  let total = f64x2.splat(0);
  while (address + 16 <= end) {
    const stop = min(address + CHUNK, end);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    while (address + 64 <= stop) {
      const x0 = f32x4.sub(v128.load(address), middle);
      const x1 = f32x4.sub(v128.load(address, 16), middle);
      const x2 = f32x4.sub(v128.load(address, 32), middle);
      const x3 = f32x4.sub(v128.load(address, 48), middle);
      s0 = madd(x0, x0, s0);
      s1 = madd(x1, x1, s1);
      s2 = madd(x2, x2, s2);
      s3 = madd(x3, x3, s3);
      address += 64;
    }
    while (address + 16 <= stop) {
      const x0 = f32x4.sub(v128.load(address), middle);
      s0 = madd(x0, x0, s0);
      address += 16;
    }
    total = addWide(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  let result = addLanes64(total);
  while (address < end) {
    const x = <f64>(load<f32>(address) - center);
    result += x * x;
    address += 4;
  }
  return result;
}

/** Σ x y. */
export function dot(a: usize, b: usize, count: i32): f64 {
  const end = a + (<usize>count << 2);
  let total = f64x2.splat(0);
  while (a + 16 <= end) {
    const stop = min(a + CHUNK, end);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    while (a + 64 <= stop) {
      s0 = madd(v128.load(a), v128.load(b), s0);
      s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
      s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
      s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
      a += 64;
      b += 64;
    }
    while (a + 16 <= stop) {
      s0 = madd(v128.load(a), v128.load(b), s0);
      a += 16;
      b += 16;
    }
    total = addWide(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  let result = addLanes64(total);
  while (a < end) {
    result += <f64>load<f32>(a) * <f64>load<f32>(b);
    a += 4;
    b += 4;
  }
  return result;
}

/** target += source. */
export function addRow(target: usize, source: usize, count: i32): void {
  const end = target + (<usize>count << 2);
  while (target + 16 <= end) {
    v128.store(target, f32x4.add(v128.load(target), v128.load(source)));
    target += 16;
    source += 16;
  }
  while (target < end) {
    store<f32>(target, load<f32>(target) + load<f32>(source));
    target += 4;
    source += 4;
  }
}
