/**
 * The error function and the activations made of it. erf has two minimax branches (N. Juffa): an odd polynomial up to 0.92, and
 * 1 - exp(-P(|x|)) above, both below one ulp with fused multiply-add.
 */
import { exp, expNonPositive, sigmoid, tanh } from './exp';
import { copySign, madd, select, step } from './vector';

// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.96761703e-4);
  p = step(p, z, 4.99119423e-3);
  p = step(p, z, -2.67681349e-2);
  p = step(p, z, 1.12819925e-1);
  p = step(p, z, -3.76125336e-1);
  p = step(p, z, 1.28379166e-1);
  const small = madd(p, x, x);
  // erf is 1 to the last bit from 3.93 on; the bound keeps the polynomial from wandering off.
  const a = f32x4.abs(x);
  const t = f32x4.pmin(a, f32x4.splat(4));
  const s = f32x4.mul(t, t);
  let r = madd(f32x4.splat(-1.72853470e-5), t, f32x4.splat(3.83197126e-4));
  const u = madd(f32x4.splat(-3.88396438e-3), t, f32x4.splat(2.42546219e-2));
  r = madd(r, s, u);
  r = step(r, t, -1.06777877e-1);
  r = step(r, t, -6.34846687e-1);
  r = step(r, t, -1.28717512e-1);
  r = madd(r, t, f32x4.neg(t));
  const large = f32x4.sub(f32x4.splat(1), expNonPositive(r));
  return select(copySign(large, x), small, f32x4.gt(a, f32x4.splat(0.921875)));
}

/** x Φ(x) = x/2 (1 + erf(x / sqrt 2)). */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  return madd(half, erf(f32x4.mul(x, f32x4.splat(0.7071067811865476))), half);
}

/** x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))). */
// @ts-ignore: decorator
@inline
export function geluTanh(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  const cubic = f32x4.mul(f32x4.mul(f32x4.mul(x, x), x), f32x4.splat(0.044715));
  return madd(half, tanh(f32x4.mul(f32x4.add(x, cubic), f32x4.splat(0.7978845608028654))), half);
}

// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  return f32x4.mul(x, sigmoid(x));
}
