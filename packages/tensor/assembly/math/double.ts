/**
 * Logarithm, sine and cosine of doubles, two at a time, after FreeBSD's msun (e_log.c, k_sin.c, k_cos.c): within an ulp, so that what is
 * rounded to float32 afterwards is what JavaScript's functions give.
 */

/** ln x for positive normal x. */
// @ts-ignore: decorator
@inline
export function logDouble(x: v128): v128 {
  // x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
  const offset = i64x2.sub(x, i64x2.splat(0x3fe6a09e00000000));
  const exponent = i64x2.shr_s(offset, 52);
  const k = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponent, exponent, 0, 2, 0, 2));
  const f = f64x2.sub(i64x2.sub(x, i64x2.shl(exponent, 52)), f64x2.splat(1));
  const half = f64x2.mul(f64x2.mul(f64x2.splat(0.5), f), f);
  const s = f64x2.div(f, f64x2.add(f64x2.splat(2), f));
  const z = f64x2.mul(s, s);
  const w = f64x2.mul(z, z);
  let even = f64x2.add(f64x2.splat(2.222219843214978396e-1), f64x2.mul(w, f64x2.splat(1.531383769920937332e-1)));
  even = f64x2.mul(w, f64x2.add(f64x2.splat(3.999999999940941908e-1), f64x2.mul(w, even)));
  let odd = f64x2.add(f64x2.splat(1.818357216161805012e-1), f64x2.mul(w, f64x2.splat(1.479819860511658591e-1)));
  odd = f64x2.add(f64x2.splat(2.857142874366239149e-1), f64x2.mul(w, odd));
  odd = f64x2.mul(z, f64x2.add(f64x2.splat(6.666666666666735130e-1), f64x2.mul(w, odd)));
  const rest = f64x2.add(
    f64x2.mul(s, f64x2.add(half, f64x2.add(even, odd))),
    f64x2.mul(k, f64x2.splat(1.90821492927058770002e-10)),
  );
  return f64x2.sub(
    f64x2.mul(k, f64x2.splat(6.93147180369123816490e-1)),
    f64x2.sub(f64x2.sub(half, rest), f),
  );
}

/** Which quarter turn each of two angles of [0, 2 pi] is nearest to, as doubles 0 to 4. */
// @ts-ignore: decorator
@inline
export function quarters(x: v128): v128 {
  return f64x2.nearest(f64x2.mul(x, f64x2.splat(6.36619772367581382433e-1)));
}

/** What is left of an angle without its quarter turns, and what that lost in rounding. */
// @ts-ignore: decorator
@inline
export function reduced(x: v128, turns: v128): v128 {
  return f64x2.sub(beforeTail(x, turns), tail(turns));
}

// @ts-ignore: decorator
@inline
export function reducedError(x: v128, turns: v128, y: v128): v128 {
  return f64x2.sub(f64x2.sub(beforeTail(x, turns), y), tail(turns));
}

/** Exact: the first part of pi / 2 has 33 bits, and what is subtracted is near. */
// @ts-ignore: decorator
@inline
function beforeTail(x: v128, turns: v128): v128 {
  return f64x2.sub(x, f64x2.mul(turns, f64x2.splat(1.57079632673412561417)));
}

// @ts-ignore: decorator
@inline
function tail(turns: v128): v128 {
  return f64x2.mul(turns, f64x2.splat(6.07710050650619224932e-11));
}

/** sin(x + error) for |x| up to pi / 4. */
// @ts-ignore: decorator
@inline
export function sineDouble(x: v128, error: v128): v128 {
  const z = f64x2.mul(x, x);
  const w = f64x2.mul(z, z);
  const v = f64x2.mul(z, x);
  let r = f64x2.add(f64x2.splat(-1.98412698298579493134e-4), f64x2.mul(z, f64x2.splat(2.75573137070700676789e-6)));
  r = f64x2.add(f64x2.splat(8.33333333332248946124e-3), f64x2.mul(z, r));
  const end = f64x2.add(f64x2.splat(-2.50507602534068634195e-8), f64x2.mul(z, f64x2.splat(1.58969099521155010221e-10)));
  r = f64x2.add(r, f64x2.mul(f64x2.mul(z, w), end));
  const inner = f64x2.sub(f64x2.mul(f64x2.splat(0.5), error), f64x2.mul(v, r));
  return f64x2.sub(
    x,
    f64x2.sub(
      f64x2.sub(f64x2.mul(z, inner), error),
      f64x2.mul(v, f64x2.splat(-1.66666666666666324348e-1)),
    ),
  );
}

/** cos(x + error) for |x| up to pi / 4. */
// @ts-ignore: decorator
@inline
export function cosineDouble(x: v128, error: v128): v128 {
  const z = f64x2.mul(x, x);
  const w = f64x2.mul(z, z);
  let low = f64x2.add(f64x2.splat(-1.38888888888741095749e-3), f64x2.mul(z, f64x2.splat(2.48015872894767294178e-5)));
  low = f64x2.mul(z, f64x2.add(f64x2.splat(4.16666666666666019037e-2), f64x2.mul(z, low)));
  let high = f64x2.add(f64x2.splat(2.08757232129817482790e-9), f64x2.mul(z, f64x2.splat(-1.13596475577881948265e-11)));
  high = f64x2.add(f64x2.splat(-2.75573143513906633035e-7), f64x2.mul(z, high));
  const r = f64x2.add(low, f64x2.mul(f64x2.mul(w, w), high));
  const half = f64x2.mul(f64x2.splat(0.5), z);
  const one = f64x2.sub(f64x2.splat(1), half);
  const correction = f64x2.sub(f64x2.mul(z, r), f64x2.mul(x, error));
  return f64x2.add(one, f64x2.add(f64x2.sub(f64x2.sub(f64x2.splat(1), one), half), correction));
}
