/**
 * exp and its kin, four floats at a time. Range reduction x = n ln 2 + r as in Cephes' expf (S. Moshier), with the polynomial
 * of its `expf` on |r| <= ln 2 / 2; 2^n is applied in two factors so that the result may be subnormal or overflow to infinity.
 * NaN passes: the clamps are pseudo-minima, which hand on their first argument when it is NaN.
 */
import { copySign, demote, madd, madd64, promoteHigh, select, step, step64 } from './vector';

/**
 * Added to a small float it leaves the nearest whole number in the low bits of the sum, which costs less than rounding and
 * converting.
 */
const ROUNDER: f32 = 12582912;
const ROUNDER_BITS: i32 = 0x4b400000;
const LOG2E32: f32 = 1.44269504088896341;
/** Just above the logarithm of the least normal float. */
const LEAST: f32 = -87.33;

/** 2^n for n in [-126, 127], as a float; 0 for -127. */
// @ts-ignore: decorator
@inline
function power2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** factor * exp(x), the factor taken in before 2^n, so that a product in the normal range keeps its digits. */
// @ts-ignore: decorator
@inline
export function expTimes(x: v128, factor: v128): v128 {
  // Above, the result is infinity anyhow. Below, n is -254, whose factors are exactly 0 (times infinity that is NaN, as it
  // should be), and exp(x) / 2^n is 0.79, so that no finite factor becomes infinite first.
  const bounded = f32x4.pmax(f32x4.pmin(x, f32x4.splat(90)), f32x4.splat(-176.3));
  const t = madd(bounded, f32x4.splat(LOG2E32), f32x4.splat(ROUNDER));
  const whole = i32x4.sub(t, i32x4.splat(ROUNDER_BITS));
  const half = i32x4.shr_s(whole, 1);
  const y = f32x4.mul(factor, expReduced(bounded, f32x4.sub(t, f32x4.splat(ROUNDER))));
  return f32x4.mul(f32x4.mul(y, power2(half)), power2(i32x4.sub(whole, half)));
}

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  return expTimes(x, f32x4.splat(1));
}

/** exp(x) / 2^n with n = x / ln 2 rounded. */
// @ts-ignore: decorator
@inline
function expReduced(x: v128, n: v128): v128 {
  // ln 2 in two parts; the product with the first is exact for |n| < 2^15.
  let r = madd(n, f32x4.splat(-0.693359375), x);
  r = madd(n, f32x4.splat(2.12194440e-4), r);
  let p = f32x4.splat(1.9875691500e-4);
  p = step(p, r, 1.3981999507e-3);
  p = step(p, r, 8.3334519073e-3);
  p = step(p, r, 4.1665795894e-2);
  p = step(p, r, 1.6666665459e-1);
  p = step(p, r, 5.0000001201e-1);
  return f32x4.add(madd(f32x4.mul(r, r), p, r), f32x4.splat(1));
}

/** exp for arguments that are at most about 88 and give 0 where exp is below the normal floats: what softmax needs. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  // At the bound the result is still normal: a subnormal one would cost a hundred cycles, and be dropped.
  const bounded = f32x4.pmax(x, f32x4.splat(LEAST));
  const t = madd(bounded, f32x4.splat(LOG2E32), f32x4.splat(ROUNDER));
  const y = expReduced(bounded, f32x4.sub(t, f32x4.splat(ROUNDER)));
  // n is -126 or more, so one factor does; the shift keeps of the rounder's sum n alone.
  const power = i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000));
  return v128.andnot(f32x4.mul(y, power), f32x4.lt(x, f32x4.splat(LEAST)));
}

/**
 * 2^x for arguments that are at most 127, and 0 below 2^-126.5; to 2 ulp of the normal floats. Cheaper than exp: the distance to the nearest
 * whole number is exact. The polynomial is that of Cephes' exp2f.
 */
// @ts-ignore: decorator
@inline
export function exp2NonPositive(x: v128): v128 {
  // At the bound the power of two that is put together below is 0.
  const bounded = f32x4.pmax(x, f32x4.splat(-127));
  const t = f32x4.add(bounded, f32x4.splat(ROUNDER));
  const r = f32x4.sub(bounded, f32x4.sub(t, f32x4.splat(ROUNDER)));
  let p = f32x4.splat(1.535336188319500e-4);
  p = step(p, r, 1.339887440266574e-3);
  p = step(p, r, 9.618437357674640e-3);
  p = step(p, r, 5.550332471162809e-2);
  p = step(p, r, 2.402264791363012e-1);
  p = step(p, r, 6.931472028550421e-1);
  p = step(p, r, 1);
  const power = i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000));
  return f32x4.mul(p, power);
}

/** 1 / (1 + exp(-x)), from exp(-|x|) on both sides so that neither tail overflows or loses digits. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = exp(v128.or(x, i32x4.splat(0x80000000)));
  const one = f32x4.splat(1);
  return f32x4.div(select(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(e, one));
}

/** x / (1 + exp(-t)): x sigmoid(t) for x and t of one sign. Far below zero it is x exp(t), which does not overflow. */
// @ts-ignore: decorator
@inline
export function swish(x: v128, t: v128): v128 {
  const one = f32x4.splat(1);
  const far = f32x4.lt(t, f32x4.splat(-17));
  const e = expTimes(select(t, f32x4.neg(t), far), select(x, one, far));
  return select(e, f32x4.div(x, f32x4.add(e, one)), far);
}

/** Cephes' tanhf: an odd polynomial near 0, 1 - 2 / (exp(2|x|) + 1) elsewhere. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = step(p, z, 2.06390887954e-2);
  p = step(p, z, -5.37397155531e-2);
  p = step(p, z, 1.33314422036e-1);
  p = step(p, z, -3.33332819422e-1);
  const small = madd(f32x4.mul(p, z), x, x);
  const one = f32x4.splat(1);
  // Above 9 the quotient is below half an ulp of 1.
  const e = exp(f32x4.add(f32x4.pmin(a, f32x4.splat(10)), f32x4.pmin(a, f32x4.splat(10))));
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(e, one)));
  // Copied in both branches: small is a sum, which has +0 for -0.
  return copySign(select(small, large, f32x4.lt(a, f32x4.splat(0.625))), x);
}

/** r Q(r) = exp(r) - 1 for |r| <= ln 2 / 2 in double precision: Taylor to r^10, below 1e-11 relative. */
// @ts-ignore: decorator
@inline
function expm1Polynomial(r: v128): v128 {
  let p = f64x2.splat(1 / 3628800.0);
  p = step64(p, r, 1 / 362880.0);
  p = step64(p, r, 1 / 40320.0);
  p = step64(p, r, 1 / 5040.0);
  p = step64(p, r, 1 / 720.0);
  p = step64(p, r, 1 / 120.0);
  p = step64(p, r, 1 / 24.0);
  p = step64(p, r, 1 / 6.0);
  p = step64(p, r, 0.5);
  return madd64(f64x2.mul(r, r), p, r);
}

const LN2: f64 = 0.6931471805599453;
const LOG2E: f64 = 1.4426950408889634;

/** 2^n for whole doubles n in [-1022, 1023]. */
// @ts-ignore: decorator
@inline
function power264(n: v128): v128 {
  return i64x2.shl(i64x2.extend_low_i32x4_s(i32x4.add(i32x4.trunc_sat_f64x2_s_zero(n), i32x4.splat(1023))), 52);
}

/** exp for doubles, to about 1e-11: for results that are rounded to float32. */
// @ts-ignore: decorator
@inline
export function exp64(x: v128): v128 {
  const bounded = f64x2.pmax(f64x2.pmin(x, f64x2.splat(700)), f64x2.splat(-700));
  const n = f64x2.nearest(f64x2.mul(bounded, f64x2.splat(LOG2E)));
  const r = madd64(n, f64x2.splat(-LN2), bounded);
  const power = power264(n);
  return madd64(power, expm1Polynomial(r), power);
}

// @ts-ignore: decorator
@inline
function expm164(x: v128): v128 {
  const bounded = f64x2.pmax(f64x2.pmin(x, f64x2.splat(700)), f64x2.splat(-700));
  const n = f64x2.nearest(f64x2.mul(bounded, f64x2.splat(LOG2E)));
  const r = madd64(n, f64x2.splat(-LN2), bounded);
  const power = power264(n);
  return madd64(power, expm1Polynomial(r), f64x2.sub(power, f64x2.splat(1)));
}

// @ts-ignore: decorator
@inline
export function expm1(x: v128): v128 {
  const y = demote(expm164(f64x2.promote_low_f32x4(x)), expm164(promoteHigh(x)));
  // -0 and the subnormals are their own results.
  return select(x, y, f32x4.lt(f32x4.abs(x), f32x4.splat(1.1754943508222875e-38)));
}
