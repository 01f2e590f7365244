/**
 * Changes of dtype, named by both, and the primitives that make values out of the element's place. Floats lose their fraction
 * towards integers and saturate (NaN gives 0); uint8 keeps the low eight bits; NaN is true.
 */
import { philox16 } from '../math/philox';
import { fillWords } from '../memory';
import { map1, Unary } from './loops';

let blockStart: u32 = 0;

/** Tells `index` and `uniform` the row-major index of the block's first element, a multiple of 16. */
// @ts-ignore: decorator
@inline
export function setBlockStart(index: u32): void {
  blockStart = index;
}

export function op_index_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const end = t + (<usize>n << 2);
  let index = i32x4.add(i32x4.splat(<i32>blockStart), i32x4(0, 1, 2, 3));
  while (t < end) {
    v128.store(t, index);
    index = i32x4.add(index, i32x4.splat(4));
    t += 16;
  }
}

/** One word, spread over the block. */
export function op_spread(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  fillWords(t, load<u32>(a), n);
}

/** `a`, `b`, `c`: seed low, seed high and offset, equal for all elements. */
export function op_uniform_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  const seedLow = load<u32>(a);
  const seedHigh = load<u32>(b);
  const offset = load<u32>(c);
  const end = t + (<usize>n << 2);
  let block = blockStart >> 2;
  while (t < end) {
    philox16(t, block, seedLow, seedHigh, offset);
    block += 4;
    t += 64;
  }
}

@unmanaged class Same extends Unary { @inline apply(x: v128): v128 { return x; } }
export function op_cast_float32_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_int32_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_uint8_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_bool_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_bool_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_bool_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }
export function op_cast_uint8_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<Same>(t, a, n); }

@unmanaged class ToFloat extends Unary { @inline apply(x: v128): v128 { return f32x4.convert_i32x4_s(x); } }
export function op_cast_int32_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<ToFloat>(t, a, n); }
export function op_cast_uint8_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<ToFloat>(t, a, n); }
export function op_cast_bool_float32(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<ToFloat>(t, a, n); }

@unmanaged class FloatToInt extends Unary { @inline apply(x: v128): v128 { return i32x4.trunc_sat_f32x4_s(x); } }
export function op_cast_float32_int32(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map1<FloatToInt>(t, a, n);
}

@unmanaged class FloatToByte extends Unary {
  @inline apply(x: v128): v128 { return v128.and(i32x4.trunc_sat_f32x4_s(x), i32x4.splat(255)); }
}
export function op_cast_float32_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map1<FloatToByte>(t, a, n);
}

@unmanaged class IntToByte extends Unary { @inline apply(x: v128): v128 { return v128.and(x, i32x4.splat(255)); } }
export function op_cast_int32_uint8(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<IntToByte>(t, a, n); }

@unmanaged class FloatToTruth extends Unary {
  @inline apply(x: v128): v128 { return v128.and(f32x4.ne(x, f32x4.splat(0)), i32x4.splat(1)); }
}
export function op_cast_float32_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void {
  map1<FloatToTruth>(t, a, n);
}

@unmanaged class IntToTruth extends Unary {
  @inline apply(x: v128): v128 { return v128.and(i32x4.ne(x, i32x4.splat(0)), i32x4.splat(1)); }
}
export function op_cast_int32_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<IntToTruth>(t, a, n); }
export function op_cast_uint8_bool(t: usize, a: usize, b: usize, c: usize, n: i32): void { map1<IntToTruth>(t, a, n); }
