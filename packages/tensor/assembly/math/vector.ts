/**
 * Small words of vector arithmetic that the kernels share. `madd` is one fused instruction in the relaxed build where the
 * processor has it and two roundings otherwise; nothing here may rely on which.
 */

// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function madd64(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}

/** `x * scale + offset` with constants. */
// @ts-ignore: decorator
@inline
export function step(x: v128, scale: v128, offset: f32): v128 {
  return madd(x, scale, f32x4.splat(offset));
}

// @ts-ignore: decorator
@inline
export function step64(x: v128, scale: v128, offset: f64): v128 {
  return madd64(x, scale, f64x2.splat(offset));
}

/** Lanes of `a` where the mask is set, else of `b`. */
// @ts-ignore: decorator
@inline
export function select(a: v128, b: v128, mask: v128): v128 {
  return v128.bitselect(a, b, mask);
}

/** The magnitude of `x` with the sign of `sign`. */
// @ts-ignore: decorator
@inline
export function copySign(x: v128, sign: v128): v128 {
  return v128.bitselect(sign, x, i32x4.splat(0x80000000));
}

/** The upper two floats as doubles. */
// @ts-ignore: decorator
@inline
export function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
}

/** Two pairs of doubles as four floats. */
// @ts-ignore: decorator
@inline
export function demote(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** The sum of four lanes, as (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function addLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Adds four floats to two doubles: lanes 0 and 2 to the first. */
// @ts-ignore: decorator
@inline
export function addWide(sum: v128, x: v128): v128 {
  return f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(x), promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
export function addLanes64(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}
