/**
 * Linear recurrences y[k] = a[k] y[k-1] + b[k] along a dim: cumulative sums (a = 1) and products (b = 0), and the gradients of
 * both. Floats are carried in double precision, so that a result has one rounding; integers wrap.
 */
import { ScanField } from './layout';
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
