/**
 * Layer norm of rows and its backward, with or without a mean to subtract. Mean and variance take two passes over a row, which is in L1 after the first. The
 * gradients of weight and bias are sums over rows: each item sums a fixed chunk of rows into a partial of its own, and a
 * column sum of the partials follows, so the result does not depend on who computed which chunk.
 */
import { LayerNormBackwardField, LayerNormField } from './layout';
import { addLanes64, addWide, madd } from './math/vector';
import { int, pointer, real } from './memory';
import { loadPart, storePart, sum, sumOfSquares } from './sums';

export function layerNorm(record: usize, begin: i32, end: i32): void {
  const width = int(record, LayerNormField.width);
  const centered = int(record, LayerNormField.centered) != 0;
  const eps = <f64>real(record, LayerNormField.eps);
  const weight = pointer(record, LayerNormField.weight);
  const bias = pointer(record, LayerNormField.bias);
  const rowBytes = <usize>width << 2;
  for (let row = begin; row < end; row++) {
    const input = pointer(record, LayerNormField.input) + <usize>row * rowBytes;
    const out = pointer(record, LayerNormField.out) + <usize>row * rowBytes;
    const mean = centered ? <f32>(sum(input, width) / <f64>width) : <f32>0;
    const variance = sumOfSquares(input, width, mean) / <f64>width;
    const rstd = <f32>(1 / Math.sqrt(variance + eps));
    store<f32>(pointer(record, LayerNormField.mean) + (<usize>row << 2), mean);
    store<f32>(pointer(record, LayerNormField.rstd) + (<usize>row << 2), rstd);
    normalize(out, input, width, mean, rstd, weight, bias);
  }
}

function normalize(out: usize, input: usize, count: i32, mean: f32, rstd: f32, weight: usize, bias: usize): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const end = out + (<usize>count << 2);
  if (weight != 0 && bias != 0) {
    while (out + 16 <= end) {
      const x = f32x4.mul(f32x4.sub(v128.load(input), m), r);
      v128.store(out, madd(x, v128.load(weight), v128.load(bias)));
      out += 16;
      input += 16;
      weight += 16;
      bias += 16;
    }
  }
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    let x = f32x4.mul(f32x4.sub(v128.load(input), m), r);
    if (weight != 0) {
      x = f32x4.mul(x, v128.load(weight));
      weight += 16;
    }
    if (bias != 0) {
      x = f32x4.add(x, v128.load(bias));
      bias += 16;
    }
    if (rest >= 4) v128.store(out, x);
    else storePart(out, x, rest);
    out += 16;
    input += 16;
  }
}

/** The two sums that the gradient of a row needs: Σ g and Σ g x̂, with g = grad * weight. */
let gradSum: f64 = 0;
let gradDot: f64 = 0;

/** g of one vector. */
// @ts-ignore: decorator
@inline
function weighted(grad: usize, weight: usize, hasWeight: bool): v128 {
  return hasWeight ? f32x4.mul(v128.load(grad), v128.load(weight)) : v128.load(grad);
}

// @ts-ignore: decorator
@inline
function sums(grad: usize, input: usize, weight: usize, hasWeight: bool, count: i32, mean: f32, rstd: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const zero = f32x4.splat(0);
  const end = grad + (<usize>count << 2);
  let total = f64x2.splat(0);
  let totalDot = total;
  while (grad + 32 <= end) {
    const stop = min(grad + 1024, end);
    let part0 = zero;
    let part1 = zero;
    let dot0 = zero;
    let dot1 = zero;
    while (grad + 32 <= stop) {
      const g0 = weighted(grad, weight, hasWeight);
      const g1 = weighted(grad + 16, weight + 16, hasWeight);
      part0 = f32x4.add(part0, g0);
      part1 = f32x4.add(part1, g1);
      dot0 = madd(g0, f32x4.sub(v128.load(input), m), dot0);
      dot1 = madd(g1, f32x4.sub(v128.load(input, 16), m), dot1);
      grad += 32;
      input += 32;
      weight += 32;
    }
    total = addWide(total, f32x4.add(part0, part1));
    totalDot = addWide(totalDot, f32x4.mul(r, f32x4.add(dot0, dot1)));
  }
  while (grad < end) {
    const rest = min(<i32>((end - grad) >> 2), 4);
    let g = loadPart(grad, rest, zero);
    if (hasWeight) g = f32x4.mul(g, loadPart(weight, rest, zero));
    const x = f32x4.mul(f32x4.sub(loadPart(input, rest, m), m), r);
    total = addWide(total, g);
    totalDot = addWide(totalDot, f32x4.mul(g, x));
    grad += 16;
    input += 16;
    weight += 16;
  }
  gradSum = addLanes64(total);
  gradDot = addLanes64(totalDot);
}

function rowSums(grad: usize, input: usize, weight: usize, count: i32, mean: f32, rstd: f32): void {
  if (weight != 0) sums(grad, input, weight, true, count, mean, rstd);
  else sums(grad, input, 0, false, count, mean, rstd);
}

/** gradInput = rstd * (g - meanGrad - (x - mean) * slope), slope = rstd * mean(g x̂). */
// @ts-ignore: decorator
@inline
function gradient(
  out: usize,
  grad: usize,
  input: usize,
  weight: usize,
  hasWeight: bool,
  count: i32,
  mean: f32,
  rstd: f32,
  meanGrad: f32,
  slope: f32,
): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const mg = f32x4.splat(meanGrad);
  const s = f32x4.splat(slope);
  const end = out + (<usize>count << 2);
  while (out + 16 <= end) {
    const x = f32x4.mul(f32x4.sub(v128.load(input), m), s);
    v128.store(out, f32x4.mul(r, f32x4.sub(f32x4.sub(weighted(grad, weight, hasWeight), mg), x)));
    out += 16;
    grad += 16;
    input += 16;
    weight += 16;
  }
  const rest = <i32>((end - out) >> 2);
  if (rest > 0) {
    const x = f32x4.mul(f32x4.sub(v128.load(input), m), s);
    storePart(out, f32x4.mul(r, f32x4.sub(f32x4.sub(weighted(grad, weight, hasWeight), mg), x)), rest);
  }
}

function rowGradient(
  out: usize,
  grad: usize,
  input: usize,
  weight: usize,
  count: i32,
  mean: f32,
  rstd: f32,
  meanGrad: f32,
  slope: f32,
): void {
  if (weight != 0) gradient(out, grad, input, weight, true, count, mean, rstd, meanGrad, slope);
  else gradient(out, grad, input, 0, false, count, mean, rstd, meanGrad, slope);
}

/** Adds one row's part, or two rows', to partial sums: grad to bias, grad * x̂ to weight. */
// @ts-ignore: decorator
@inline
function addParts(
  pair: bool,
  weightPart: usize,
  biasPart: usize,
  count: i32,
  grad0: usize,
  input0: usize,
  mean0: f32,
  rstd0: f32,
  grad1: usize,
  input1: usize,
  mean1: f32,
  rstd1: f32,
): void {
  const m0 = f32x4.splat(mean0);
  const m1 = f32x4.splat(mean1);
  const r0 = f32x4.splat(rstd0);
  const r1 = f32x4.splat(rstd1);
  const hasWeight = weightPart != 0;
  const hasBias = biasPart != 0;
  const end = grad0 + (<usize>count << 2);
  while (grad0 < end) {
    const rest = <i32>((end - grad0) >> 2);
    let byInput = f32x4.mul(v128.load(grad0), f32x4.mul(f32x4.sub(v128.load(input0), m0), r0));
    let plain = v128.load(grad0);
    if (pair) {
      byInput = madd(v128.load(grad1), f32x4.mul(f32x4.sub(v128.load(input1), m1), r1), byInput);
      plain = f32x4.add(plain, v128.load(grad1));
    }
    if (hasWeight) {
      const sum = f32x4.add(v128.load(weightPart), byInput);
      if (rest >= 4) v128.store(weightPart, sum);
      else storePart(weightPart, sum, rest);
      weightPart += 16;
    }
    if (hasBias) {
      const sum = f32x4.add(v128.load(biasPart), plain);
      if (rest >= 4) v128.store(biasPart, sum);
      else storePart(biasPart, sum, rest);
      biasPart += 16;
    }
    grad0 += 16;
    input0 += 16;
    grad1 += 16;
    input1 += 16;
  }
}

/** Adds the part of row `row`, and of the next one too if `pair`, to the partial sums of their chunk. */
function addRows(record: usize, row: i32, pair: bool, weightPart: usize, biasPart: usize, count: i32): void {
  const rowBytes = <usize>count << 2;
  const grad = pointer(record, LayerNormBackwardField.grad) + <usize>row * rowBytes;
  const input = pointer(record, LayerNormBackwardField.input) + <usize>row * rowBytes;
  const means = pointer(record, LayerNormBackwardField.mean) + (<usize>row << 2);
  const rstds = pointer(record, LayerNormBackwardField.rstd) + (<usize>row << 2);
  const mean = load<f32>(means);
  const rstd = load<f32>(rstds);
  if (pair) {
    const next = grad + rowBytes;
    const nextInput = input + rowBytes;
    const nextMean = load<f32>(means, 4);
    const nextRstd = load<f32>(rstds, 4);
    addParts(true, weightPart, biasPart, count, grad, input, mean, rstd, next, nextInput, nextMean, nextRstd);
  } else {
    addParts(false, weightPart, biasPart, count, grad, input, mean, rstd, 0, 0, 0, 0);
  }
}

export function layerNormBackward(record: usize, begin: i32, end: i32): void {
  const rows = int(record, LayerNormBackwardField.rows);
  const width = int(record, LayerNormBackwardField.width);
  const centered = int(record, LayerNormBackwardField.centered) != 0;
  const chunk = int(record, LayerNormBackwardField.chunk);
  const weight = pointer(record, LayerNormBackwardField.weight);
  const gradInput = pointer(record, LayerNormBackwardField.gradInput);
  const weightPartials = pointer(record, LayerNormBackwardField.weightPartials);
  const biasPartials = pointer(record, LayerNormBackwardField.biasPartials);
  const rowBytes = <usize>width << 2;
  for (let item = begin; item < end; item++) {
    const weightPart = weightPartials == 0 ? <usize>0 : weightPartials + <usize>item * rowBytes;
    const biasPart = biasPartials == 0 ? <usize>0 : biasPartials + <usize>item * rowBytes;
    if (weightPart != 0) memory.fill(weightPart, 0, rowBytes);
    if (biasPart != 0) memory.fill(biasPart, 0, rowBytes);
    const first = item * chunk;
    const last = min(first + chunk, rows);
    for (let row = first; row < last; row++) {
      // The sums over rows go first, by pairs: gradInput may take the place of grad.
      if ((weightPart != 0 || biasPart != 0) && ((row - first) & 1) == 0) {
        addRows(record, row, row + 1 < last, weightPart, biasPart, width);
      }
      if (gradInput == 0) continue;
      const offset = <usize>row * rowBytes;
      const grad = pointer(record, LayerNormBackwardField.grad) + offset;
      const input = pointer(record, LayerNormBackwardField.input) + offset;
      const mean = load<f32>(pointer(record, LayerNormBackwardField.mean) + (<usize>row << 2));
      const rstd = load<f32>(pointer(record, LayerNormBackwardField.rstd) + (<usize>row << 2));
      rowSums(grad, input, weight, width, mean, rstd);
      const meanGrad = centered ? <f32>(gradSum / <f64>width) : <f32>0;
      const slope = <f32>((gradDot / <f64>width) * <f64>rstd);
      rowGradient(gradInput + offset, grad, input, weight, width, mean, rstd, meanGrad, slope);
    }
  }
}
