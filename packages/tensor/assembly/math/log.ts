/**
 * Logarithms and powers. `log` is Cephes' logf in four lanes; log1p, log2 and pow go through doubles, where
 * log m = 2 artanh((m - 1) / (m + 1)) for m in [1/sqrt 2, sqrt 2) needs eight terms for 1e-12.
 */
import { exp64 } from './exp';
import { demote, madd, madd64, promoteHigh, select, step, step64 } from './vector';

/** log for x > 0; 0, negative numbers, infinity and NaN as IEEE 754 says. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38));
  const scaled = select(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
  const bits = scaled;
  // The exponent that leaves m in [1/sqrt 2, sqrt 2).
  const shifted = i32x4.sub(bits, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(shifted, 23);
  const m = i32x4.sub(bits, i32x4.shl(exponent, 23));
  const e = f32x4.convert_i32x4_s(i32x4.sub(exponent, v128.and(tiny, i32x4.splat(23))));
  const f = f32x4.sub(m, f32x4.splat(1));
  const z = f32x4.mul(f, f);
  let p = f32x4.splat(7.0376836292e-2);
  p = step(p, f, -1.1514610310e-1);
  p = step(p, f, 1.1676998740e-1);
  p = step(p, f, -1.2420140846e-1);
  p = step(p, f, 1.4249322787e-1);
  p = step(p, f, -1.6668057665e-1);
  p = step(p, f, 2.0000714765e-1);
  p = step(p, f, -2.4999993993e-1);
  p = step(p, f, 3.3333331174e-1);
  let y = f32x4.mul(f32x4.mul(f, z), p);
  y = madd(e, f32x4.splat(-2.12194440e-4), y);
  y = madd(z, f32x4.splat(-0.5), y);
  y = f32x4.add(f, y);
  y = madd(e, f32x4.splat(0.693359375), y);
  return exceptions(x, y);
}

/** Puts in what a logarithm gives at and beyond the ends of its domain. */
// @ts-ignore: decorator
@inline
export function exceptions(x: v128, y: v128): v128 {
  const zero = f32x4.splat(0);
  const infinity = f32x4.splat(Infinity);
  let result = select(f32x4.splat(-Infinity), y, f32x4.eq(x, zero));
  result = select(y, result, f32x4.gt(x, zero));
  // x >= 0 is false for NaN too.
  result = select(result, f32x4.splat(NaN), f32x4.ge(x, zero));
  return select(infinity, result, f32x4.eq(x, infinity));
}

/** 2 artanh(s) for |s| <= 0.1716. */
// @ts-ignore: decorator
@inline
function twiceArtanh(s: v128): v128 {
  const z = f64x2.mul(s, s);
  let p = f64x2.splat(2 / 17.0);
  p = step64(p, z, 2 / 15.0);
  p = step64(p, z, 2 / 13.0);
  p = step64(p, z, 2 / 11.0);
  p = step64(p, z, 2 / 9.0);
  p = step64(p, z, 2 / 7.0);
  p = step64(p, z, 2 / 5.0);
  p = step64(p, z, 2 / 3.0);
  p = step64(p, z, 2.0);
  return f64x2.mul(p, s);
}

const LN2: f64 = 0.6931471805599453;
/** The bits of 1/sqrt 2 as a double. */
const SQRT_HALF_BITS: i64 = 0x3fe6a09e667f3bcd;

/** The exponent k, as double, that leaves x / 2^k in [1/sqrt 2, sqrt 2), for positive finite normal doubles. */
// @ts-ignore: decorator
@inline
function exponent64(x: v128): v128 {
  const k = i64x2.shr_s(i64x2.sub(x, i64x2.splat(SQRT_HALF_BITS)), 52);
  return f64x2.convert_low_i32x4_s(v128.shuffle<i32>(k, k, 0, 2, 0, 2));
}

// @ts-ignore: decorator
@inline
function mantissa64(x: v128): v128 {
  const k = i64x2.shr_s(i64x2.sub(x, i64x2.splat(SQRT_HALF_BITS)), 52);
  return i64x2.sub(x, i64x2.shl(k, 52));
}

/** log of positive finite normal doubles, to about 1e-12 relative. */
// @ts-ignore: decorator
@inline
export function log64(x: v128): v128 {
  const m = mantissa64(x);
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  return madd64(exponent64(x), f64x2.splat(LN2), twiceArtanh(s));
}

// @ts-ignore: decorator
@inline
function log264(x: v128): v128 {
  const m = mantissa64(x);
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  return madd64(twiceArtanh(s), f64x2.splat(1.4426950408889634), exponent64(x));
}

// @ts-ignore: decorator
@inline
export function log2(x: v128): v128 {
  return exceptions(x, demote(log264(f64x2.promote_low_f32x4(x)), log264(promoteHigh(x))));
}

/** log(1 + x): where 1 + x needs no exponent the quotient x / (2 + x) keeps the digits that 1 + x would lose. */
// @ts-ignore: decorator
@inline
export function log1p64(x: v128): v128 {
  const u = f64x2.add(x, f64x2.splat(1));
  const m = mantissa64(u);
  const one = f64x2.splat(1);
  const near = f64x2.lt(f64x2.abs(x), f64x2.splat(0.25));
  const numerator = select(x, f64x2.sub(m, one), near);
  const denominator = select(f64x2.add(u, one), f64x2.add(m, one), near);
  const s = f64x2.div(numerator, denominator);
  const e = v128.andnot(exponent64(u), near);
  return madd64(e, f64x2.splat(LN2), twiceArtanh(s));
}

// @ts-ignore: decorator
@inline
export function log1p(x: v128): v128 {
  const y = demote(log1p64(f64x2.promote_low_f32x4(x)), log1p64(promoteHigh(x)));
  const minusOne = f32x4.splat(-1);
  let result = select(f32x4.splat(-Infinity), y, f32x4.eq(x, minusOne));
  result = select(result, f32x4.splat(NaN), f32x4.ge(x, minusOne));
  // Subnormals, -0 and +infinity are their own results.
  const itself = v128.or(f32x4.lt(f32x4.abs(x), f32x4.splat(1.1754943508222875e-38)), f32x4.eq(x, f32x4.splat(Infinity)));
  return select(x, result, itself);
}

/** |a|^b for two lanes: exp(b log|a|), with the ends of log put in. */
// @ts-ignore: decorator
@inline
function power64(a: v128, b: v128): v128 {
  const zero = f64x2.splat(0);
  const infinity = f64x2.splat(Infinity);
  let logarithm = log64(a);
  logarithm = select(f64x2.splat(-Infinity), logarithm, f64x2.eq(a, zero));
  logarithm = select(infinity, logarithm, f64x2.eq(a, infinity));
  logarithm = select(logarithm, f64x2.splat(NaN), f64x2.ge(a, zero));
  return exp64(f64x2.mul(b, logarithm));
}

/** pow, which for the exponents that programs are full of is one or two multiplications. */
// @ts-ignore: decorator
@inline
export function pow(a: v128, b: v128): v128 {
  if (i32x4.all_true(f32x4.eq(b, f32x4.splat(2)))) return f32x4.mul(a, a);
  if (i32x4.all_true(f32x4.eq(b, f32x4.splat(3)))) return f32x4.mul(f32x4.mul(a, a), a);
  return generalPow(a, b);
}

/** a^b as IEEE 754's pow: pow(1, y) = pow(x, 0) = 1 even for NaN. */
function generalPow(a: v128, b: v128): v128 {
  const magnitude = f32x4.abs(a);
  const y = demote(
    power64(f64x2.promote_low_f32x4(magnitude), f64x2.promote_low_f32x4(b)),
    power64(promoteHigh(magnitude), promoteHigh(b)),
  );
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const whole = f32x4.eq(f32x4.trunc(b), b);
  const halfB = f32x4.mul(b, f32x4.splat(0.5));
  const odd = v128.and(whole, f32x4.ne(f32x4.trunc(halfB), halfB));
  const negative = i32x4.shr_s(a, 31);
  // An odd power keeps the sign (of zero and infinity too).
  let result = v128.xor(y, v128.and(v128.and(negative, odd), i32x4.splat(0x80000000)));
  // A negative finite base has no real power that is not whole.
  const complex = v128.andnot(v128.and(f32x4.lt(a, zero), f32x4.gt(a, f32x4.splat(-Infinity))), whole);
  result = select(f32x4.splat(NaN), result, complex);
  // |a| = 1 and an infinite b: the product 0 * infinity lost it. b = -infinity of -1 likewise.
  const unit = v128.and(f32x4.eq(magnitude, one), f32x4.eq(f32x4.abs(b), f32x4.splat(Infinity)));
  result = select(one, result, unit);
  return select(one, result, v128.or(f32x4.eq(b, zero), f32x4.eq(a, one)));
}
