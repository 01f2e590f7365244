/** Bitwise primitives. Truth values are one bit and uint8 eight: what could leave them is cut back. Shifts count modulo 32. */
import { Binary, map1, map2, Unary } from './loops';

@unmanaged class And extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.and(x, y); } }
export function op_bitwiseAnd_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<And>(t, a, b, n); }
export function op_bitwiseAnd_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<And>(t, a, b, n); }
export function op_bitwiseAnd_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<And>(t, a, b, n); }

@unmanaged class Or extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.or(x, y); } }
export function op_bitwiseOr_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Or>(t, a, b, n); }
export function op_bitwiseOr_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Or>(t, a, b, n); }
export function op_bitwiseOr_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Or>(t, a, b, n); }

@unmanaged class Xor extends Binary { @inline apply(x: v128, y: v128): v128 { return v128.xor(x, y); } }
export function op_bitwiseXor_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Xor>(t, a, b, n); }
export function op_bitwiseXor_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Xor>(t, a, b, n); }
export function op_bitwiseXor_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map2<Xor>(t, a, b, n); }

@unmanaged class NotInt32 extends Unary { @inline apply(x: v128): v128 { return v128.xor(x, i32x4.splat(-1)); } }
export function op_bitwiseNot_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NotInt32>(t, a, n); }

@unmanaged class NotUint8 extends Unary { @inline apply(x: v128): v128 { return v128.xor(x, i32x4.splat(255)); } }
export function op_bitwiseNot_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NotUint8>(t, a, n); }

@unmanaged class NotBool extends Unary { @inline apply(x: v128): v128 { return v128.xor(x, i32x4.splat(1)); } }
export function op_bitwiseNot_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<NotBool>(t, a, n); }

export function op_leftShift_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  while (t < end) {
    store<i32>(t, load<i32>(a) << load<i32>(b));
    t += 4;
    a += 4;
    b += 4;
  }
}

export function op_leftShift_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  while (t < end) {
    store<i32>(t, (load<i32>(a) << load<i32>(b)) & 255);
    t += 4;
    a += 4;
    b += 4;
  }
}

export function op_rightShift_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  while (t < end) {
    store<i32>(t, load<i32>(a) >> load<i32>(b));
    t += 4;
    a += 4;
    b += 4;
  }
}

export function op_rightShift_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  op_rightShift_int32(t, a, b, c, n);
}
