/**
 * PyTorch's CPU stream: the Mersenne Twister, four words at a time, which one thread draws in order; and what becomes of its words, which
 * threads share. Every operation is that of src/random in JavaScript, so both give the same bits.
 */
import { DrawField, DrawKind, ShuffleField, TwistField } from './layout';
import { cosineDouble, logDouble, quarters, reduced, reducedError, sineDouble } from './math/double';
import { int, pointer } from './memory';

const N = 624;
const M = 397;

/** The words of the next block, from their own and their neighbour's bits and the word M places on. */
// @ts-ignore: decorator
@inline
function twisted(at: usize, far: usize): void {
  const y = v128.or(
    v128.and(v128.load(at), i32x4.splat(0x80000000)),
    v128.and(v128.load(at, 4), i32x4.splat(0x7fffffff)),
  );
  const odd = i32x4.sub(i32x4.splat(0), v128.and(y, i32x4.splat(1)));
  const mixed = v128.xor(v128.load(far), i32x4.shr_u(y, 1));
  v128.store(at, v128.xor(mixed, v128.and(odd, i32x4.splat(0x9908b0df))));
}

// @ts-ignore: decorator
@inline
function twistedWord(words: usize, i: i32): void {
  const at = words + (<usize>i << 2);
  const next = words + (<usize>(i + 1 < N ? i + 1 : 0) << 2);
  const far = words + (<usize>(i + M < N ? i + M : i + M - N) << 2);
  const y = (load<u32>(at) & 0x80000000) | (load<u32>(next) & 0x7fffffff);
  store<u32>(at, load<u32>(far) ^ (y >>> 1) ^ ((0 - (y & 1)) & 0x9908b0df));
}

/** The next block, in place: a word needs its right neighbour as it was, and M places on first the old words, then the new. */
function nextBlock(words: usize): void {
  let i = 0;
  for (; i + 4 <= N - M; i += 4) twisted(words + (<usize>i << 2), words + (<usize>(i + M) << 2));
  for (; i < N - M; i++) twistedWord(words, i);
  for (; i + 4 < N; i += 4) twisted(words + (<usize>i << 2), words + (<usize>(i + M - N) << 2));
  for (; i < N; i++) twistedWord(words, i);
}

// @ts-ignore: decorator
@inline
function tempered(words: v128): v128 {
  let y = v128.xor(words, i32x4.shr_u(words, 11));
  y = v128.xor(y, v128.and(i32x4.shl(y, 7), i32x4.splat(0x9d2c5680)));
  y = v128.xor(y, v128.and(i32x4.shl(y, 15), i32x4.splat(0xefc60000)));
  return v128.xor(y, i32x4.shr_u(y, 18));
}

/** Writes the next words of a generator, and leaves its state behind them. One item. */
export function twist(record: usize, begin: i32, end: i32): void {
  const words = pointer(record, TwistField.words);
  let target = pointer(record, TwistField.target);
  let count = int(record, TwistField.count);
  let position = int(record, TwistField.position);
  while (count > 0) {
    if (position == N) {
      nextBlock(words);
      position = 0;
    }
    const run = min(N - position, count);
    let at = words + (<usize>position << 2);
    const whole = target + (<usize>(run & ~3) << 2);
    const last = target + (<usize>run << 2);
    for (; target < whole; target += 16, at += 16) v128.store(target, tempered(v128.load(at)));
    for (; target < last; target += 4, at += 4) store<u32>(target, i32x4.extract_lane(tempered(v128.load32_zero(at)), 0));
    position += run;
    count -= run;
  }
  store<i32>(record + ((<usize>TwistField.position) << 2), position);
}

/** Turns words into numbers. Item: 16 elements. */
export function draw(record: usize, begin: i32, end: i32): void {
  const count = int(record, DrawField.count);
  const first = begin << 4;
  const elements = min(count, end << 4) - first;
  const kind = int(record, DrawField.kind);
  const target = pointer(record, DrawField.target) + (<usize>first << 2);
  const p = load<f64>(pointer(record, DrawField.numbers));
  const q = load<f64>(pointer(record, DrawField.numbers), 8);
  if (kind == DrawKind.uniform) uniform(target, elements, p, q);
  else if (kind == DrawKind.normal) normal(target, elements, p, q);
  else if (kind == DrawKind.integers) integers(target, elements, <i32>p, q);
  else {
    // Two words an element: 53 bits.
    const words = pointer(record, DrawField.words) + (<usize>first << 3);
    if (kind == DrawKind.double) doubles(target, words, elements);
    else if (kind == DrawKind.bernoulli) bernoulli(target, words, elements, p);
    else exponential(target, words, elements, p);
  }
}

/** The upper two of four words as doubles. */
// @ts-ignore: decorator
@inline
function highDoubles(words: v128): v128 {
  return f64x2.convert_low_i32x4_u(v128.shuffle<i32>(words, words, 2, 3, 2, 3));
}

/** Four floats of two pairs of doubles. */
// @ts-ignore: decorator
@inline
function toFloats(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
function unit(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(v128.and(words, i32x4.splat(0xffffff))), f32x4.splat(5.9604644775390625e-8));
}

/** The numbers of [from, from + width) with 24 random bits each: one rounding, as of a fused multiply-add. */
function uniform(target: usize, count: i32, from: f64, width: f64): void {
  const end = target + (<usize>count << 2);
  const whole = target + (<usize>(count & ~3) << 2);
  const isUnit = from == 0 && width == 1;
  const base = f64x2.splat(from);
  const scale = f64x2.splat(width);
  for (; target < end; target += 16) {
    let value = unit(v128.load(target));
    if (!isUnit)
      value = toFloats(
        f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(value), scale), base),
        f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i32>(value, value, 2, 3, 2, 3)), scale), base),
      );
    storeSome(target, value, whole, end);
  }
}

/** Stores a vector, or the elements of it that lie before the end. */
// @ts-ignore: decorator
@inline
function storeSome(target: usize, value: v128, whole: usize, end: usize): void {
  if (target < whole) {
    v128.store(target, value);
    return;
  }
  store<i32>(target, i32x4.extract_lane(value, 0));
  if (target + 4 < end) store<i32>(target + 4, i32x4.extract_lane(value, 1));
  if (target + 8 < end) store<i32>(target + 8, i32x4.extract_lane(value, 2));
}

/** Box and Muller's transform of groups of 16: eight radii, then eight angles. What is left of a group is not touched. */
function normal(target: usize, count: i32, mean: f64, std: f64): void {
  // Not with -0, which would stay.
  const isStandard = reinterpret<u64>(mean) == 0 && std == 1;
  const center = f64x2.splat(mean);
  const scale = f64x2.splat(std);
  for (let group = 0; group + 16 <= count; group += 16) {
    for (let i = 0; i < 8; i += 4) {
      const at = target + (<usize>(group + i) << 2);
      const x = f32x4.sub(f32x4.splat(1), unit(v128.load(at)));
      const logarithm = toFloats(
        logDouble(f64x2.promote_low_f32x4(x)),
        logDouble(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3))),
      );
      const radius = f32x4.sqrt(f32x4.mul(f32x4.splat(-2), logarithm));
      const angle = f32x4.mul(f32x4.splat(<f32>6.283185307179586), unit(v128.load(at, 32)));
      const low = f64x2.promote_low_f32x4(angle);
      const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(angle, angle, 2, 3, 2, 3));
      const lowTurns = quarters(low);
      const highTurns = quarters(high);
      const lowRest = reduced(low, lowTurns);
      const highRest = reduced(high, highTurns);
      const lowError = reducedError(low, lowTurns, lowRest);
      const highError = reducedError(high, highTurns, highRest);
      const sine = toFloats(sineDouble(lowRest, lowError), sineDouble(highRest, highError));
      const cosine = toFloats(cosineDouble(lowRest, lowError), cosineDouble(highRest, highError));
      // After an odd number of quarter turns sine and cosine change places; their signs are those of the half planes.
      const turns = v128.shuffle<i32>(
        i32x4.trunc_sat_f64x2_s_zero(lowTurns),
        i32x4.trunc_sat_f64x2_s_zero(highTurns),
        0, 1, 4, 5,
      );
      const swap = i32x4.sub(i32x4.splat(0), v128.and(turns, i32x4.splat(1)));
      const sineSign = i32x4.shl(i32x4.shr_u(turns, 1), 31);
      const cosineSign = i32x4.shl(i32x4.shr_u(i32x4.add(turns, i32x4.splat(1)), 1), 31);
      const y = f32x4.mul(radius, v128.xor(v128.bitselect(sine, cosine, swap), cosineSign));
      const z = f32x4.mul(radius, v128.xor(v128.bitselect(cosine, sine, swap), sineSign));
      v128.store(at, placed(y, isStandard, scale, center));
      v128.store(at, placed(z, isStandard, scale, center), 32);
    }
  }
}

/** Scaled and moved in double precision, with one rounding. */
// @ts-ignore: decorator
@inline
function placed(x: v128, isStandard: bool, scale: v128, center: v128): v128 {
  // A sum with 0 makes +0 of -0.
  if (isStandard) return f32x4.add(x, f32x4.splat(0));
  return toFloats(
    f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(x), scale), center),
    f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3)), scale), center),
  );
}

/** Words modulo `range` (2^32: all of them), moved by `low`. Quotients of whole numbers below 2^32 have exact floors in doubles. */
function integers(target: usize, count: i32, low: i32, range: f64): void {
  const end = target + (<usize>count << 2);
  const whole = target + (<usize>(count & ~3) << 2);
  const move = i32x4.splat(low);
  const divisor = f64x2.splat(range);
  const isAll = range == 4294967296;
  const isPower = !isAll && (<u32>range & (<u32>range - 1)) == 0;
  const mask = i32x4.splat(<i32>(<u32>range - 1));
  for (; target < end; target += 16) {
    let value = v128.load(target);
    if (isPower) value = v128.and(value, mask);
    else if (!isAll) value = v128.shuffle<i32>(remainder(f64x2.convert_low_i32x4_u(value), divisor), remainder(highDoubles(value), divisor), 0, 1, 4, 5);
    storeSome(target, i32x4.add(value, move), whole, end);
  }
}

// @ts-ignore: decorator
@inline
function remainder(x: v128, divisor: v128): v128 {
  const quotient = f64x2.floor(f64x2.div(x, divisor));
  return i32x4.trunc_sat_f64x2_u_zero(f64x2.sub(x, f64x2.mul(quotient, divisor)));
}

/** The low 53 bits of two words, the first of which is the high one, as a number of [0, 1). */
// @ts-ignore: decorator
@inline
function double53(words: usize): f64 {
  const high = <u64>(load<u32>(words) & 0x1fffff);
  return <f64>((high << 32) | <u64>load<u32>(words, 4)) * 1.1102230246251565e-16;
}

function doubles(target: usize, words: usize, count: i32): void {
  const end = target + (<usize>count << 2);
  for (; target < end; target += 4, words += 8) store<f32>(target, <f32>double53(words));
}

/** The 53 bits of two elements as whole numbers. */
// @ts-ignore: decorator
@inline
function bits53(words: usize): v128 {
  const pair = v128.load(words);
  return v128.and(v128.shuffle<i32>(pair, pair, 1, 0, 3, 2), i64x2.splat(0x1fffffffffffff));
}

/** A fraction of 53 bits is below `p` where its bits, a whole number, are below those of `p`, rounded up. */
function bernoulli(target: usize, words: usize, count: i32, p: f64): void {
  const end = target + (<usize>count << 2);
  const whole = target + (<usize>(count & ~3) << 2);
  const bound = i64x2.splat(<i64>ceil<f64>(p * 9007199254740992));
  for (; target < end; target += 16, words += 32) {
    const low = i64x2.lt_s(bits53(words), bound);
    const high = i64x2.lt_s(bits53(words + 16), bound);
    storeSome(target, v128.and(v128.shuffle<i32>(low, high, 0, 2, 4, 6), f32x4.splat(1)), whole, end);
  }
}

function exponential(target: usize, words: usize, count: i32, rate: f64): void {
  const end = target + (<usize>count << 2);
  const scale = -1 / rate;
  for (; target < end; target += 4, words += 8) store<f32>(target, <f32>(scale * NativeMath.log1p(-double53(words))));
}

/** Swaps elements with ones behind them, as many as there are words: Fisher and Yates's shuffle. One item. */
export function shuffle(record: usize, begin: i32, end: i32): void {
  const target = pointer(record, ShuffleField.target);
  const words = pointer(record, ShuffleField.words);
  const count = int(record, ShuffleField.count);
  const first = int(record, ShuffleField.first);
  const length = <u32>int(record, ShuffleField.total);
  for (let k = 0; k < count; k++) {
    const i = <u32>(first + k);
    const j = i + load<u32>(words + (<usize>k << 2)) % (length - i);
    const at = target + (<usize>i << 2);
    const other = target + (<usize>j << 2);
    const value = load<i32>(at);
    store<i32>(at, load<i32>(other));
    store<i32>(other, value);
  }
}
