/**
 * Reductions of the middle dim of [outer, length, inner]. Sums of floats are blocked (sums.ts for rows; for columns 64 rows in
 * float32, then doubles); everything else is exact, whatever the order. Columns are walked row by row, as they lie in memory.
 */
import { ReduceCode, ReduceField } from './layout';
import { madd } from './math/vector';
import { int, pointer, real, scratch } from './memory';
import { sum, sumOfSquares } from './sums';

export function reduce(record: usize, begin: i32, end: i32): void {
  const op = int(record, ReduceField.op);
  const count = int(record, ReduceField.count);
  const inner = int(record, ReduceField.inner);
  const group = int(record, ReduceField.columnGroup);
  const groups = int(record, ReduceField.columnGroups);
  const scale = <f64>real(record, ReduceField.scale);
  const floatInput = int(record, ReduceField.floatInput) != 0;
  const floatOut = int(record, ReduceField.floatOut) != 0;
  const adds = op == ReduceCode.sum || op == ReduceCode.sumOfSquares;
  for (let item = begin; item < end; item++) {
    const outer = item / groups;
    const first = (item - outer * groups) * group;
    const columns = min(group, inner - first);
    const input = pointer(record, ReduceField.input) + ((<usize>outer * <usize>count * <usize>inner + <usize>first) << 2);
    const out = pointer(record, ReduceField.out) + ((<usize>outer * <usize>inner + <usize>first) << 2);
    if (floatInput && adds && inner == 1) {
      const total = op == ReduceCode.sum ? sum(input, count) : sumOfSquares(input, count, 0);
      storeNumber(out, total * scale, floatOut);
    } else if (floatInput && adds) {
      sumColumns(out, input, count, inner, columns, op == ReduceCode.sumOfSquares, scale, floatOut);
    } else if (floatInput && (op == ReduceCode.max || op == ReduceCode.min) && (inner == 1 || columns >= 4)) {
      if (inner == 1) store<f32>(out, extremeOfRow(input, count, op == ReduceCode.max));
      else extremeOfColumns(out, input, count, inner, columns, op == ReduceCode.max);
    } else {
      for (let column = 0; column < columns; column++) {
        const offset = <usize>column << 2;
        if (floatInput) reduceFloats(out + offset, input + offset, count, <usize>inner << 2, op, scale, floatOut);
        else reduceInts(out + offset, input + offset, count, <usize>inner << 2, op, scale, floatOut);
      }
    }
  }
}

function storeNumber(out: usize, value: f64, float: bool): void {
  if (float) store<f32>(out, <f32>value);
  else store<i32>(out, <i32>(<i64>value));
}

/** Rows summed in float32 before the sums go on in doubles. */
const ROW_BLOCK: i32 = 64;

function sumColumns(
  out: usize,
  input: usize,
  count: i32,
  inner: i32,
  columns: i32,
  squares: bool,
  scale: f64,
  floatOut: bool,
): void {
  const rowBytes = <usize>inner << 2;
  const padded = (columns + 3) & ~3;
  const parts = scratch();
  const totals = parts + ((<usize>padded << 2) + 63 & ~63);
  memory.fill(totals, 0, <usize>padded << 3);
  for (let row = 0; row < count; row += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, count - row);
    memory.fill(parts, 0, <usize>padded << 2);
    addRows(parts, input + <usize>row * rowBytes, rows, rowBytes, padded, squares);
    for (let column = 0; column < padded; column += 4) {
      const part = v128.load(parts + (<usize>column << 2));
      const total = totals + (<usize>column << 3);
      v128.store(total, f64x2.add(v128.load(total), f64x2.promote_low_f32x4(part)));
      v128.store(total, f64x2.add(v128.load(total, 16), f64x2.promote_low_f32x4(v128.shuffle<i32>(part, part, 2, 3, 2, 3))), 16);
    }
  }
  for (let column = 0; column < columns; column++) {
    storeNumber(out + (<usize>column << 2), load<f64>(totals + (<usize>column << 3)) * scale, floatOut);
  }
}

/** Adds rows to a row of partial sums, four rows a turn; whole vectors, so up to three columns too many are read. */
function addRows(parts: usize, input: usize, rows: i32, rowBytes: usize, columns: i32, squares: bool): void {
  const end = parts + (<usize>columns << 2);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let a = input;
    for (let part = parts; part < end; part += 16) {
      const x0 = v128.load(a);
      const x1 = v128.load(a + rowBytes);
      const x2 = v128.load(a + 2 * rowBytes);
      const x3 = v128.load(a + 3 * rowBytes);
      const sum = squares
        ? f32x4.add(madd(x0, x0, f32x4.mul(x1, x1)), madd(x2, x2, f32x4.mul(x3, x3)))
        : f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3));
      v128.store(part, f32x4.add(v128.load(part), sum));
      a += 16;
    }
    input += rowBytes << 2;
  }
  for (; row < rows; row++) {
    let a = input;
    for (let part = parts; part < end; part += 16) {
      const x = v128.load(a);
      v128.store(part, f32x4.add(v128.load(part), squares ? f32x4.mul(x, x) : x));
      a += 16;
    }
    input += rowBytes;
  }
}

function extremeOfRow(input: usize, count: i32, largest: bool): f32 {
  const end = input + (<usize>count << 2);
  let m0 = f32x4.splat(largest ? -Infinity : Infinity);
  let m1 = m0;
  while (input + 32 <= end) {
    const x0 = v128.load(input);
    const x1 = v128.load(input, 16);
    m0 = largest ? f32x4.max(m0, x0) : f32x4.min(m0, x0);
    m1 = largest ? f32x4.max(m1, x1) : f32x4.min(m1, x1);
    input += 32;
  }
  m0 = largest ? f32x4.max(m0, m1) : f32x4.min(m0, m1);
  let result = extreme(
    extreme(f32x4.extract_lane(m0, 0), f32x4.extract_lane(m0, 1), largest),
    extreme(f32x4.extract_lane(m0, 2), f32x4.extract_lane(m0, 3), largest),
    largest,
  );
  while (input < end) {
    result = extreme(result, load<f32>(input), largest);
    input += 4;
  }
  return result;
}

// @ts-ignore: decorator
@inline
function extreme(a: f32, b: f32, largest: bool): f32 {
  return largest ? max<f32>(a, b) : min<f32>(a, b);
}

function extremeOfColumns(out: usize, input: usize, count: i32, inner: i32, columns: i32, largest: bool): void {
  const rowBytes = <usize>inner << 2;
  const end = out + (<usize>columns << 2);
  const start = f32x4.splat(largest ? -Infinity : Infinity);
  // The last vector steps back to end with the last column: extremes may be taken twice.
  while (out < end) {
    if (out + 16 > end) {
      const back = out + 16 - end;
      out -= back;
      input -= back;
    }
    let best = start;
    let a = input;
    for (let row = 0; row < count; row++) {
      const x = v128.load(a);
      best = largest ? f32x4.max(best, x) : f32x4.min(best, x);
      a += rowBytes;
    }
    v128.store(out, best);
    out += 16;
    input += 16;
  }
}

/** Any reduction of floats at a stride, one by one. */
function reduceFloats(out: usize, input: usize, count: i32, stride: usize, op: i32, scale: f64, floatOut: bool): void {
  if (op == ReduceCode.argmax || op == ReduceCode.argmin) {
    store<i32>(out, placeOfExtreme(input, count, stride, op == ReduceCode.argmax));
    return;
  }
  let truth = op == ReduceCode.all;
  let product: f64 = 1;
  let total: f64 = 0;
  let best: f32 = op == ReduceCode.max ? -Infinity : Infinity;
  for (let i = 0; i < count; i++) {
    const x = load<f32>(input);
    input += stride;
    if (op == ReduceCode.prod) product *= <f64>x;
    else if (op == ReduceCode.sum) total += <f64>x;
    else if (op == ReduceCode.sumOfSquares) total += <f64>x * <f64>x;
    else if (op == ReduceCode.max || op == ReduceCode.min) best = extreme(best, x, op == ReduceCode.max);
    else if (op == ReduceCode.any) truth = truth || x != 0;
    else truth = truth && x != 0;
  }
  if (op == ReduceCode.prod) storeNumber(out, product, floatOut);
  else if (op == ReduceCode.sum || op == ReduceCode.sumOfSquares) storeNumber(out, total * scale, floatOut);
  else if (op == ReduceCode.max || op == ReduceCode.min) store<f32>(out, best);
  else store<i32>(out, <i32>truth);
}

/** The first index of the largest or smallest, or of the first NaN. */
function placeOfExtreme(input: usize, count: i32, stride: usize, largest: bool): i32 {
  let place = 0;
  let best = load<f32>(input);
  for (let i = 1; i < count && best == best; i++) {
    input += stride;
    const x = load<f32>(input);
    if (x != x || (largest ? x > best : x < best)) {
      best = x;
      place = i;
    }
  }
  return place;
}

/** Any reduction of integers and truth values; sums in 64 bits, products modulo 2^32. */
function reduceInts(out: usize, input: usize, count: i32, stride: usize, op: i32, scale: f64, floatOut: bool): void {
  let truth = op == ReduceCode.all;
  let product: i32 = 1;
  let total: i64 = 0;
  let best: i32 = op == ReduceCode.max || op == ReduceCode.argmax ? i32.MIN_VALUE : i32.MAX_VALUE;
  let place = 0;
  for (let i = 0; i < count; i++) {
    const x = load<i32>(input);
    input += stride;
    switch (op) {
      case ReduceCode.sum:
        total += x;
        break;
      case ReduceCode.sumOfSquares:
        total += <i64>x * <i64>x;
        break;
      case ReduceCode.prod:
        product *= x;
        break;
      case ReduceCode.any:
        truth = truth || x != 0;
        break;
      case ReduceCode.all:
        truth = truth && x != 0;
        break;
      default:
        if (op == ReduceCode.max || op == ReduceCode.argmax ? x > best : x < best) {
          best = x;
          place = i;
        }
    }
  }
  if (op == ReduceCode.sum || op == ReduceCode.sumOfSquares) {
    if (floatOut || scale != 1) storeNumber(out, <f64>total * scale, floatOut);
    else store<i32>(out, <i32>total);
  } else if (op == ReduceCode.prod) {
    if (floatOut) store<f32>(out, <f32>product);
    else store<i32>(out, product);
  } else if (op == ReduceCode.max || op == ReduceCode.min) {
    store<i32>(out, best);
  } else if (op == ReduceCode.argmax || op == ReduceCode.argmin) {
    store<i32>(out, place);
  } else {
    store<i32>(out, <i32>truth);
  }
}
