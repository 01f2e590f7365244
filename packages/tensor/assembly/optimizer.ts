/** A step of Adam or AdamW in place, for several parameters at once, in the order of operations of torch.optim. */
import { AdamField, AdamParameter, ItemSize } from './layout';
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
    const stop = param + (<usize>(last - first) << 2);
    while (param < stop) {
      const rest = <i32>((stop - param) >> 2);
      let p = v128.load(param);
      let g = v128.load(grad);
      if (decoupled) p = f32x4.mul(p, decay);
      else g = f32x4.add(g, f32x4.mul(p, decay));
      const m = f32x4.add(f32x4.mul(v128.load(expAvg), beta1), f32x4.mul(g, rest1));
      const v = f32x4.add(f32x4.mul(v128.load(expAvgSq), beta2), f32x4.mul(f32x4.mul(g, g), rest2));
      const denominator = f32x4.add(f32x4.div(f32x4.sqrt(v), correction2), eps);
      p = f32x4.sub(p, f32x4.mul(stepSize, f32x4.div(m, denominator)));
      if (rest >= 4) {
        v128.store(param, p);
        v128.store(expAvg, m);
        v128.store(expAvgSq, v);
      } else {
        storePart(param, p, rest);
        storePart(expAvg, m, rest);
        storePart(expAvgSq, v, rest);
      }
      param += 16;
      grad += 16;
      expAvg += 16;
      expAvgSq += 16;
    }
  }
}
