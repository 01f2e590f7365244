/**
 * The error function and the activations made of it. erf has two minimax branches (N. Juffa): an odd polynomial up to 0.92, and
 * 1 - exp(-P(|x|)) above, both below one ulp with fused multiply-add.
 */
import { exp2NonPositive, expNonPositive, swish } from './exp';
import { copySign, madd, select, step } from './vector';

/** Up to here erf is its odd polynomial. */
const NEAR: f32 = 0.921875;

/** erf(x) / x - 1 from z = x², for |x| <= NEAR. */
// @ts-ignore: decorator
@inline
function erfNear(z: v128): v128 {
  let p = f32x4.splat(-5.96761703e-4);
  p = step(p, z, 4.99119423e-3);
  p = step(p, z, -2.67681349e-2);
  p = step(p, z, 1.12819925e-1);
  p = step(p, z, -3.76125336e-1);
  return step(p, z, 1.28379166e-1);
}

/** 1 - erf(a) for a >= NEAR. Below 1e-8 it follows the true values only roughly. */
// @ts-ignore: decorator
@inline
function erfcFar(a: v128): v128 {
  const t = f32x4.pmin(a, f32x4.splat(10));
  const s = f32x4.mul(t, t);
  let r = madd(f32x4.splat(-1.72853470e-5), t, f32x4.splat(3.83197126e-4));
  const u = madd(f32x4.splat(-3.88396438e-3), t, f32x4.splat(2.42546219e-2));
  r = madd(r, s, u);
  r = step(r, t, -1.06777877e-1);
  r = step(r, t, -6.34846687e-1);
  r = step(r, t, -1.28717512e-1);
  return expNonPositive(madd(r, t, f32x4.neg(t)));
}

// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const a = f32x4.abs(x);
  const near = madd(erfNear(f32x4.mul(x, x)), x, x);
  const far = f32x4.sub(f32x4.splat(1), erfcFar(a));
  return select(copySign(far, x), near, f32x4.gt(a, f32x4.splat(NEAR)));
}

/** exp(-x²/2) of a magnitude, and 0 from 13.3 on. */
// @ts-ignore: decorator
@inline
function bell(a: v128): v128 {
  return exp2NonPositive(f32x4.mul(a, f32x4.mul(a, f32x4.splat(-0.7213475204444817))));
}

/**
 * Q(a) exp(a²/2) for a >= 0, with Q the normal distribution's upper tail: a polynomial of t = 1 / (1 + 0.39 a) in the manner of
 * Hastings, fitted by Lawson's method to 4e-9 near 0 and 3e-6 of the value far out. So one branch does for all of GELU.
 */
// @ts-ignore: decorator
@inline
function mills(a: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, madd(a, f32x4.splat(0.39), one));
  let p = f32x4.splat(-0.0328759029507637);
  p = step(p, t, 0.1771954447031021);
  p = step(p, t, -0.35183659195899963);
  p = step(p, t, 0.2529408633708954);
  p = step(p, t, -0.007503395434468985);
  p = step(p, t, 0.15346291661262512);
  p = step(p, t, 0.15289078652858734);
  p = step(p, t, 0.1557258516550064);
  return f32x4.mul(p, t);
}

/** x Φ(x), as x - x Q(x) on the right and x Q(-x) on the left, which keeps the tail there; to 1.5 ulp of |x|. */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const a = f32x4.abs(x);
  // Infinity on the right must not meet the 0 of its tail.
  const factor = f32x4.abs(f32x4.pmin(x, f32x4.splat(100)));
  const tail = f32x4.mul(factor, f32x4.mul(bell(a), mills(a)));
  // Minus zero stays one, and so x does if it is a zero.
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(-0.0)), tail);
}

/** Φ(x) + x φ(x), the derivative of GELU: g(-x) on the left, 1 - g(x) on the right, with g = Q - x φ. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const a = f32x4.abs(x);
  const g = f32x4.mul(bell(a), madd(a, f32x4.splat(-0.3989422804014327), mills(a)));
  return select(g, f32x4.sub(f32x4.splat(1), g), f32x4.lt(x, f32x4.splat(0)));
}

/** x/2 (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x³). */
// @ts-ignore: decorator
@inline
export function geluTanh(x: v128): v128 {
  const square = f32x4.mul(x, x);
  const slope = madd(square, f32x4.splat(0.0713548162726009), f32x4.splat(1.5957691216057308));
  return swish(x, f32x4.mul(x, slope));
}

// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  return swish(x, x);
}
