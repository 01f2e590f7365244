/** Numbers at equal distances, made in doubles from the nearer end, so that each has one rounding. */
import { LineField } from './layout';
import { demote } from './math/vector';
import { int, pointer } from './memory';

/** Writes whole vectors within its items; the last item ends with the row. */
export function line(record: usize, begin: i32, end: i32): void {
  const count = int(record, LineField.count);
  const out = pointer(record, LineField.out);
  const numbers = pointer(record, LineField.numbers);
  const first = load<f64>(numbers);
  const last = load<f64>(numbers, 8);
  const step = load<f64>(numbers, 16);
  const stop = min(count, end << 10);
  // The first half counts from the first number on, the second back from the last: a line of its own.
  const half = (count + 1) >> 1;
  let i = begin << 10;
  i = run(out, i, min(stop, half), first, step, 0);
  run(out, i, stop, last, step, count - 1);
}

/** The elements [i, stop): `base + step * (element - origin)`. */
// @ts-ignore: decorator
@inline
function run(out: usize, i: i32, stop: i32, base: f64, step: f64, origin: i32): i32 {
  const bases = f64x2.splat(base);
  const steps = f64x2.splat(step);
  for (; i + 4 <= stop; i += 4) {
    const k = i32x4.add(i32x4.splat(i - origin), i32x4(0, 1, 2, 3));
    const low = f64x2.add(bases, f64x2.mul(steps, f64x2.convert_low_i32x4_s(k)));
    const high = f64x2.add(bases, f64x2.mul(steps, f64x2.convert_low_i32x4_s(v128.shuffle<i32>(k, k, 2, 3, 2, 3))));
    v128.store(out + (<usize>i << 2), demote(low, high));
  }
  for (; i < stop; i++) store<f32>(out + (<usize>i << 2), <f32>(base + step * <f64>(i - origin)));
  return i;
}
