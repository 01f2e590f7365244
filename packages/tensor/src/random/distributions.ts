/**
 * Host arrays filled from a `Generator` as the CPU kernels of PyTorch 1.13 fill a contiguous tensor: the same draws in the
 * same order, so that a program finds PyTorch's numbers, and the stream where PyTorch would have left it. Integers and
 * uniform numbers are equal to the bit; the bounds for normal ones stand at `fillNormal`.
 */
import { ArgumentError } from '../errors.js';
import type { Generator } from './generator.js';

const FLOAT32_MAX = 3.4028234663852886e38;
/** Below this many elements PyTorch draws normals one by one, from there on in groups of this size. */
const NORMAL_GROUP = 16;

/**
 * Fills with uniform numbers of [from, to), as `Tensor.uniform_`: 24 random bits an element for float32, 53 for float64.
 * A result may round up to `to`, as it may in PyTorch; float64 results outside [0, 1) may differ from PyTorch's in the last
 * bit, since JavaScript has no fused multiply-add of doubles.
 *
 * @throws ArgumentError when `from > to`, or when the width of the range overflows the dtype.
 */
export function fillUniform(out: Float32Array | Float64Array, from: number, to: number, generator: Generator): void {
  if (!(from <= to)) {
    throw new ArgumentError(`uniform_ expects to return a [from, to) range, but found from=${from} > to=${to}`);
  }
  const single = out instanceof Float32Array;
  if (!(to - from <= (single ? FLOAT32_MAX : Number.MAX_VALUE))) {
    throw new ArgumentError(`uniform_ expects to - from to be finite, but found from=${from} and to=${to}`);
  }
  if (single) {
    const base = Math.fround(from);
    const width = Math.fround(Math.fround(to) - base);
    for (let i = 0; i < out.length; i++) {
      // PyTorch's kernel is compiled to a fused multiply-add: one rounding, which the product in double leaves to the store.
      out[i] = (generator.random() & 0xffffff) * 2 ** -24 * width + base;
    }
  } else {
    for (let i = 0; i < out.length; i++) out[i] = generator.randomDouble() * (to - from) + from;
  }
}

/**
 * Fills with normal numbers, as `Tensor.normal_`. Up to 15 elements come one by one from Box–Muller pairs in double, the
 * second of a pair kept for the next call; 16 and more come in groups of 16, eight cosines then eight sines, of which the
 * last one overlaps its neighbour when the count is no multiple of 16.
 *
 * For groups PyTorch's AVX2 kernel works in float32 with logarithm, sine and cosine from polynomials good to about an ulp.
 * Here every one of its intermediate roundings is made, around functions computed in double: what is left is the error of
 * those polynomials, at most 1e-6 times `std` (5e-7 in eight million draws, of which 83 % are equal to the bit).
 *
 * @throws ArgumentError when `std` is negative or not a number.
 */
export function fillNormal(out: Float32Array | Float64Array, mean: number, std: number, generator: Generator): void {
  if (!(std >= 0)) throw new ArgumentError(`normal expects std >= 0.0, but found std ${std}`);
  const count = out.length;
  if (count < NORMAL_GROUP) {
    for (let i = 0; i < count; i++) out[i] = nextNormal(generator) * std + mean;
    return;
  }
  const transform = out instanceof Float32Array ? boxMullerSingle : boxMullerDouble;
  fillUniform(out, 0, 1, generator);
  for (let start = 0; start + NORMAL_GROUP <= count; start += NORMAL_GROUP) {
    transform(out, start, mean, std);
  }
  if (count % NORMAL_GROUP !== 0) {
    fillUniform(out.subarray(count - NORMAL_GROUP), 0, 1, generator);
    transform(out, count - NORMAL_GROUP, mean, std);
  }
}

/** One standard normal number: the waiting half of a pair, else the first of a new pair. */
function nextNormal(generator: Generator): number {
  const waiting = generator.cachedNormal;
  if (waiting !== undefined) {
    generator.cachedNormal = undefined;
    return waiting;
  }
  const angle = 2 * Math.PI * generator.randomDouble();
  const radius = Math.sqrt(-2 * Math.log1p(-generator.randomDouble()));
  generator.cachedNormal = radius * Math.sin(angle);
  return radius * Math.cos(angle);
}

const TWO_PI_SINGLE = Math.fround(2 * Math.PI);

/** Turns the sixteen uniform numbers at `start` into normal ones, with the roundings of float32 arithmetic. */
function boxMullerSingle(out: Float32Array | Float64Array, start: number, mean: number, std: number): void {
  const { fround } = Math;
  const center = fround(mean);
  const scale = fround(std);
  for (let i = start; i < start + 8; i++) {
    // 1 - u is in (0, 1] and exact: no logarithm of zero.
    const radius = fround(Math.sqrt(-2 * fround(Math.log(1 - (out[i] ?? 0)))));
    const angle = fround(TWO_PI_SINGLE * (out[i + 8] ?? 0));
    out[i] = fround(radius * fround(Math.cos(angle))) * scale + center;
    out[i + 8] = fround(radius * fround(Math.sin(angle))) * scale + center;
  }
}

/** Turns the sixteen uniform numbers at `start` into normal ones, in double. */
function boxMullerDouble(out: Float32Array | Float64Array, start: number, mean: number, std: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - (out[i] ?? 0)));
    const angle = 2 * Math.PI * (out[i + 8] ?? 0);
    out[i] = radius * Math.cos(angle) * std + mean;
    out[i + 8] = radius * Math.sin(angle) * std + mean;
  }
}

/**
 * Fills with whole numbers of [low, high), as `torch.randint`: 32 random bits modulo the width of the range. For float
 * arrays, as PyTorch does for float tensors, ranges of 2^32 and more take 64 bits an element.
 *
 * @throws ArgumentError when the bounds are not whole, `low >= high`, or an int32 cannot hold them.
 */
export function fillRandint(
  out: Int32Array | Float32Array | Float64Array,
  low: number,
  high: number,
  generator: Generator,
): void {
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high)) {
    throw new ArgumentError(`random_ expects whole 'from' and 'to' below 2^53, but got from=${low} and to=${high}`);
  }
  if (low >= high) {
    throw new ArgumentError(`random_ expects 'from' to be less than 'to', but got from=${low} >= to=${high}`);
  }
  if (out instanceof Int32Array) {
    if (low < -(2 ** 31)) throw new ArgumentError(`random_: from ${low} is out of bounds for int32`);
    if (high > 2 ** 31) throw new ArgumentError(`random_: to - 1 = ${high - 1} is out of bounds for int32`);
  }
  const range = high - low;
  if (range >= 2 ** 32 && !(out instanceof Int32Array)) {
    const [wideRange, wideLow] = [BigInt(range), BigInt(low)];
    for (let i = 0; i < out.length; i++) out[i] = Number((generator.random64() % wideRange) + wideLow);
  } else {
    for (let i = 0; i < out.length; i++) out[i] = (generator.random() % range) + low;
  }
}

/**
 * Fills with the numbers 0 to `out.length - 1` in random order, as `torch.randperm`: a Fisher–Yates shuffle, one draw an
 * element but the last. (PyTorch 2.6 and later shuffle otherwise from 214,748,364 elements on.)
 */
export function fillRandperm(out: Int32Array, generator: Generator): void {
  const n = out.length;
  for (let i = 0; i < n; i++) out[i] = i;
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.random() % (n - i));
    const value = out[i] ?? 0;
    out[i] = out[j] ?? 0;
    out[j] = value;
  }
}

/**
 * Fills with 1 where a uniform number is below `p`, else 0. With one probability for all, as `Tensor.bernoulli_(p)`, that
 * number is a double (two draws an element); with one for each element, as `torch.bernoulli(input)` of a float32 input, a
 * float32 (one draw). PyTorch builds with MKL fill by another generator in the first case; this is the stream of all others.
 *
 * @throws ArgumentError when a probability is outside [0, 1] or there is not one for each element.
 */
export function fillBernoulli(
  out: Float32Array | Float64Array | Int32Array | Uint8Array,
  p: number | Float32Array,
  generator: Generator,
): void {
  if (typeof p === 'number') {
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`bernoulli_ expects p to be in [0, 1], but got p=${p}`);
    for (let i = 0; i < out.length; i++) out[i] = generator.randomDouble() < p ? 1 : 0;
    return;
  }
  if (p.length !== out.length) {
    throw new ArgumentError(`bernoulli: ${out.length} elements need as many probabilities, got ${p.length}`);
  }
  const outside = p.findIndex((value) => !(value >= 0 && value <= 1));
  if (outside >= 0) {
    throw new ArgumentError(`bernoulli: expected 0 <= p <= 1, but got p=${p[outside]} for element ${outside}`);
  }
  for (let i = 0; i < out.length; i++) out[i] = (generator.random() & 0xffffff) * 2 ** -24 < (p[i] ?? 0) ? 1 : 0;
}

/** Fills with uniform numbers of [0, 1) that have the 53 random bits of a double, as far as the dtype has room: two draws an element. */
export function fillDoubles(out: Float32Array | Float64Array, generator: Generator): void {
  for (let i = 0; i < out.length; i++) out[i] = generator.randomDouble();
}

/**
 * Fills with exponential numbers of a rate, as `Tensor.exponential_`: the inverse of their distribution at a uniform double, two
 * draws an element.
 *
 * @throws ArgumentError when the rate is not positive.
 */
export function fillExponential(out: Float32Array | Float64Array, rate: number, generator: Generator): void {
  if (!(rate > 0)) throw new ArgumentError(`exponential_ expects lambda > 0.0, but found lambda=${rate}`);
  for (let i = 0; i < out.length; i++) out[i] = (-1 / rate) * Math.log1p(-generator.randomDouble());
}
