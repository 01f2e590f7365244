/**
 * The rest of the elementary functions, through doubles: what is left after rounding to float32 is hardly more than half an ulp.
 * Each is written for two doubles that hold floats and is applied to both halves of a vector.
 */
import { exp64 } from './exp';
import { exceptions, log1p64, log64 } from './log';
import { far, sine64 } from './trig';
import { copySign, demote, madd64, promoteHigh, select, step64 } from './vector';

const LN2: f64 = 0.6931471805599453;
const PI: f64 = 3.141592653589793;

// @ts-ignore: decorator
@inline
function sign64(x: v128, sign: v128): v128 {
  return v128.bitselect(sign, x, i64x2.splat(0x8000000000000000));
}

// @ts-ignore: decorator
@inline
function exp264(x: v128): v128 {
  return exp64(f64x2.mul(x, f64x2.splat(LN2)));
}

// @ts-ignore: decorator
@inline
export function exp2(x: v128): v128 {
  return demote(exp264(f64x2.promote_low_f32x4(x)), exp264(promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
function log1064(x: v128): v128 {
  return f64x2.mul(log64(x), f64x2.splat(0.4342944819032518));
}

// @ts-ignore: decorator
@inline
export function log10(x: v128): v128 {
  return exceptions(x, demote(log1064(f64x2.promote_low_f32x4(x)), log1064(promoteHigh(x))));
}

// @ts-ignore: decorator
@inline
function tan64(x: v128): v128 {
  return f64x2.div(sine64(x, 0), sine64(x, 1));
}

function tanFar(x: v128): v128 {
  return f32x4(
    <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 0)),
    <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 1)),
    <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 2)),
    <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 3)),
  );
}

// @ts-ignore: decorator
@inline
export function tan(x: v128): v128 {
  if (far(x)) return tanFar(x);
  const y = demote(tan64(f64x2.promote_low_f32x4(x)), tan64(promoteHigh(x)));
  return select(x, y, f32x4.eq(x, f32x4.splat(0)));
}

/** The inverse of the tangent: 1/a above 1, pi/6 + … above tan(pi/12), then Taylor's series for at most 0.268, good to 3e-12. */
// @ts-ignore: decorator
@inline
function atan64(x: v128): v128 {
  const one = f64x2.splat(1);
  const a = f64x2.abs(x);
  const above = f64x2.gt(a, one);
  const t = select(f64x2.div(one, a), a, above);
  const turned = f64x2.gt(t, f64x2.splat(0.2679491924311227));
  const root3 = f64x2.splat(1.7320508075688772);
  const u = select(f64x2.div(f64x2.sub(f64x2.mul(t, root3), one), f64x2.add(t, root3)), t, turned);
  const z = f64x2.mul(u, u);
  let p = f64x2.splat(1 / 17.0);
  p = step64(p, z, -1 / 15.0);
  p = step64(p, z, 1 / 13.0);
  p = step64(p, z, -1 / 11.0);
  p = step64(p, z, 1 / 9.0);
  p = step64(p, z, -1 / 7.0);
  p = step64(p, z, 1 / 5.0);
  p = step64(p, z, -1 / 3.0);
  let r = madd64(f64x2.mul(p, z), u, u);
  r = f64x2.add(r, v128.and(turned, f64x2.splat(PI / 6)));
  r = select(f64x2.sub(f64x2.splat(PI / 2), r), r, above);
  return sign64(r, x);
}

// @ts-ignore: decorator
@inline
export function atan(x: v128): v128 {
  return demote(atan64(f64x2.promote_low_f32x4(x)), atan64(promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
function asin64(x: v128): v128 {
  const one = f64x2.splat(1);
  return atan64(f64x2.div(x, f64x2.sqrt(f64x2.mul(f64x2.sub(one, x), f64x2.add(one, x)))));
}

// @ts-ignore: decorator
@inline
export function asin(x: v128): v128 {
  return demote(asin64(f64x2.promote_low_f32x4(x)), asin64(promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
function acos64(x: v128): v128 {
  const one = f64x2.splat(1);
  const half = atan64(f64x2.sqrt(f64x2.div(f64x2.sub(one, x), f64x2.add(one, x))));
  return f64x2.add(half, half);
}

// @ts-ignore: decorator
@inline
export function acos(x: v128): v128 {
  return demote(acos64(f64x2.promote_low_f32x4(x)), acos64(promoteHigh(x)));
}

/** The angle of (x, y), with the quadrants and the signed zeros of C's atan2. */
// @ts-ignore: decorator
@inline
function atan264(y: v128, x: v128): v128 {
  const zero = f64x2.splat(0);
  const infinity = f64x2.splat(Infinity);
  const ax = f64x2.abs(x);
  const ay = f64x2.abs(y);
  let r = atan64(f64x2.div(ay, ax));
  r = v128.andnot(r, v128.and(f64x2.eq(ax, zero), f64x2.eq(ay, zero)));
  r = select(f64x2.splat(PI / 4), r, v128.and(f64x2.eq(ax, infinity), f64x2.eq(ay, infinity)));
  // A negative zero is a negative number here.
  r = select(f64x2.sub(f64x2.splat(PI), r), r, i64x2.shr_s(x, 63));
  return sign64(r, y);
}

// @ts-ignore: decorator
@inline
export function atan2(y: v128, x: v128): v128 {
  const result = demote(
    atan264(f64x2.promote_low_f32x4(y), f64x2.promote_low_f32x4(x)),
    atan264(promoteHigh(y), promoteHigh(x)),
  );
  return select(f32x4.splat(NaN), result, v128.or(f32x4.ne(x, x), f32x4.ne(y, y)));
}

/** Below 1 Taylor's series to a^13, good to 1e-12: a difference of exponentials would cancel. */
// @ts-ignore: decorator
@inline
function sinh64(x: v128): v128 {
  const a = f64x2.abs(x);
  const e = exp64(a);
  const half = f64x2.splat(0.5);
  const large = f64x2.mul(f64x2.sub(e, f64x2.div(f64x2.splat(1), e)), half);
  const z = f64x2.mul(x, x);
  let p = f64x2.splat(1 / 6227020800.0);
  p = step64(p, z, 1 / 39916800.0);
  p = step64(p, z, 1 / 362880.0);
  p = step64(p, z, 1 / 5040.0);
  p = step64(p, z, 1 / 120.0);
  p = step64(p, z, 1 / 6.0);
  const small = madd64(f64x2.mul(p, z), a, a);
  return sign64(select(small, large, f64x2.lt(a, f64x2.splat(1))), x);
}

// @ts-ignore: decorator
@inline
export function sinh(x: v128): v128 {
  return demote(sinh64(f64x2.promote_low_f32x4(x)), sinh64(promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
function cosh64(x: v128): v128 {
  const e = exp64(f64x2.abs(x));
  return f64x2.mul(f64x2.add(e, f64x2.div(f64x2.splat(1), e)), f64x2.splat(0.5));
}

// @ts-ignore: decorator
@inline
export function cosh(x: v128): v128 {
  return demote(cosh64(f64x2.promote_low_f32x4(x)), cosh64(promoteHigh(x)));
}

// @ts-ignore: decorator
@inline
function asinh64(x: v128): v128 {
  const one = f64x2.splat(1);
  const a = f64x2.abs(x);
  const square = f64x2.mul(a, a);
  const t = f64x2.add(a, f64x2.div(square, f64x2.add(one, f64x2.sqrt(f64x2.add(square, one)))));
  return sign64(log1p64(t), x);
}

/** What is not finite, and what is so small that it is its own result, comes back as it is. */
// @ts-ignore: decorator
@inline
function keepEnds(x: v128, y: v128): v128 {
  const a = f32x4.abs(x);
  const inside = v128.and(f32x4.lt(a, f32x4.splat(Infinity)), f32x4.ge(a, f32x4.splat(1.1754943508222875e-38)));
  return select(y, x, inside);
}

// @ts-ignore: decorator
@inline
export function asinh(x: v128): v128 {
  return keepEnds(x, demote(asinh64(f64x2.promote_low_f32x4(x)), asinh64(promoteHigh(x))));
}

// @ts-ignore: decorator
@inline
function acosh64(x: v128): v128 {
  const t = f64x2.sub(x, f64x2.splat(1));
  return log1p64(f64x2.add(t, f64x2.sqrt(f64x2.mul(t, f64x2.add(t, f64x2.splat(2))))));
}

// @ts-ignore: decorator
@inline
export function acosh(x: v128): v128 {
  const y = keepEnds(x, demote(acosh64(f64x2.promote_low_f32x4(x)), acosh64(promoteHigh(x))));
  return select(y, f32x4.splat(NaN), f32x4.ge(x, f32x4.splat(1)));
}

// @ts-ignore: decorator
@inline
function atanh64(x: v128): v128 {
  const a = f64x2.abs(x);
  const t = f64x2.div(f64x2.add(a, a), f64x2.sub(f64x2.splat(1), a));
  return sign64(f64x2.mul(log1p64(t), f64x2.splat(0.5)), x);
}

// @ts-ignore: decorator
@inline
export function atanh(x: v128): v128 {
  const one = f32x4.splat(1);
  const a = f32x4.abs(x);
  const y = keepEnds(x, demote(atanh64(f64x2.promote_low_f32x4(x)), atanh64(promoteHigh(x))));
  const inside = select(y, f32x4.splat(NaN), f32x4.lt(a, one));
  return select(copySign(f32x4.splat(Infinity), x), inside, f32x4.eq(a, one));
}

/** exp(-a²) times a polynomial in (a - 3) / (a + 3) over 1 + 2a, interpolated on [0, 10.1] to 1e-9; 2 minus that below 0. */
// @ts-ignore: decorator
@inline
function erfc64(x: v128): v128 {
  const a = f64x2.pmin(f64x2.abs(x), f64x2.splat(10.5));
  const s = f64x2.div(f64x2.sub(a, f64x2.splat(3)), f64x2.add(a, f64x2.splat(3)));
  let p = f64x2.splat(3.631907784413354e-5);
  p = step64(p, s, -0.00018069845912157124);
  p = step64(p, s, -0.0007412723779947324);
  p = step64(p, s, 0.0019483711025346168);
  p = step64(p, s, 0.002528937345079487);
  p = step64(p, s, -0.023787163420671185);
  p = step64(p, s, 0.06830624499602818);
  p = step64(p, s, -0.11927168912534414);
  p = step64(p, s, 0.1296453811948254);
  p = step64(p, s, -0.04756238130263852);
  p = step64(p, s, -0.1356211117538494);
  p = step64(p, s, 1.253008058922642);
  const scaled = f64x2.div(p, f64x2.add(f64x2.add(a, a), f64x2.splat(1)));
  const tail = f64x2.mul(exp64(f64x2.neg(f64x2.mul(a, a))), scaled);
  return select(f64x2.sub(f64x2.splat(2), tail), tail, i64x2.shr_s(x, 63));
}

// @ts-ignore: decorator
@inline
export function erfc(x: v128): v128 {
  return select(x, demote(erfc64(f64x2.promote_low_f32x4(x)), erfc64(promoteHigh(x))), f32x4.ne(x, x));
}

/** log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). */
// @ts-ignore: decorator
@inline
function softplus64(x: v128): v128 {
  const e = exp64(f64x2.neg(f64x2.abs(x)));
  return f64x2.add(f64x2.pmax(f64x2.splat(0), x), log1p64(e));
}

// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
  return select(x, demote(softplus64(f64x2.promote_low_f32x4(x)), softplus64(promoteHigh(x))), f32x4.ne(x, x));
}

/** x tanh(log(1 + e)) with e = exp(x): x q / (q + 2) with q = e (e + 2). */
// @ts-ignore: decorator
@inline
function mish64(x: v128): v128 {
  // Far below, where exp64 ends, it has to be 0 indeed: times -infinity that is NaN.
  const e = v128.and(exp64(f64x2.pmin(x, f64x2.splat(40))), f64x2.gt(x, f64x2.splat(-700)));
  const two = f64x2.splat(2);
  const q = f64x2.mul(e, f64x2.add(e, two));
  return f64x2.mul(x, f64x2.div(q, f64x2.add(q, two)));
}

// @ts-ignore: decorator
@inline
export function mish(x: v128): v128 {
  return demote(mish64(f64x2.promote_low_f32x4(x)), mish64(promoteHigh(x)));
}

/** floor(a / b) for floats, exact where the quotient of doubles is: its rounding could only reach a whole number from below. */
// @ts-ignore: decorator
@inline
function floorDivide64(a: v128, b: v128): v128 {
  const q = f64x2.floor(f64x2.div(a, b));
  // q b > a (in the direction of b) shows that the quotient was rounded up to a whole number. Infinite operands compare false.
  const over = f64x2.sub(a, f64x2.mul(q, b));
  return select(f64x2.sub(q, f64x2.splat(1)), q, f64x2.lt(f64x2.mul(over, b), f64x2.splat(0)));
}

// @ts-ignore: decorator
@inline
export function floorDivide(a: v128, b: v128): v128 {
  return demote(
    floorDivide64(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b)),
    floorDivide64(promoteHigh(a), promoteHigh(b)),
  );
}
