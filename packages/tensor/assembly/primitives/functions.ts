/** Primitives that are functions of math/, one vector at a time. */
import { erf, gelu, geluSlope, geluTanh, silu } from '../math/erf';
import { exp, expm1, sigmoid, tanh } from '../math/exp';
import { log, log1p, log2, pow } from '../math/log';
import { cos, sin } from '../math/trig';
import { Binary, mapLong1, mapLong2, Unary } from './loops';

@unmanaged class Exp extends Unary { @inline apply(x: v128): v128 { return exp(x); } }
export function op_exp_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Exp>(t, a, n); }

@unmanaged class Expm1 extends Unary { @inline apply(x: v128): v128 { return expm1(x); } }
export function op_expm1_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Expm1>(t, a, n); }

@unmanaged class Log extends Unary { @inline apply(x: v128): v128 { return log(x); } }
export function op_log_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Log>(t, a, n); }

@unmanaged class Log2 extends Unary { @inline apply(x: v128): v128 { return log2(x); } }
export function op_log2_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Log2>(t, a, n); }

@unmanaged class Log1p extends Unary { @inline apply(x: v128): v128 { return log1p(x); } }
export function op_log1p_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Log1p>(t, a, n); }

@unmanaged class Sin extends Unary { @inline apply(x: v128): v128 { return sin(x); } }
export function op_sin_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Sin>(t, a, n); }

@unmanaged class Cos extends Unary { @inline apply(x: v128): v128 { return cos(x); } }
export function op_cos_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Cos>(t, a, n); }

@unmanaged class Tanh extends Unary { @inline apply(x: v128): v128 { return tanh(x); } }
export function op_tanh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Tanh>(t, a, n); }

@unmanaged class Sigmoid extends Unary { @inline apply(x: v128): v128 { return sigmoid(x); } }
export function op_sigmoid_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Sigmoid>(t, a, n); }

@unmanaged class Erf extends Unary { @inline apply(x: v128): v128 { return erf(x); } }
export function op_erf_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Erf>(t, a, n); }

@unmanaged class Gelu extends Unary { @inline apply(x: v128): v128 { return gelu(x); } }
export function op_gelu_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Gelu>(t, a, n); }

@unmanaged class GeluSlope extends Unary { @inline apply(x: v128): v128 { return geluSlope(x); } }
export function op_geluSlope_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  mapLong1<GeluSlope>(t, a, n);
}

@unmanaged class GeluTanh extends Unary { @inline apply(x: v128): v128 { return geluTanh(x); } }
export function op_geluTanh_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  mapLong1<GeluTanh>(t, a, n);
}

@unmanaged class Silu extends Unary { @inline apply(x: v128): v128 { return silu(x); } }
export function op_silu_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong1<Silu>(t, a, n); }

@unmanaged class Pow extends Binary { @inline apply(x: v128, y: v128): v128 { return pow(x, y); } }
export function op_pow_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { mapLong2<Pow>(t, a, b, n); }
