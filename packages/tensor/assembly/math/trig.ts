/**
 * sine and cosine through doubles: x = n pi/2 + r with pi/2 in two parts as in FreeBSD's __rem_pio2f, which is exact enough up
 * to 2^28; the few arguments beyond that take the scalar routine for doubles with its long reduction. Polynomials: FreeBSD's __sindf, __cosdf.
 */
import { demote, madd64, promoteHigh, select, step64 } from './vector';

/** sin(x + quarter * pi/2) for doubles |x| < 2^28. */
// @ts-ignore: decorator
@inline
export function sine64(x: v128, quarter: i32): v128 {
  const n = f64x2.nearest(f64x2.mul(x, f64x2.splat(0.6366197723675814)));
  let r = f64x2.sub(x, f64x2.mul(n, f64x2.splat(1.5707963109016418)));
  r = f64x2.sub(r, f64x2.mul(n, f64x2.splat(1.5893254773528196e-8)));
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

// @ts-ignore: decorator
@inline
export function sin(x: v128): v128 {
  if (far(x)) return sinFar(x);
  const y = demote(sine64(f64x2.promote_low_f32x4(x), 0), sine64(promoteHigh(x), 0));
  // -0 is its own sine, which the sum r + ... would make +0.
  return select(x, y, f32x4.eq(x, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
export function cos(x: v128): v128 {
  if (far(x)) return cosFar(x);
  return demote(sine64(f64x2.promote_low_f32x4(x), 1), sine64(promoteHigh(x), 1));
}
