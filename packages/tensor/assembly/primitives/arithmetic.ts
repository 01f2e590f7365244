/**
 * Arithmetic primitives. uint8 lives in 32-bit lanes: what can leave 0..255 is cut back to eight bits. Maximum and minimum
 * propagate NaN as the wasm instructions do.
 */
import { demote, promoteHigh, select } from '../math/vector';
import { Binary, map1, map2, mapLong2, Unary } from './loops';

/** The sign; zeros and NaN are themselves. */
// @ts-ignore: decorator
@inline
function signF32(x: v128): v128 {
  const one = v128.bitselect(x, f32x4.splat(1), i32x4.splat(0x80000000));
  return select(one, x, f32x4.gt(f32x4.abs(x), f32x4.splat(0)));
}

/** a mod b with the divisor's sign for two doubles that hold floats, exact where |a / b| < 2^28; see `remainderFar`. */
// @ts-ignore: decorator
@inline
function remainder64(a: v128, b: v128): v128 {
  // The quotient may round up across a whole number: then the exact difference has the wrong sign, and one |b| mends it.
  const q = f64x2.trunc(f64x2.div(a, b));
  let r = f64x2.sub(a, f64x2.mul(q, b));
  const zero = f64x2.splat(0);
  const strayed = v128.and(f64x2.ne(r, zero), i64x2.ne(i64x2.shr_s(v128.xor(r, a), 63), i64x2.splat(0)));
  r = select(f64x2.add(r, v128.xor(f64x2.abs(b), v128.and(a, i64x2.splat(0x8000000000000000)))), r, strayed);
  // An infinite divisor leaves the dividend; a zero remainder has the dividend's sign.
  r = select(a, r, f64x2.eq(f64x2.abs(b), f64x2.splat(Infinity)));
  r = select(f64x2.splat(NaN), r, f64x2.eq(f64x2.abs(a), f64x2.splat(Infinity)));
  r = select(v128.and(a, i64x2.splat(0x8000000000000000)), r, f64x2.eq(r, zero));
  const opposite = v128.and(v128.xor(f64x2.lt(r, zero), f64x2.lt(b, zero)), f64x2.ne(r, zero));
  return select(f64x2.add(r, b), r, opposite);
}

// @ts-ignore: decorator
@inline
function remainderF32(x: v128, y: v128): v128 {
  const a = f64x2.promote_low_f32x4(x);
  const b = f64x2.promote_low_f32x4(y);
  const c = promoteHigh(x);
  const d = promoteHigh(y);
  const p = f64x2.div(a, b);
  const q = f64x2.div(c, d);
  const most = f64x2.splat(134217728);
  const near = v128.and(f64x2.lt(f64x2.abs(p), most), f64x2.lt(f64x2.abs(q), most));
  const finite = f32x4.lt(f32x4.abs(y), f32x4.splat(Infinity));
  if (!v128.any_true(v128.not(v128.and(near, finite)))) return demote(remainderNear(a, b, p), remainderNear(c, d, q));
  return remainderAny(x, y);
}

/** a mod b, given their quotient, where that is of some 27 bits and nothing is infinite or NaN. */
// @ts-ignore: decorator
@inline
function remainderNear(a: v128, b: v128, quotient: v128): v128 {
  const r = f64x2.sub(a, f64x2.mul(f64x2.floor(quotient), b));
  const zero = f64x2.splat(0);
  // A quotient that was rounded up to a whole number leaves a difference of the wrong sign; a zero has the dividend's.
  const strayed = v128.and(f64x2.ne(r, zero), f64x2.lt(f64x2.mul(r, b), zero));
  const mended = f64x2.add(r, v128.and(b, strayed));
  return select(v128.and(a, i64x2.splat(0x8000000000000000)), mended, f64x2.eq(mended, zero));
}

function remainderAny(x: v128, y: v128): v128 {
  const quotient = f32x4.abs(f32x4.div(x, y));
  // An infinite quotient with finite arguments is far too, a NaN is not.
  if (v128.any_true(v128.and(f32x4.gt(quotient, f32x4.splat(134217728)), f32x4.ne(y, f32x4.splat(0))))) return remainderFar(x, y);
  return demote(
    remainder64(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y)),
    remainder64(promoteHigh(x), promoteHigh(y)),
  );
}

function remainderFar(x: v128, y: v128): v128 {
  return f32x4(
    remainderScalar(f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0)),
    remainderScalar(f32x4.extract_lane(x, 1), f32x4.extract_lane(y, 1)),
    remainderScalar(f32x4.extract_lane(x, 2), f32x4.extract_lane(y, 2)),
    remainderScalar(f32x4.extract_lane(x, 3), f32x4.extract_lane(y, 3)),
  );
}

function remainderScalar(a: f32, b: f32): f32 {
  const r = NativeMathf.mod(a, b);
  return r != 0 && r < 0 != b < 0 ? r + b : r;
}

/** The remainder with the divisor's sign; 0 where the divisor is 0. */
// @ts-ignore: decorator
@inline
function remainderInt(a: i32, b: i32): i32 {
  if (b == 0) return 0;
  const r = a % b;
  return r != 0 && (r ^ b) < 0 ? r + b : r;
}

@unmanaged class AddF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.add(x, y); } }
export function op_add_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<AddF32>(t, a, b, n); }

@unmanaged class AddI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return i32x4.add(x, y); } }
export function op_add_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<AddI32>(t, a, b, n); }

@unmanaged class AddU8 extends Binary {
  @inline apply(x: v128, y: v128): v128 { return v128.and(i32x4.add(x, y), i32x4.splat(255)); }
}
export function op_add_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<AddU8>(t, a, b, n); }

@unmanaged class SubF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.sub(x, y); } }
export function op_sub_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<SubF32>(t, a, b, n); }

@unmanaged class SubI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return i32x4.sub(x, y); } }
export function op_sub_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<SubI32>(t, a, b, n); }

@unmanaged class SubU8 extends Binary {
  @inline apply(x: v128, y: v128): v128 { return v128.and(i32x4.sub(x, y), i32x4.splat(255)); }
}
export function op_sub_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<SubU8>(t, a, b, n); }

@unmanaged class MulF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.mul(x, y); } }
export function op_mul_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MulF32>(t, a, b, n); }

@unmanaged class MulI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return i32x4.mul(x, y); } }
export function op_mul_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MulI32>(t, a, b, n); }

@unmanaged class MulU8 extends Binary {
  @inline apply(x: v128, y: v128): v128 { return v128.and(i32x4.mul(x, y), i32x4.splat(255)); }
}
export function op_mul_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MulU8>(t, a, b, n); }

@unmanaged class DivF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.div(x, y); } }
export function op_div_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<DivF32>(t, a, b, n); }

@unmanaged class MaximumF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.max(x, y); } }
export function op_maximum_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map2<MaximumF32>(t, a, b, n);
}

@unmanaged class MaximumI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return i32x4.max_s(x, y); } }
export function op_maximum_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MaximumI32>(t, a, b, n); }
export function op_maximum_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MaximumI32>(t, a, b, n); }

@unmanaged class MinimumF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return f32x4.min(x, y); } }
export function op_minimum_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map2<MinimumF32>(t, a, b, n);
}

@unmanaged class MinimumI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return i32x4.min_s(x, y); } }
export function op_minimum_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MinimumI32>(t, a, b, n); }
export function op_minimum_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<MinimumI32>(t, a, b, n); }

@unmanaged class NegF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.neg(x); } }
export function op_neg_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NegF32>(t, a, n); }

@unmanaged class NegI32 extends Unary { @inline apply(x: v128): v128 { return i32x4.neg(x); } }
export function op_neg_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NegI32>(t, a, n); }

@unmanaged class NegU8 extends Unary {
  @inline apply(x: v128): v128 { return v128.and(i32x4.neg(x), i32x4.splat(255)); }
}
export function op_neg_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NegU8>(t, a, n); }

@unmanaged class AbsF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.abs(x); } }
export function op_abs_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<AbsF32>(t, a, n); }

@unmanaged class AbsI32 extends Unary { @inline apply(x: v128): v128 { return i32x4.abs(x); } }
export function op_abs_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<AbsI32>(t, a, n); }
export function op_abs_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<AbsI32>(t, a, n); }

@unmanaged class SignF32 extends Unary { @inline apply(x: v128): v128 { return signF32(x); } }
export function op_sign_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<SignF32>(t, a, n); }

@unmanaged class SignI32 extends Unary {
  @inline apply(x: v128): v128 { return i32x4.max_s(i32x4.min_s(x, i32x4.splat(1)), i32x4.splat(-1)); }
}
export function op_sign_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<SignI32>(t, a, n); }
export function op_sign_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<SignI32>(t, a, n); }

@unmanaged class SqrtF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.sqrt(x); } }
export function op_sqrt_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<SqrtF32>(t, a, n); }

@unmanaged class RsqrtF32 extends Unary {
  @inline apply(x: v128): v128 { return f32x4.div(f32x4.splat(1), f32x4.sqrt(x)); }
}
export function op_rsqrt_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<RsqrtF32>(t, a, n); }

@unmanaged class ReciprocalF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.div(f32x4.splat(1), x); } }
export function op_reciprocal_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map1<ReciprocalF32>(t, a, n);
}

@unmanaged class FloorF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.floor(x); } }
export function op_floor_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<FloorF32>(t, a, n); }

@unmanaged class CeilF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.ceil(x); } }
export function op_ceil_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<CeilF32>(t, a, n); }

@unmanaged class RoundF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.nearest(x); } }
export function op_round_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<RoundF32>(t, a, n); }

@unmanaged class TruncF32 extends Unary { @inline apply(x: v128): v128 { return f32x4.trunc(x); } }
export function op_trunc_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<TruncF32>(t, a, n); }

@unmanaged class ReluF32 extends Unary {
  @inline apply(x: v128): v128 { return v128.andnot(x, f32x4.le(x, f32x4.splat(0))); }
}
export function op_relu_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<ReluF32>(t, a, n); }

@unmanaged class RemainderF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return remainderF32(x, y); } }
export function op_remainder_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  mapLong2<RemainderF32>(t, a, b, n);
}

export function op_remainder_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  while (t < end) {
    store<i32>(t, remainderInt(load<i32>(a), load<i32>(b)));
    t += 4;
    a += 4;
    b += 4;
  }
}

export function op_remainder_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  op_remainder_int32(t, a, b, c, n);
}
