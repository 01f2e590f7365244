/** Steps of optimizers in place, for several parameters at once, in the order of operations of torch.optim. */
import { AdamField, AdamParameter, DescentField, DescentParameter, DescentRule, ItemSize } from './layout';
import { int, pointer, real } from './memory';
import { storePart } from './sums';

export function adam(record: usize, begin: i32, end: i32): void {
  const decoupled = int(record, AdamField.decoupled);
  const decay = f32x4.splat(real(record, AdamField.decay));
  const beta1 = f32x4.splat(real(record, AdamField.beta1));
  const beta2 = f32x4.splat(real(record, AdamField.beta2));
  const rest1 = f32x4.splat(real(record, AdamField.rest1));
  const rest2 = f32x4.splat(real(record, AdamField.rest2));
  const eps = f32x4.splat(real(record, AdamField.eps));
  const stepSize = f32x4.splat(real(record, AdamField.stepSize));
  const correction2 = f32x4.splat(real(record, AdamField.correction2));
  let entry = pointer(record, AdamField.parameters);
  const entries = int(record, AdamField.parameterCount);
  for (let i = 0; i < entries; i++, entry += AdamParameter.length << 2) {
    const firstItem = int(entry, AdamParameter.firstItem);
    if (firstItem >= end) break;
    const count = int(entry, AdamParameter.count);
    const first = max(begin - firstItem, 0) * ItemSize.adamBlock;
    if (first >= count) continue;
    const last = min((end - firstItem) * ItemSize.adamBlock, count);
    const offset = <usize>first << 2;
    let param = pointer(entry, AdamParameter.param) + offset;
    let grad = pointer(entry, AdamParameter.grad) + offset;
    let expAvg = pointer(entry, AdamParameter.expAvg) + offset;
    let expAvgSq = pointer(entry, AdamParameter.expAvgSq) + offset;
    const amsgrad = pointer(entry, AdamParameter.maxExpAvgSq);
    let maxExpAvgSq = amsgrad + offset;
    const stop = param + (<usize>(last - first) << 2);
    while (param < stop) {
      const rest = <i32>((stop - param) >> 2);
      let p = v128.load(param);
      let g = v128.load(grad);
      if (decoupled) p = f32x4.mul(p, decay);
      else g = f32x4.add(g, f32x4.mul(p, decay));
      const m = f32x4.add(f32x4.mul(v128.load(expAvg), beta1), f32x4.mul(g, rest1));
      const v = f32x4.add(f32x4.mul(v128.load(expAvgSq), beta2), f32x4.mul(f32x4.mul(g, g), rest2));
      let second = v;
      if (amsgrad) {
        second = f32x4.max(v128.load(maxExpAvgSq), v);
        storeRest(maxExpAvgSq, second, rest);
        maxExpAvgSq += 16;
      }
      const denominator = f32x4.add(f32x4.div(f32x4.sqrt(second), correction2), eps);
      p = f32x4.sub(p, f32x4.mul(stepSize, f32x4.div(m, denominator)));
      storeRest(param, p, rest);
      storeRest(expAvg, m, rest);
      storeRest(expAvgSq, v, rest);
      param += 16;
      grad += 16;
      expAvg += 16;
      expAvgSq += 16;
    }
  }
}

/** Stores all of a vector, or as much of it as is left. */
// @ts-ignore: decorator
@inline
function storeRest(at: usize, value: v128, rest: i32): void {
  if (rest >= 4) v128.store(at, value);
  else storePart(at, value, rest);
}

export function descend(record: usize, begin: i32, end: i32): void {
  const rule = int(record, DescentField.rule);
  const decays = int(record, DescentField.decays);
  const nesterov = int(record, DescentField.nesterov);
  const first = int(record, DescentField.first);
  const lr = f32x4.splat(real(record, DescentField.lr));
  const weightDecay = f32x4.splat(real(record, DescentField.weightDecay));
  const momentum = f32x4.splat(real(record, DescentField.momentum));
  const share = f32x4.splat(real(record, DescentField.share));
  const alpha = f32x4.splat(real(record, DescentField.alpha));
  const restOfAlpha = f32x4.splat(real(record, DescentField.rest));
  const eps = f32x4.splat(real(record, DescentField.eps));
  let entry = pointer(record, DescentField.parameters);
  const entries = int(record, DescentField.parameterCount);
  for (let i = 0; i < entries; i++, entry += DescentParameter.length << 2) {
    const firstItem = int(entry, DescentParameter.firstItem);
    if (firstItem >= end) break;
    const count = int(entry, DescentParameter.count);
    const from = max(begin - firstItem, 0) * ItemSize.adamBlock;
    if (from >= count) continue;
    const to = min((end - firstItem) * ItemSize.adamBlock, count);
    const offset = <usize>from << 2;
    const param = pointer(entry, DescentParameter.param) + offset;
    const grad = pointer(entry, DescentParameter.grad) + offset;
    const buffer = pointer(entry, DescentParameter.buffer);
    const square = pointer(entry, DescentParameter.square) + offset;
    const mean = pointer(entry, DescentParameter.mean);
    const bytes = <usize>(to - from) << 2;
    for (let at: usize = 0; at < bytes; at += 16) {
      const rest = <i32>((bytes - at) >> 2);
      const p = v128.load(param + at);
      let g = v128.load(grad + at);
      if (decays) g = f32x4.add(g, f32x4.mul(p, weightDecay));
      if (rule === DescentRule.sgd) {
        if (buffer) {
          const place = buffer + offset + at;
          let b = g;
          if (!first) b = f32x4.add(f32x4.mul(v128.load(place), momentum), f32x4.mul(g, share));
          storeRest(place, b, rest);
          g = nesterov ? f32x4.add(g, f32x4.mul(b, momentum)) : b;
        }
      } else {
        let s = v128.load(square + at);
        if (rule === DescentRule.adagrad) s = f32x4.add(s, f32x4.mul(g, g));
        else s = f32x4.add(f32x4.mul(s, alpha), f32x4.mul(f32x4.mul(g, g), restOfAlpha));
        storeRest(square + at, s, rest);
        if (mean) {
          const place = mean + offset + at;
          const m = f32x4.add(f32x4.mul(v128.load(place), alpha), f32x4.mul(g, restOfAlpha));
          storeRest(place, m, rest);
          s = f32x4.sub(s, f32x4.mul(m, m));
        }
        g = f32x4.div(g, f32x4.add(f32x4.sqrt(s), eps));
        if (buffer) {
          const place = buffer + offset + at;
          g = f32x4.add(f32x4.mul(v128.load(place), momentum), g);
          storeRest(place, g, rest);
        }
      }
      storeRest(param + at, f32x4.sub(p, f32x4.mul(g, lr)), rest);
    }
  }
}
