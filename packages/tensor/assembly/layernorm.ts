/**
 * Layer norm of rows and its backward. Mean and variance take two passes over a row, which is in L1 after the first. The
 * gradients of weight and bias are sums over rows: each item sums a fixed chunk of rows into a partial of its own, and a
 * column sum of the partials follows, so the result does not depend on who computed which chunk.
 */
import { LayerNormBackwardField, LayerNormField } from './layout';
import { addLanes64, addWide, madd } from './math/vector';
import { int, pointer, real } from './memory';
import { loadPart, storePart, sum, sumOfSquares } from './sums';

export function layerNorm(record: usize, begin: i32, end: i32): void {
  const width = int(record, LayerNormField.width);
  const eps = <f64>real(record, LayerNormField.eps);
  const weight = pointer(record, LayerNormField.weight);
  const bias = pointer(record, LayerNormField.bias);
  const rowBytes = <usize>width << 2;
  for (let row = begin; row < end; row++) {
    const input = pointer(record, LayerNormField.input) + <usize>row * rowBytes;
    const out = pointer(record, LayerNormField.out) + <usize>row * rowBytes;
    const mean = <f32>(sum(input, width) / <f64>width);
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

function rowSums(grad: usize, input: usize, weight: usize, count: i32, mean: f32, rstd: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const zero = f32x4.splat(0);
  const end = grad + (<usize>count << 2);
  let total = f64x2.splat(0);
  let totalDot = total;
  while (grad + 16 <= end) {
    const stop = min(grad + 512, end);
    let part = zero;
    let partDot = zero;
    while (grad + 16 <= stop) {
      let g = v128.load(grad);
      if (weight != 0) {
        g = f32x4.mul(g, v128.load(weight));
        weight += 16;
      }
      const x = f32x4.mul(f32x4.sub(v128.load(input), m), r);
      part = f32x4.add(part, g);
      partDot = madd(g, x, partDot);
      grad += 16;
      input += 16;
    }
    total = addWide(total, part);
    totalDot = addWide(totalDot, partDot);
  }
  const rest = <i32>((end - grad) >> 2);
  if (rest > 0) {
    let g = loadPart(grad, rest, zero);
    if (weight != 0) g = f32x4.mul(g, loadPart(weight, rest, zero));
    const x = f32x4.mul(f32x4.sub(loadPart(input, rest, m), m), r);
    total = addWide(total, g);
    totalDot = addWide(totalDot, f32x4.mul(g, x));
  }
  gradSum = addLanes64(total);
  gradDot = addLanes64(totalDot);
}

/** gradInput = rstd * (g - mean(g) - x̂ mean(g x̂)). */
function rowGradient(
  out: usize,
  grad: usize,
  input: usize,
  weight: usize,
  count: i32,
  mean: f32,
  rstd: f32,
  meanGrad: f32,
  meanDot: f32,
): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const mg = f32x4.splat(meanGrad);
  const md = f32x4.splat(meanDot);
  const end = out + (<usize>count << 2);
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    let g = v128.load(grad);
    if (weight != 0) {
      g = f32x4.mul(g, v128.load(weight));
      weight += 16;
    }
    const x = f32x4.mul(f32x4.sub(v128.load(input), m), r);
    const y = f32x4.mul(r, f32x4.sub(f32x4.sub(g, mg), f32x4.mul(x, md)));
    if (rest >= 4) v128.store(out, y);
    else storePart(out, y, rest);
    out += 16;
    grad += 16;
    input += 16;
  }
}

/** Adds a row's part to the partial sums of its chunk: grad to bias, grad * x̂ to weight. */
function addParts(weightPart: usize, biasPart: usize, grad: usize, input: usize, count: i32, mean: f32, rstd: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(rstd);
  const end = grad + (<usize>count << 2);
  while (grad < end) {
    const rest = <i32>((end - grad) >> 2);
    const g = v128.load(grad);
    if (weightPart != 0) {
      const x = f32x4.mul(f32x4.sub(v128.load(input), m), r);
      const y = madd(g, x, v128.load(weightPart));
      if (rest >= 4) v128.store(weightPart, y);
      else storePart(weightPart, y, rest);
      weightPart += 16;
    }
    if (biasPart != 0) {
      const y = f32x4.add(g, v128.load(biasPart));
      if (rest >= 4) v128.store(biasPart, y);
      else storePart(biasPart, y, rest);
      biasPart += 16;
    }
    grad += 16;
    input += 16;
  }
}

export function layerNormBackward(record: usize, begin: i32, end: i32): void {
  const rows = int(record, LayerNormBackwardField.rows);
  const width = int(record, LayerNormBackwardField.width);
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
    const last = min((item + 1) * chunk, rows);
    for (let row = item * chunk; row < last; row++) {
      const grad = pointer(record, LayerNormBackwardField.grad) + <usize>row * rowBytes;
      const input = pointer(record, LayerNormBackwardField.input) + <usize>row * rowBytes;
      const mean = load<f32>(pointer(record, LayerNormBackwardField.mean) + (<usize>row << 2));
      const rstd = load<f32>(pointer(record, LayerNormBackwardField.rstd) + (<usize>row << 2));
      // First the sums over rows: gradInput may take the place of grad.
      if (weightPart != 0 || biasPart != 0) addParts(weightPart, biasPart, grad, input, width, mean, rstd);
      if (gradInput == 0) continue;
      rowSums(grad, input, weight, width, mean, rstd);
      const meanGrad = <f32>(gradSum / <f64>width);
      const meanDot = <f32>(gradDot / <f64>width);
      rowGradient(gradInput + <usize>row * rowBytes, grad, input, weight, width, mean, rstd, meanGrad, meanDot);
    }
  }
}
