/**
 * One step of negative sampling: the mean (or sum) of some input rows is to score high with the row of a target word and low with those of
 * noise words; logistic loss, plain SGD. Tables, lists and scratch rows lie in one memory, by addresses that the caller chooses. Sums are taken in
 * a fixed order and without fused multiply-add, so that a seed decides every bit on every engine.
 */

/** The first byte that is the caller's: the tables of `exp` lie below. */
export function heapBase(): usize {
  return __heap_base;
}

let inputs: usize = 0;
let outputs: usize = 0;
/** Two rows: the hidden layer and its gradient. */
let scratch: usize = 0;
let width: i32 = 0;

/** Tells where the tables are. */
export function setTables(inputsAt: usize, outputsAt: usize, scratchAt: usize, rowWidth: i32): void {
  inputs = inputsAt;
  outputs = outputsAt;
  scratch = scratchAt;
  width = rowWidth;
}

// @ts-ignore: decorator
@inline
function rowBytes(): usize {
  return (<usize>width) << 2;
}

/** Sixteen products at a time, in four sums that do not wait for each other. */
function dot(a: usize, b: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const end = a + rowBytes();
  for (; a + 64 <= end; a += 64, b += 64) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a, 32), v128.load(b, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a, 48), v128.load(b, 48)));
  }
  for (; a + 16 <= end; a += 16, b += 16) s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
  const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  let sum =
    f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3));
  for (; a < end; a += 4, b += 4) sum += load<f32>(a) * load<f32>(b);
  return sum;
}

/** to += factor * from. */
function addScaled(to: usize, from: usize, factor: f32): void {
  const end = to + rowBytes();
  const factors = f32x4.splat(factor);
  for (; to + 16 <= end; to += 16, from += 16)
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(factors, v128.load(from))));
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + factor * load<f32>(from));
}

/** error += factor * row, row += factor * hidden: each is read and written once. */
function learn(error: usize, row: usize, hidden: usize, factor: f32): void {
  const end = row + rowBytes();
  const factors = f32x4.splat(factor);
  for (; row + 16 <= end; row += 16, error += 16, hidden += 16) {
    const values = v128.load(row);
    v128.store(error, f32x4.add(v128.load(error), f32x4.mul(factors, values)));
    v128.store(row, f32x4.add(values, f32x4.mul(factors, v128.load(hidden))));
  }
  for (; row < end; row += 4, error += 4, hidden += 4) {
    const value = load<f32>(row);
    store<f32>(error, load<f32>(error) + factor * value);
    store<f32>(row, value + factor * load<f32>(hidden));
  }
}

/** log(1 + e^x) without overflow. */
function softplus(x: f64): f64 {
  return x > 0 ? x + NativeMath.log1p(NativeMath.exp(-x)) : NativeMath.log1p(NativeMath.exp(x));
}

/**
 * A step.
 *
 * @param rows `rowCount` numbers of input rows.
 * @param words The target's number, and behind it those of noise words; a noise word that is the target does not count.
 * @param mean The mean of the rows is taken; else their sum.
 * @param onlyFrom Only input rows from this one on are changed; output rows only where it is 0.
 * @returns The loss, where it is asked for.
 */
export function step(
  rows: usize,
  rowCount: i32,
  words: usize,
  wordCount: i32,
  alpha: f32,
  mean: bool,
  onlyFrom: i32,
  wantsLoss: bool,
): f64 {
  const bytes = rowBytes();
  const error = scratch + bytes;
  // One row stands for itself: it changes at the end only.
  let hidden = inputs + <usize>load<i32>(rows) * bytes;
  if (rowCount > 1) {
    hidden = scratch;
    memory.fill(hidden, 0, bytes);
    const share: f32 = mean ? 1 / <f32>rowCount : 1;
    for (let r = 0; r < rowCount; r++)
      addScaled(hidden, inputs + <usize>load<i32>(rows + ((<usize>r) << 2)) * bytes, share);
  }
  memory.fill(error, 0, bytes);
  const target = load<i32>(words);
  let loss: f64 = 0;
  for (let n = 0; n < wordCount; n++) {
    const word = load<i32>(words + ((<usize>n) << 2));
    if (n > 0 && word == target) continue;
    const row = outputs + <usize>word * bytes;
    const score = <f64>dot(row, hidden);
    const probability = 1 / (1 + NativeMath.exp(-score));
    const factor = <f32>((<f64>(n == 0 ? 1 : 0) - probability) * <f64>alpha);
    if (onlyFrom == 0) learn(error, row, hidden, factor);
    else addScaled(error, row, factor);
    // Of the score that should be large.
    if (wantsLoss) loss += softplus(n == 0 ? -score : score);
  }
  // The gradient of a sum goes to each row whole; gensim and word2vec.c take it whole for a mean too, and divide it for a sum.
  const share: f32 = !mean && rowCount > 1 ? 1 / <f32>rowCount : 1;
  for (let r = 0; r < rowCount; r++) {
    const row = load<i32>(rows + ((<usize>r) << 2));
    if (row >= onlyFrom) addScaled(inputs + <usize>row * bytes, error, share);
  }
  return loss;
}
