/**
 * Reductions of the middle dim of [outer, length, inner]. Sums of floats are blocked (sums.ts for rows; for columns 64 rows in
 * float32, then doubles); products are made in doubles; everything else is exact, whatever the order.
 */
import { areIntColumns, extremesOfColumns, intColumns, productsOfColumns, SHORT, shortRows } from './columns';
import { ReduceCode, ReduceField } from './layout';
import { madd } from './math/vector';
import { int, pointer, real, scratch } from './memory';
import { productOfRow } from './product';
import { loadPart, storePart, sum, sumOfSquares } from './sums';

export function reduce(record: usize, begin: i32, end: i32): void {
  const op = int(record, ReduceField.op);
  const length = int(record, ReduceField.count);
  const inner = int(record, ReduceField.inner);
  const chunk = int(record, ReduceField.chunk);
  const chunks = int(record, ReduceField.chunks);
  const group = int(record, ReduceField.columnGroup);
  const groups = int(record, ReduceField.columnGroups);
  const scale = <f64>real(record, ReduceField.scale);
  const floatInput = int(record, ReduceField.floatInput) != 0;
  const floatOut = int(record, ReduceField.floatOut) != 0;
  const adds = op == ReduceCode.sum || op == ReduceCode.sumOfSquares;
  const extremes = op == ReduceCode.max || op == ReduceCode.min;
  const places = op == ReduceCode.argmax || op == ReduceCode.argmin;
  const largest = op == ReduceCode.max || op == ReduceCode.argmax;
  const stride = <usize>inner << 2;
  const isTruth = op == ReduceCode.any || op == ReduceCode.all;
  // An item is a row.
  if (floatInput && floatOut != places && !isTruth && op != ReduceCode.sumOfSquares && inner == 1 && chunks == 1 && length <= SHORT) {
    const input = pointer(record, ReduceField.input) + <usize>begin * (<usize>length << 2);
    shortRows(pointer(record, ReduceField.out) + (<usize>begin << 2), input, end - begin, length, op, scale);
    return;
  }
  for (let item = begin; item < end; item++) {
    const line = item / groups;
    const first = (item - line * groups) * group;
    const outer = line / chunks;
    const row = (line - outer * chunks) * chunk;
    const count = min(chunk, length - row);
    const columns = min(group, inner - first);
    const input = pointer(record, ReduceField.input) + ((<usize>outer * <usize>length + <usize>row) * stride) + (<usize>first << 2);
    const out = pointer(record, ReduceField.out) + <usize>line * stride + (<usize>first << 2);
    if (floatInput && adds && inner == 1) {
      const total = op == ReduceCode.sum ? sum(input, count) : sumOfSquares(input, count, 0);
      storeNumber(out, total * scale, floatOut);
    } else if (floatInput && adds) {
      sumColumns(out, input, count, inner, columns, op == ReduceCode.sumOfSquares, scale, floatOut);
    } else if (floatInput && extremes && inner == 1) {
      store<f32>(out, extremeOfRow(input, count, largest));
    } else if (floatInput && places && inner == 1) {
      store<i32>(out, placeInRow(input, count, largest));
    } else if (floatInput && (extremes || places)) {
      extremesOfColumns(out, input, count, stride, columns, largest, places);
    } else if (floatInput && op == ReduceCode.prod && floatOut) {
      if (inner == 1) store<f32>(out, <f32>productOfRow(input, count));
      else productsOfColumns(out, input, count, stride, columns);
    } else if (floatInput && inner == 1 && isTruth) {
      store<i32>(out, <i32>truthOfFloats(input, count, op == ReduceCode.any));
    } else if (!floatInput && inner > 1 && areIntColumns(op) && !floatOut && scale == 1) {
      intColumns(out, input, count, stride, columns, op);
    } else if (!floatInput && inner == 1 && (extremes || isTruth)) {
      if (extremes) store<i32>(out, extremeOfInts(input, count, largest));
      else store<i32>(out, <i32>truthOfInts(input, count, op == ReduceCode.any));
    } else if (!floatInput && inner == 1 && op == ReduceCode.sum && !floatOut && scale == 1) {
      store<i32>(out, sumOfInts(input, count));
    } else {
      for (let column = 0; column < columns; column++) {
        const offset = <usize>column << 2;
        if (floatInput) reduceFloats(out + offset, input + offset, count, stride, op, floatOut);
        else reduceInts(out + offset, input + offset, count, stride, op, scale, floatOut);
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

/** The nearer of the two to the extreme; NaN counts as neither, and is looked for apart. */
// @ts-ignore: decorator
@inline
function nearer(best: v128, x: v128, largest: bool): v128 {
  return largest ? f32x4.pmax(best, x) : f32x4.pmin(best, x);
}

// @ts-ignore: decorator
@inline
function rowExtreme(input: usize, count: i32, largest: bool): f32 {
  const end = input + (<usize>count << 2);
  const start = f32x4.splat(largest ? -Infinity : Infinity);
  let m0 = start;
  let m1 = start;
  let m2 = start;
  let m3 = start;
  let strange = i32x4.splat(0);
  while (input + 64 <= end) {
    const x0 = v128.load(input);
    const x1 = v128.load(input, 16);
    const x2 = v128.load(input, 32);
    const x3 = v128.load(input, 48);
    m0 = nearer(m0, x0, largest);
    m1 = nearer(m1, x1, largest);
    m2 = nearer(m2, x2, largest);
    m3 = nearer(m3, x3, largest);
    // A sum is NaN if a term is; that of two opposite infinities is too, and is looked at again below.
    const sum = f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3));
    strange = v128.or(strange, f32x4.ne(sum, sum));
    input += 64;
  }
  while (input < end) {
    const rest = <i32>((end - input) >> 2);
    const x = loadPart(input, min(rest, 4), start);
    m0 = nearer(m0, x, largest);
    strange = v128.or(strange, f32x4.ne(x, x));
    input += 16;
  }
  if (v128.any_true(strange) && hasNaN(end - (<usize>count << 2), count)) return NaN;
  const m = nearer(nearer(m0, m1, largest), nearer(m2, m3, largest), largest);
  const pairs = nearer(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1), largest);
  return f32x4.extract_lane(nearer(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2), largest), 0);
}

function extremeOfRow(input: usize, count: i32, largest: bool): f32 {
  return largest ? rowExtreme(input, count, true) : rowExtreme(input, count, false);
}

function hasNaN(input: usize, count: i32): bool {
  return firstEqual(input, count, NaN) < count;
}

/** The first place of a value, NaN included; `count` where there is none. */
function firstEqual(input: usize, count: i32, value: f32): i32 {
  const wanted = f32x4.splat(value);
  const forNaN = value != value;
  for (let place = 0; place < count; place += 4) {
    const x = v128.load(input + (<usize>place << 2));
    const found = i32x4.bitmask(forNaN ? f32x4.ne(x, x) : f32x4.eq(x, wanted));
    if (found != 0) return min(place + ctz(found), count);
  }
  return count;
}

/** The first index of the largest or smallest, or of the first NaN. */
function placeInRow(input: usize, count: i32, largest: bool): i32 {
  return firstEqual(input, count, extremeOfRow(input, count, largest));
}

/** Products and truth of floats at a stride, one by one. */
function reduceFloats(out: usize, input: usize, count: i32, stride: usize, op: i32, floatOut: bool): void {
  let truth = op == ReduceCode.all;
  let product: f64 = 1;
  for (let i = 0; i < count; i++) {
    const x = load<f32>(input);
    input += stride;
    if (op == ReduceCode.prod) product *= <f64>x;
    else if (op == ReduceCode.any) truth = truth || x != 0;
    else truth = truth && x != 0;
  }
  if (op == ReduceCode.prod) storeNumber(out, product, floatOut);
  else store<i32>(out, <i32>truth);
}

/** Whether any (or all) of a row are not 0; NaN is not. */
function truthOfFloats(input: usize, count: i32, any: bool): bool {
  const end = input + (<usize>count << 2);
  for (; input + 16 <= end; input += 16) {
    const truth = f32x4.ne(v128.load(input), f32x4.splat(0));
    if (any ? v128.any_true(truth) : !i32x4.all_true(truth)) return any;
  }
  for (; input < end; input += 4) if ((load<f32>(input) != 0) == any) return any;
  return !any;
}

/** The sum of a row of integers modulo 2^32: the order does not matter. */
function sumOfInts(input: usize, count: i32): i32 {
  const end = input + (<usize>count << 2);
  let sums = i32x4.splat(0);
  for (; input + 16 <= end; input += 16) sums = i32x4.add(sums, v128.load(input));
  let total = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
  total += i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  for (; input < end; input += 4) total += load<i32>(input);
  return total;
}

function extremeOfInts(input: usize, count: i32, largest: bool): i32 {
  const end = input + (<usize>count << 2);
  let best: i32 = largest ? i32.MIN_VALUE : i32.MAX_VALUE;
  let four = i32x4.splat(best);
  for (; input + 16 <= end; input += 16) {
    const x = v128.load(input);
    four = largest ? i32x4.max_s(four, x) : i32x4.min_s(four, x);
  }
  const rest = scratch();
  v128.store(rest, four);
  for (let lane: usize = 0; lane < 16; lane += 4) {
    const x = load<i32>(rest + lane);
    if (largest ? x > best : x < best) best = x;
  }
  for (; input < end; input += 4) {
    const x = load<i32>(input);
    if (largest ? x > best : x < best) best = x;
  }
  return best;
}

/** Whether any (or all) of a row are not 0: ends at the first four that decide. */
function truthOfInts(input: usize, count: i32, any: bool): bool {
  const end = input + (<usize>count << 2);
  for (; input + 16 <= end; input += 16) {
    const x = v128.load(input);
    if (any ? v128.any_true(x) : !i32x4.all_true(x)) return any;
  }
  for (; input < end; input += 4) if ((load<i32>(input) != 0) == any) return any;
  return !any;
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
