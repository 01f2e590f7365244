/**
 * sine and cosine through doubles: x = n pi/2 + r with pi/2 in two parts as in FreeBSD's __rem_pio2f, which is exact enough up
 * to 2^28; the few arguments beyond that take the scalar routine for doubles with its long reduction. Polynomials in doubles, for what goes on
 * computing in them: FreeBSD's __sindf, __cosdf.
 */
import { demote, madd, madd64, promoteHigh, select, step, step64 } from './vector';

/** sin(x + quarter * pi/2) for doubles |x| < 2^28. */
// @ts-ignore: decorator
@inline
export function sine64(x: v128, quarter: i32): v128 {
  const n = turns64(x);
  const r = rest64(x, n);
  const z = f64x2.mul(r, r);
  let s = f64x2.splat(0.0000027183114939898219064);
  s = step64(s, z, -0.000198393348360966317347);
  s = step64(s, z, 0.0083333293858894631756);
  s = step64(s, z, -0.166666666416265235595);
  const sine = madd64(f64x2.mul(s, z), r, r);
  let c = f64x2.splat(0.0000243904487962774090654);
  c = step64(c, z, -0.00138867637746099294692);
  c = step64(c, z, 0.0416666233237390631894);
  c = step64(c, z, -0.499999997251031003120);
  const cosine = step64(c, z, 1);
  const k = i32x4.add(i32x4.trunc_sat_f64x2_s_zero(n), i32x4.splat(quarter));
  const quadrant = i64x2.extend_low_i32x4_s(k);
  const swap = i64x2.ne(v128.and(quadrant, i64x2.splat(1)), i64x2.splat(0));
  const value = select(cosine, sine, swap);
  return v128.xor(value, i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62));
}

// @ts-ignore: decorator
@inline
export function far(x: v128): bool {
  return v128.any_true(f32x4.gt(f32x4.abs(x), f32x4.splat(268435456)));
}

function sinFar(x: v128): v128 {
  return f32x4(
    <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 0)),
    <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 1)),
    <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 2)),
    <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 3)),
  );
}

function cosFar(x: v128): v128 {
  return f32x4(
    <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 0)),
    <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 1)),
    <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 2)),
    <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 3)),
  );
}

/**
 * The sine of four floats that lie `quarter` quarter turns further on. What is left of them after whole quarter turns is taken from
 * doubles, so it has one rounding, and the polynomials in float32 behind it come out at less than 1.6 ulp in all.
 */
// @ts-ignore: decorator
@inline
function sineOf(x: v128, quarter: i32): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = promoteHigh(x);
  const lowTurns = turns64(low);
  const highTurns = turns64(high);
  const r = demote(rest64(low, lowTurns), rest64(high, highTurns));
  const turns = v128.shuffle<i64>(
    i32x4.trunc_sat_f64x2_s_zero(lowTurns),
    i32x4.trunc_sat_f64x2_s_zero(highTurns),
    0,
    2,
  );
  const k = i32x4.add(turns, i32x4.splat(quarter));
  const z = f32x4.mul(r, r);
  // Cephes' sinf and cosf.
  let s = f32x4.splat(-1.9515295891e-4);
  s = step(s, z, 8.3321608736e-3);
  s = step(s, z, -1.6666654611e-1);
  const sine = madd(f32x4.mul(s, z), r, r);
  let c = f32x4.splat(2.443315711809948e-5);
  c = step(c, z, -1.388731625493765e-3);
  c = step(c, z, 4.166664568298827e-2);
  const cosine = f32x4.add(f32x4.sub(f32x4.splat(1), f32x4.mul(f32x4.splat(0.5), z)), f32x4.mul(c, f32x4.mul(z, z)));
  const odd = i32x4.sub(i32x4.splat(0), v128.and(k, i32x4.splat(1)));
  return v128.xor(select(cosine, sine, odd), i32x4.shl(v128.and(k, i32x4.splat(2)), 30));
}

// @ts-ignore: decorator
@inline
function turns64(x: v128): v128 {
  return f64x2.nearest(f64x2.mul(x, f64x2.splat(0.6366197723675814)));
}

// @ts-ignore: decorator
@inline
function rest64(x: v128, turns: v128): v128 {
  const r = f64x2.sub(x, f64x2.mul(turns, f64x2.splat(1.5707963109016418)));
  return f64x2.sub(r, f64x2.mul(turns, f64x2.splat(1.5893254773528196e-8)));
}

// @ts-ignore: decorator
@inline
export function sin(x: v128): v128 {
  if (far(x)) return sinFar(x);
  // -0 is its own sine, which the difference above would make +0.
  return select(x, sineOf(x, 0), f32x4.eq(x, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
export function cos(x: v128): v128 {
  if (far(x)) return cosFar(x);
  return sineOf(x, 1);
}
