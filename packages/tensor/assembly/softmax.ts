/**
 * Softmax of rows, its logarithm and their backward. The maximum ignores NaN, which then passes through exp into every element
 * of its row; a row without a mask that is -infinity throughout gives NaN, as IEEE arithmetic does, one emptied by its mask zeros.
 */
import { SoftmaxField } from './layout';
import { expNonPositive } from './math/exp';
import { addLanes64, addWide, select } from './math/vector';
import { int, pointer, real } from './memory';
import { dot, loadPart, storePart, sum } from './sums';

const NONE: f32 = -Infinity;

/** max of scale * x; NaN counts as nothing. */
export function scaledMax(input: usize, count: i32, scale: f32): f32 {
  const end = input + (<usize>count << 2);
  const factor = f32x4.splat(scale);
  let m0 = f32x4.splat(NONE);
  let m1 = m0;
  while (input + 32 <= end) {
    m0 = f32x4.pmax(m0, f32x4.mul(v128.load(input), factor));
    m1 = f32x4.pmax(m1, f32x4.mul(v128.load(input, 16), factor));
    input += 32;
  }
  if (input + 16 <= end) {
    m0 = f32x4.pmax(m0, f32x4.mul(v128.load(input), factor));
    input += 16;
  }
  m0 = f32x4.pmax(m0, m1);
  m0 = f32x4.pmax(m0, v128.shuffle<i32>(m0, m0, 2, 3, 0, 1));
  m0 = f32x4.pmax(m0, v128.shuffle<i32>(m0, m0, 1, 0, 3, 2));
  let result = f32x4.extract_lane(m0, 0);
  while (input < end) {
    const x = load<f32>(input) * scale;
    if (x > result) result = x;
    input += 4;
  }
  return result;
}

/** Writes scale * x where the mask is set, -infinity elsewhere. */
function applyMask(out: usize, input: usize, mask: usize, maskStride: i32, count: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  const zero = i32x4.splat(0);
  const none = f32x4.splat(NONE);
  const end = input + (<usize>count << 2);
  if (maskStride == 1) {
    while (input + 16 <= end) {
      v128.store(out, select(f32x4.mul(v128.load(input), factor), none, i32x4.ne(v128.load(mask), zero)));
      out += 16;
      input += 16;
      mask += 16;
    }
  }
  const maskStep = <usize>maskStride << 2;
  while (input < end) {
    store<f32>(out, load<i32>(mask) != 0 ? load<f32>(input) * scale : NONE);
    out += 4;
    input += 4;
    mask += maskStep;
  }
}

/** exp(scale * x - maximum) of a run; the sum is returned, the values are written unless `out` is 0. */
// @ts-ignore: decorator
@inline
function exponentialRun(out: usize, input: usize, count: i32, scale: f32, maximum: f32): f64 {
  const factor = f32x4.splat(scale);
  const offset = f32x4.splat(maximum);
  const none = f32x4.splat(NONE);
  const end = input + (<usize>count << 2);
  let total = f64x2.splat(0);
  while (input + 32 <= end) {
    // At most 32 additions in float32 before the sum goes on in doubles.
    const stop = min(input + 1024, end);
    let part0 = f32x4.splat(0);
    let part1 = part0;
    while (input + 32 <= stop) {
      const y0 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(input), factor), offset));
      const y1 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(input, 16), factor), offset));
      part0 = f32x4.add(part0, y0);
      part1 = f32x4.add(part1, y1);
      if (out != 0) {
        v128.store(out, y0);
        v128.store(out, y1, 16);
        out += 32;
      }
      input += 32;
    }
    total = addWide(total, f32x4.add(part0, part1));
  }
  while (input < end) {
    const rest = <i32>((end - input) >> 2);
    const x = f32x4.sub(f32x4.mul(v128.load(input), factor), offset);
    const y = expNonPositive(v128.bitselect(x, none, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest))));
    total = addWide(total, y);
    if (out != 0) {
      if (rest >= 4) v128.store(out, y);
      else storePart(out, y, rest);
      out += 16;
    }
    input += 16;
  }
  return addLanes64(total);
}

/** Writes exp(scale * x - maximum) and returns the sum. */
function exponentials(out: usize, input: usize, count: i32, scale: f32, maximum: f32): f64 {
  return exponentialRun(out, input, count, scale, maximum);
}

/** Σ exp(scale * x - maximum), writing nothing. */
export function sumOfExponentials(input: usize, count: i32, scale: f32, maximum: f32): f64 {
  return exponentialRun(0, input, count, scale, maximum);
}

/** x *= factor, in place. */
function multiply(x: usize, count: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  const end = x + (<usize>count << 2);
  while (x + 32 <= end) {
    v128.store(x, f32x4.mul(v128.load(x), f));
    v128.store(x, f32x4.mul(v128.load(x, 16), f), 16);
    x += 32;
  }
  while (x < end) {
    store<f32>(x, load<f32>(x) * factor);
    x += 4;
  }
}

function fill(out: usize, count: i32, value: f32): void {
  const end = out + (<usize>count << 2);
  while (out < end) {
    store<f32>(out, value);
    out += 4;
  }
}

/** out = (x * scale - maximum) - rest, the subtractions apart: the maximum may be large and the rest small. */
function logProbabilities(out: usize, input: usize, count: i32, scale: f32, maximum: f32, rest: f32): void {
  const f = f32x4.splat(scale);
  const m = f32x4.splat(maximum);
  const r = f32x4.splat(rest);
  const end = input + (<usize>count << 2);
  while (input + 16 <= end) {
    v128.store(out, f32x4.sub(f32x4.sub(f32x4.mul(v128.load(input), f), m), r));
    out += 16;
    input += 16;
  }
  while (input < end) {
    store<f32>(out, load<f32>(input) * scale - maximum - rest);
    out += 4;
    input += 4;
  }
}

export function softmax(record: usize, begin: i32, end: i32): void {
  const log = int(record, SoftmaxField.log);
  const width = int(record, SoftmaxField.width);
  const factor = real(record, SoftmaxField.scale);
  const masks = pointer(record, SoftmaxField.mask);
  const maskStride = int(record, SoftmaxField.maskStride);
  const rank = int(record, SoftmaxField.rank);
  const sizes = pointer(record, SoftmaxField.sizes);
  const maskStrides = pointer(record, SoftmaxField.maskStrides);
  const rowBytes = <usize>width << 2;
  for (let row = begin; row < end; row++) {
    let input = pointer(record, SoftmaxField.input) + <usize>row * rowBytes;
    const out = pointer(record, SoftmaxField.out) + <usize>row * rowBytes;
    let scale = factor;
    if (masks != 0) {
      let mask = masks;
      let rest = row;
      for (let d = rank - 1; d >= 0; d--) {
        const size = int(sizes, d);
        const outer = rest / size;
        mask += <usize>((rest - outer * size) * int(maskStrides, d)) << 2;
        rest = outer;
      }
      applyMask(out, input, mask, maskStride, width, factor);
      input = out;
      scale = 1;
    }
    const maximum = scaledMax(input, width, scale);
    if (masks != 0 && maximum == NONE && !hasNaN(input, width)) {
      fill(out, width, log ? NONE : 0);
      continue;
    }
    if (log) {
      const total = sumOfExponentials(input, width, scale, maximum);
      logProbabilities(out, input, width, scale, maximum, <f32>NativeMath.log(total));
    } else {
      const total = exponentials(out, input, width, scale, maximum);
      multiply(out, width, <f32>(1 / total));
    }
  }
}

/** Whether a row holds NaN. */
function hasNaN(input: usize, count: i32): bool {
  const end = input + (<usize>count << 2);
  while (input < end) {
    const x = load<f32>(input);
    if (x != x) return true;
    input += 4;
  }
  return false;
}

export function softmaxBackward(record: usize, begin: i32, end: i32): void {
  const log = int(record, SoftmaxField.log);
  const width = int(record, SoftmaxField.width);
  const scale = real(record, SoftmaxField.scale);
  const rowBytes = <usize>width << 2;
  for (let row = begin; row < end; row++) {
    const offset = <usize>row * rowBytes;
    const grad = pointer(record, SoftmaxField.grad) + offset;
    const output = pointer(record, SoftmaxField.input) + offset;
    const out = pointer(record, SoftmaxField.out) + offset;
    if (log) logRowBackward(out, grad, output, width, scale, <f32>sum(grad, width));
    else rowBackward(out, grad, output, width, scale, <f32>dot(grad, output, width));
  }
}

/** scale * y * (grad - inner). */
function rowBackward(out: usize, grad: usize, y: usize, count: i32, scale: f32, inner: f32): void {
  const s = f32x4.splat(scale);
  const d = f32x4.splat(inner);
  const end = out + (<usize>count << 2);
  while (out + 16 <= end) {
    v128.store(out, f32x4.mul(f32x4.mul(v128.load(y), s), f32x4.sub(v128.load(grad), d)));
    out += 16;
    grad += 16;
    y += 16;
  }
  while (out < end) {
    store<f32>(out, load<f32>(y) * scale * (load<f32>(grad) - inner));
    out += 4;
    grad += 4;
    y += 4;
  }
}

/** scale * (grad - exp(y) * total). */
function logRowBackward(out: usize, grad: usize, y: usize, count: i32, scale: f32, total: f32): void {
  const s = f32x4.splat(scale);
  const t = f32x4.splat(total);
  const end = out + (<usize>count << 2);
  while (out + 16 <= end) {
    const p = expNonPositive(v128.load(y));
    v128.store(out, f32x4.mul(s, f32x4.sub(v128.load(grad), f32x4.mul(p, t))));
    out += 16;
    grad += 16;
    y += 16;
  }
  const rest = <i32>((end - out) >> 2);
  if (rest > 0) {
    const p = expNonPositive(loadPart(y, rest, f32x4.splat(0)));
    storePart(out, f32x4.mul(s, f32x4.sub(v128.load(grad), f32x4.mul(p, t))), rest);
  }
}
