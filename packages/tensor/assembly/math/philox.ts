/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), four counters at a time. A lane of the four state vectors is one block;
 * block i yields the random words of elements 4i to 4i + 3, so the four vectors are transposed before they are stored.
 */

const MULTIPLIER_0: u32 = 0xd2511f53;
const MULTIPLIER_1: u32 = 0xcd9e8d57;
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;

// @ts-ignore: decorator
@inline
function high(low: v128, upper: v128): v128 {
  return v128.shuffle<i32>(low, upper, 1, 3, 5, 7);
}

// @ts-ignore: decorator
@inline
function toUniform(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(words, 8)), f32x4.splat(5.9604644775390625e-8));
}

/** The uniform values of 16 elements, the first of which has the row-major index `4 * block`. */
export function philox16(target: usize, block: u32, seedLow: u32, seedHigh: u32, offset: u32): void {
  let c0 = i32x4.add(i32x4.splat(<i32>block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(<i32>offset);
  let c2 = i32x4.splat(0);
  let c3 = i32x4.splat(0);
  const m0 = i32x4.splat(<i32>MULTIPLIER_0);
  const m1 = i32x4.splat(<i32>MULTIPLIER_1);
  let k0 = seedLow;
  let k1 = seedHigh;
  for (let round = 0; round < 10; round++) {
    const p0 = i64x2.extmul_low_i32x4_u(c0, m0);
    const p1 = i64x2.extmul_high_i32x4_u(c0, m0);
    const q0 = i64x2.extmul_low_i32x4_u(c2, m1);
    const q1 = i64x2.extmul_high_i32x4_u(c2, m1);
    const next0 = v128.xor(v128.xor(high(q0, q1), c1), i32x4.splat(<i32>k0));
    const next2 = v128.xor(v128.xor(high(p0, p1), c3), i32x4.splat(<i32>k1));
    c1 = v128.shuffle<i32>(q0, q1, 0, 2, 4, 6);
    c3 = v128.shuffle<i32>(p0, p1, 0, 2, 4, 6);
    c0 = next0;
    c2 = next2;
    k0 += WEYL_0;
    k1 += WEYL_1;
  }
  const a = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const b = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const c = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const d = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(target, toUniform(v128.shuffle<i64>(a, b, 0, 2)));
  v128.store(target, toUniform(v128.shuffle<i64>(a, b, 1, 3)), 16);
  v128.store(target, toUniform(v128.shuffle<i64>(c, d, 0, 2)), 32);
  v128.store(target, toUniform(v128.shuffle<i64>(c, d, 1, 3)), 48);
}
