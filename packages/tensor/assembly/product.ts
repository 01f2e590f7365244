/** The product of a dense row of floats, in doubles: as far as an element-by-element product in doubles goes, so far does this. */
import { loadPart } from './sums';

/** Elements that are multiplied in lanes of their own before they join the product. */
const PRODUCT_BLOCK: usize = 256;

/**
 * The product of a row in doubles: blocks in eight lanes, whose products join the whole while neither is near the limits of a double; else element
 * by element. Once the whole is 0 or infinite, only a NaN, an opposite of it, or signs can change it.
 */
export function productOfRow(input: usize, count: i32): f64 {
  const end = input + (<usize>count << 2);
  let total: f64 = 1;
  while (input < end) {
    if (total == 0 || abs(total) == Infinity) return total * restOfProduct(input, end, total == 0);
    const stop = min(input + PRODUCT_BLOCK * 4, end);
    const block = stop - input == PRODUCT_BLOCK * 4 ? productOfBlock(input) : NaN;
    if (abs(block) > 1e-150 && abs(block) < 1e150) total *= block;
    else for (let at = input; at < stop; at += 4) total *= <f64>load<f32>(at);
    input = stop;
  }
  return total;
}

/** The product of a whole block; NaN where a lane left the range in which lanes can be multiplied. */
function productOfBlock(input: usize): f64 {
  let p0 = f64x2.splat(1);
  let p1 = p0;
  let p2 = p0;
  let p3 = p0;
  for (let at = input; at < input + PRODUCT_BLOCK * 4; at += 32) {
    const x = v128.load(at);
    const y = v128.load(at, 16);
    p0 = f64x2.mul(p0, f64x2.promote_low_f32x4(x));
    p1 = f64x2.mul(p1, f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3)));
    p2 = f64x2.mul(p2, f64x2.promote_low_f32x4(y));
    p3 = f64x2.mul(p3, f64x2.promote_low_f32x4(v128.shuffle<i32>(y, y, 2, 3, 2, 3)));
  }
  const least = f64x2.pmin(f64x2.pmin(f64x2.abs(p0), f64x2.abs(p1)), f64x2.pmin(f64x2.abs(p2), f64x2.abs(p3)));
  const most = f64x2.pmax(f64x2.pmax(f64x2.abs(p0), f64x2.abs(p1)), f64x2.pmax(f64x2.abs(p2), f64x2.abs(p3)));
  if (!i64x2.all_true(v128.and(f64x2.gt(least, f64x2.splat(1e-38)), f64x2.lt(most, f64x2.splat(1e38))))) return NaN;
  const p = f64x2.mul(f64x2.mul(p0, p1), f64x2.mul(p2, p3));
  return f64x2.extract_lane(p, 0) * f64x2.extract_lane(p, 1);
}

/** What 0 (or infinity) is multiplied by further on: NaN where that makes one, else a sign. */
function restOfProduct(input: usize, end: usize, isZero: bool): f64 {
  let signs = i32x4.splat(0);
  let strange = i32x4.splat(0);
  for (; input < end; input += 16) {
    const x = loadPart(input, min(4, <i32>((end - input) >> 2)), f32x4.splat(1));
    signs = v128.xor(signs, x);
    // Zero takes all that is finite, infinity all that is neither 0 nor NaN.
    const harmless = isZero
      ? f32x4.lt(f32x4.abs(x), f32x4.splat(Infinity))
      : f32x4.gt(f32x4.abs(x), f32x4.splat(0));
    strange = v128.or(strange, v128.not(harmless));
  }
  if (v128.any_true(strange)) return NaN;
  return popcnt(i32x4.bitmask(signs)) & 1 ? -1 : 1;
}
