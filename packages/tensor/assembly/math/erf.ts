/**
 * The error function and the activations made of it. erf has two minimax branches (N. Juffa): an odd polynomial up to 0.92, and
 * 1 - exp(-P(|x|)) above, both below one ulp with fused multiply-add.
 */
import { expNonPositive, swish } from './exp';
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

/** x Φ(x): x/2 (1 + erf(x / sqrt 2)) in the middle; outside from erfc, which keeps the tail on the left. */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  const t = f32x4.mul(x, f32x4.splat(0.7071067811865476));
  const a = f32x4.abs(t);
  // The sum of two zeros is +0: a zero keeps its sign by a copy.
  const near = copySign(madd(half, madd(erfNear(f32x4.mul(t, t)), t, t), half), x);
  // Infinity on the right must not meet the 0 of its tail.
  const tail = f32x4.mul(f32x4.pmin(half, f32x4.splat(100)), erfcFar(a));
  const far = select(tail, f32x4.sub(x, tail), f32x4.lt(x, f32x4.splat(0)));
  return select(far, near, f32x4.gt(a, f32x4.splat(NEAR)));
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
