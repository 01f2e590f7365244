/** Comparisons, truth and selection. A truth value is a word of 0 or 1; comparisons with NaN are false, `ne` true. */
import { select } from '../math/vector';
import { Binary, map1, map2, Unary } from './loops';

/** A lane mask as 0 or 1. */
// @ts-ignore: decorator
@inline
function truth(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(1));
}

@unmanaged class EqF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.eq(x, y)); } }
export function op_eq_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<EqF32>(t, a, b, n); }

@unmanaged class EqI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.eq(x, y)); } }
export function op_eq_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<EqI32>(t, a, b, n); }
export function op_eq_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<EqI32>(t, a, b, n); }
export function op_eq_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<EqI32>(t, a, b, n); }

@unmanaged class NeF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.ne(x, y)); } }
export function op_ne_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<NeF32>(t, a, b, n); }

@unmanaged class NeI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.ne(x, y)); } }
export function op_ne_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<NeI32>(t, a, b, n); }
export function op_ne_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<NeI32>(t, a, b, n); }
export function op_ne_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<NeI32>(t, a, b, n); }

@unmanaged class LtF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.lt(x, y)); } }
export function op_lt_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LtF32>(t, a, b, n); }

@unmanaged class LtI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.lt_s(x, y)); } }
export function op_lt_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LtI32>(t, a, b, n); }
export function op_lt_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LtI32>(t, a, b, n); }
export function op_lt_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LtI32>(t, a, b, n); }

@unmanaged class LeF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.le(x, y)); } }
export function op_le_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LeF32>(t, a, b, n); }

@unmanaged class LeI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.le_s(x, y)); } }
export function op_le_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LeI32>(t, a, b, n); }
export function op_le_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LeI32>(t, a, b, n); }
export function op_le_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LeI32>(t, a, b, n); }

@unmanaged class GtF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.gt(x, y)); } }
export function op_gt_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GtF32>(t, a, b, n); }

@unmanaged class GtI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.gt_s(x, y)); } }
export function op_gt_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GtI32>(t, a, b, n); }
export function op_gt_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GtI32>(t, a, b, n); }
export function op_gt_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GtI32>(t, a, b, n); }

@unmanaged class GeF32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.ge(x, y)); } }
export function op_ge_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GeF32>(t, a, b, n); }

@unmanaged class GeI32 extends Binary { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.ge_s(x, y)); } }
export function op_ge_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GeI32>(t, a, b, n); }
export function op_ge_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GeI32>(t, a, b, n); }
export function op_ge_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<GeI32>(t, a, b, n); }

@unmanaged class IsNan extends Unary { @inline apply(x: v128): v128 { return truth(f32x4.ne(x, x)); } }
export function op_isNan_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<IsNan>(t, a, n); }

@unmanaged class IsFinite extends Unary {
  @inline apply(x: v128): v128 { return truth(f32x4.lt(f32x4.abs(x), f32x4.splat(Infinity))); }
}
export function op_isFinite_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<IsFinite>(t, a, n); }

@unmanaged class LogicalAnd extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.and(x, y); } }
export function op_logicalAnd_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map2<LogicalAnd>(t, a, b, n);
}

@unmanaged class LogicalOr extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.or(x, y); } }
export function op_logicalOr_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<LogicalOr>(t, a, b, n); }

@unmanaged class LogicalXor extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.xor(x, y); } }
export function op_logicalXor_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map2<LogicalXor>(t, a, b, n);
}

@unmanaged class LogicalNot extends Unary { @inline apply(x: v128): v128 { return v128.xor(x, i32x4.splat(1)); } }
export function op_logicalNot_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<LogicalNot>(t, a, n); }

export function op_where_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  const zero = i32x4.splat(0);
  while (t < end) {
    v128.store(t, select(v128.load(b), v128.load(c), i32x4.ne(v128.load(a), zero)));
    v128.store(t, select(v128.load(b, 16), v128.load(c, 16), i32x4.ne(v128.load(a, 16), zero)), 16);
    t += 32;
    a += 32;
    b += 32;
    c += 32;
  }
}

export function op_where_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  op_where_float32(t, a, b, c, n);
}
export function op_where_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  op_where_float32(t, a, b, c, n);
}
export function op_where_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { op_where_float32(t, a, b, c, n); }
