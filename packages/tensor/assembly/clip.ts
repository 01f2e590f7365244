/** The norm of several tensors together, and several tensors times one number: what clipping of gradients consists of. */
import { ItemSize, NormField, ScaleField, TensorRun } from './layout';
import { int, pointer, real } from './memory';
import { storePart, sumOfSquares } from './sums';

export function squares(record: usize, begin: i32, end: i32): void {
  const sums = pointer(record, NormField.sums);
  let entry = pointer(record, NormField.runs);
  const entries = int(record, NormField.runCount);
  for (let i = 0; i < entries; i++, entry += TensorRun.length << 2) {
    const firstItem = int(entry, TensorRun.firstItem);
    if (firstItem >= end) break;
    const count = int(entry, TensorRun.count);
    const data = pointer(entry, TensorRun.data);
    for (let item = max(begin, firstItem); item < end; item++) {
      const from = (item - firstItem) * ItemSize.adamBlock;
      if (from >= count) break;
      const sum = sumOfSquares(data + (<usize>from << 2), min(ItemSize.adamBlock, count - from), 0);
      store<f64>(sums + (<usize>item << 3), sum);
    }
  }
}

export function scale(record: usize, begin: i32, end: i32): void {
  const factor = f32x4.splat(real(record, ScaleField.factor));
  let entry = pointer(record, ScaleField.runs);
  const entries = int(record, ScaleField.runCount);
  for (let i = 0; i < entries; i++, entry += TensorRun.length << 2) {
    const firstItem = int(entry, TensorRun.firstItem);
    if (firstItem >= end) break;
    const count = int(entry, TensorRun.count);
    const first = max(begin - firstItem, 0) * ItemSize.adamBlock;
    if (first >= count) continue;
    const last = min((end - firstItem) * ItemSize.adamBlock, count);
    let at = pointer(entry, TensorRun.data) + (<usize>first << 2);
    const stop = at + (<usize>(last - first) << 2);
    for (; at + 16 <= stop; at += 16) v128.store(at, f32x4.mul(v128.load(at), factor));
    if (at < stop) storePart(at, f32x4.mul(v128.load(at), factor), <i32>((stop - at) >> 2));
  }
}
