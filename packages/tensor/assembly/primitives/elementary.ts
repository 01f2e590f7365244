/** Primitives that are functions of math/elementary, one vector at a time. */
import {
  acos, acosh, asin, asinh, atan, atan2, atanh, cosh, erfc, exp2, floorDivide, log10, mish, sinh, softplus, tan,
} from '../math/elementary';
import { Binary, mapLong1, mapLong2, Unary } from './loops';

@unmanaged class Acos extends Unary { @inline apply(x: v128): v128 { return acos(x); } }
export function op_acos_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Acos>(t, a, n); }

@unmanaged class Acosh extends Unary { @inline apply(x: v128): v128 { return acosh(x); } }
export function op_acosh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Acosh>(t, a, n); }

@unmanaged class Asin extends Unary { @inline apply(x: v128): v128 { return asin(x); } }
export function op_asin_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Asin>(t, a, n); }

@unmanaged class Asinh extends Unary { @inline apply(x: v128): v128 { return asinh(x); } }
export function op_asinh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Asinh>(t, a, n); }

@unmanaged class Atan extends Unary { @inline apply(x: v128): v128 { return atan(x); } }
export function op_atan_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Atan>(t, a, n); }

@unmanaged class Atanh extends Unary { @inline apply(x: v128): v128 { return atanh(x); } }
export function op_atanh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Atanh>(t, a, n); }

@unmanaged class Cosh extends Unary { @inline apply(x: v128): v128 { return cosh(x); } }
export function op_cosh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Cosh>(t, a, n); }

@unmanaged class Erfc extends Unary { @inline apply(x: v128): v128 { return erfc(x); } }
export function op_erfc_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Erfc>(t, a, n); }

@unmanaged class Exp2 extends Unary { @inline apply(x: v128): v128 { return exp2(x); } }
export function op_exp2_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Exp2>(t, a, n); }

@unmanaged class Log10 extends Unary { @inline apply(x: v128): v128 { return log10(x); } }
export function op_log10_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Log10>(t, a, n); }

@unmanaged class Mish extends Unary { @inline apply(x: v128): v128 { return mish(x); } }
export function op_mish_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Mish>(t, a, n); }

@unmanaged class Sinh extends Unary { @inline apply(x: v128): v128 { return sinh(x); } }
export function op_sinh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Sinh>(t, a, n); }

@unmanaged class Softplus extends Unary { @inline apply(x: v128): v128 { return softplus(x); } }
export function op_softplus_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  mapLong1<Softplus>(t, a, n);
}

@unmanaged class Tan extends Unary { @inline apply(x: v128): v128 { return tan(x); } }
export function op_tan_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Tan>(t, a, n); }

@unmanaged class Atan2 extends Binary { @inline apply(x: v128, y: v128): v128 { return atan2(x, y); } }
export function op_atan2_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong2<Atan2>(t, a, b, n); }

@unmanaged class FloorDivide extends Binary { @inline apply(x: v128, y: v128): v128 { return floorDivide(x, y); } }
export function op_floorDivide_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  mapLong2<FloorDivide>(t, a, b, n);
}

export function op_floorDivide_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  while (t < end) {
    store<i32>(t, floorDivideInt(load<i32>(a), load<i32>(b)));
    t += 4;
    a += 4;
    b += 4;
  }
}

export function op_floorDivide_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  op_floorDivide_int32(t, a, b, c, n);
}

/** 0 where the divisor is 0; the one quotient that does not fit wraps. */
// @ts-ignore: decorator
@inline
function floorDivideInt(a: i32, b: i32): i32 {
  if (b == 0) return 0;
  if (b == -1) return 0 - a;
  const q = a / b;
  return q * b != a && (a ^ b) < 0 ? q - 1 : q;
}
