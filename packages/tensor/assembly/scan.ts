/**
 * Linear recurrences y[k] = a[k] y[k-1] + b[k] along a dim: cumulative sums (a = 1) and products (b = 0), and the gradients of
 * both. Floats are carried in double precision, so that a result has one rounding; integers wrap.
 */
import { ScanField, SegmentField } from './layout';
import { demote, promoteHigh } from './math/vector';
import { int, pointer, scratch } from './memory';

export function scan(record: usize, begin: i32, end: i32): void {
  const count = int(record, ScanField.count);
  const inner = int(record, ScanField.inner);
  const group = int(record, ScanField.columnGroup);
  const groups = int(record, ScanField.columnGroups);
  const float = int(record, ScanField.float) != 0;
  for (let item = begin; item < end; item++) {
    const outer = item / groups;
    const first = (item - outer * groups) * group;
    const columns = min(group, inner - first);
    const start = (<usize>outer * <usize>count * <usize>inner + <usize>first) << 2;
    if (float) scanFloats(record, start, count, <usize>inner << 2, columns);
    else scanInts(record, start, count, <usize>inner << 2, columns);
  }
}

function scanFloats(record: usize, start: usize, count: i32, rowBytes: usize, columns: i32): void {
  const reverse = int(record, ScanField.reverse) != 0;
  const factors = pointer(record, ScanField.factors);
  const terms = pointer(record, ScanField.terms);
  const out = pointer(record, ScanField.out);
  if (rowBytes == 4 && (factors == 0 || terms == 0)) {
    if (factors == 0) sumsOfRow(terms + start, out + start, count, reverse, 0);
    else productsOfRow(factors + start, out + start, count, reverse);
    return;
  }
  if (columns == 1 && (factors != 0 || terms != 0)) {
    scanColumn(factors, terms, out, start, count, reverse, rowBytes);
    return;
  }
  const states = scratch();
  for (let c = 0; c < columns; c++) store<f64>(states + (<usize>c << 3), terms == 0 ? 1 : 0);
  for (let k = 0; k < count; k++) {
    const row = start + <usize>(reverse ? count - 1 - k : k) * rowBytes;
    for (let c = 0; c < columns; c++) {
      const at = row + (<usize>c << 2);
      const state = states + (<usize>c << 3);
      let y = load<f64>(state);
      if (factors != 0) y *= <f64>load<f32>(factors + at);
      if (terms != 0) y += <f64>load<f32>(terms + at);
      store<f64>(state, y);
      store<f32>(out + at, <f32>y);
    }
  }
}

/** Four elements in the order of the walk. */
// @ts-ignore: decorator
@inline
function loadWalked(at: usize, reverse: bool): v128 {
  const x = v128.load(at);
  return reverse ? v128.shuffle<i32>(x, x, 3, 2, 1, 0) : x;
}

// @ts-ignore: decorator
@inline
function storeWalked(at: usize, low: v128, high: v128, reverse: bool): void {
  const y = demote(low, high);
  v128.store(at, reverse ? v128.shuffle<i32>(y, y, 3, 2, 1, 0) : y);
}

/** Sums from `begin` on along a dense row, four elements a turn, so that only one addition of a turn waits for the turn before. */
function sumsOfRow(source: usize, out: usize, count: i32, reverse: bool, begin: f64): void {
  const zero = f64x2.splat(0);
  let sum = f64x2.splat(begin);
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const at = <usize>(reverse ? count - 4 - k : k) << 2;
    const x = loadWalked(source + at, reverse);
    let low = f64x2.promote_low_f32x4(x);
    let high = promoteHigh(x);
    low = f64x2.add(low, v128.shuffle<i64>(zero, low, 0, 2));
    high = f64x2.add(high, v128.shuffle<i64>(zero, high, 0, 2));
    high = f64x2.add(high, v128.shuffle<i64>(low, low, 1, 1));
    low = f64x2.add(sum, low);
    high = f64x2.add(sum, high);
    storeWalked(out + at, low, high, reverse);
    sum = v128.shuffle<i64>(high, high, 1, 1);
  }
  let y = f64x2.extract_lane(sum, 0);
  for (; k < count; k++) {
    const at = <usize>(reverse ? count - 1 - k : k) << 2;
    y += <f64>load<f32>(source + at);
    store<f32>(out + at, <f32>y);
  }
}

/** Products along a dense row, four elements a turn while the product is far from the limits of a double, then one by one. */
function productsOfRow(source: usize, out: usize, count: i32, reverse: bool): void {
  const one = f64x2.splat(1);
  let y: f64 = 1;
  let k = 0;
  for (; k + 4 <= count && abs(y) > 1e-150 && abs(y) < 1e150; k += 4) {
    const at = <usize>(reverse ? count - 4 - k : k) << 2;
    const x = loadWalked(source + at, reverse);
    let low = f64x2.promote_low_f32x4(x);
    let high = promoteHigh(x);
    low = f64x2.mul(low, v128.shuffle<i64>(one, low, 0, 2));
    high = f64x2.mul(high, v128.shuffle<i64>(one, high, 0, 2));
    high = f64x2.mul(high, v128.shuffle<i64>(low, low, 1, 1));
    const product = f64x2.splat(y);
    low = f64x2.mul(product, low);
    high = f64x2.mul(product, high);
    storeWalked(out + at, low, high, reverse);
    y = f64x2.extract_lane(high, 1);
  }
  for (; k < count; k++) {
    const at = <usize>(reverse ? count - 1 - k : k) << 2;
    y *= <f64>load<f32>(source + at);
    store<f32>(out + at, <f32>y);
  }
}

/** The sums of a long row's segments. Item: one of them. */
export function segmentSums(record: usize, begin: i32, end: i32): void {
  const count = int(record, SegmentField.count);
  const segment = int(record, SegmentField.segment);
  const segments = int(record, SegmentField.segments);
  for (let item = begin; item < end; item++) {
    const row = item / segments;
    const first = (item - row * segments) * segment;
    const source = pointer(record, SegmentField.terms) + (((<usize>row) * (<usize>count) + <usize>first) << 2);
    store<f64>(pointer(record, SegmentField.sums) + (<usize>item << 3), sumOfPart(source, min(segment, count - first)));
  }
}

function sumOfPart(source: usize, count: i32): f64 {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let k = 0;
  for (; k + 8 <= count; k += 8) {
    const at = source + (<usize>k << 2);
    const x = v128.load(at);
    const y = v128.load(at, 16);
    a = f64x2.add(a, f64x2.promote_low_f32x4(x));
    b = f64x2.add(b, promoteHigh(x));
    c = f64x2.add(c, f64x2.promote_low_f32x4(y));
    d = f64x2.add(d, promoteHigh(y));
  }
  const total = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let sum = f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
  for (; k < count; k++) sum += <f64>load<f32>(source + (<usize>k << 2));
  return sum;
}

/** Cumulative sums of a long row's segments, each from what stands in `sums` on. Item: one of them. */
export function segmentScan(record: usize, begin: i32, end: i32): void {
  const count = int(record, SegmentField.count);
  const segment = int(record, SegmentField.segment);
  const segments = int(record, SegmentField.segments);
  const reverse = int(record, SegmentField.reverse) != 0;
  for (let item = begin; item < end; item++) {
    const row = item / segments;
    const first = (item - row * segments) * segment;
    const start = ((<usize>row) * (<usize>count) + <usize>first) << 2;
    sumsOfRow(
      pointer(record, SegmentField.terms) + start,
      pointer(record, SegmentField.out) + start,
      min(segment, count - first),
      reverse,
      load<f64>(pointer(record, SegmentField.sums) + (<usize>item << 3)),
    );
  }
}

/** One column, whose state need not go through memory. */
function scanColumn(
  factors: usize,
  terms: usize,
  out: usize,
  start: usize,
  count: i32,
  reverse: bool,
  rowBytes: usize,
): void {
  // Addresses wrap, so a step backwards is one forwards too.
  const step = reverse ? 0 - rowBytes : rowBytes;
  let at = reverse ? start + <usize>(count - 1) * rowBytes : start;
  let y: f64 = terms == 0 ? 1 : 0;
  if (factors == 0) {
    for (let k = 0; k < count; k++) {
      y += <f64>load<f32>(terms + at);
      store<f32>(out + at, <f32>y);
      at += step;
    }
    return;
  }
  for (let k = 0; k < count; k++) {
    y *= <f64>load<f32>(factors + at);
    if (terms != 0) y += <f64>load<f32>(terms + at);
    store<f32>(out + at, <f32>y);
    at += step;
  }
}

function scanInts(record: usize, start: usize, count: i32, rowBytes: usize, columns: i32): void {
  const reverse = int(record, ScanField.reverse) != 0;
  const factors = pointer(record, ScanField.factors);
  const terms = pointer(record, ScanField.terms);
  const out = pointer(record, ScanField.out);
  for (let c = 0; c < columns; c++) {
    let y = terms == 0 ? 1 : 0;
    for (let k = 0; k < count; k++) {
      const at = start + <usize>(reverse ? count - 1 - k : k) * rowBytes + (<usize>c << 2);
      if (factors != 0) y *= load<i32>(factors + at);
      if (terms != 0) y += load<i32>(terms + at);
      store<i32>(out + at, y);
    }
  }
}
