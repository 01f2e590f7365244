/** Products with few rows where b is dense along its columns: its rows, weighted, are added to those of the output, four at a time. */
import { madd } from '../math/vector';

/** out += Σ x[i] b[i], four rows of b. */
function addRows4(out: usize, count: i32, b: usize, bRow: usize, x0: f32, x1: f32, x2: f32, x3: f32): void {
  const end = out + (<usize>count << 2);
  const v0 = f32x4.splat(x0);
  const v1 = f32x4.splat(x1);
  const v2 = f32x4.splat(x2);
  const v3 = f32x4.splat(x3);
  let b1 = b + bRow;
  let b2 = b1 + bRow;
  let b3 = b2 + bRow;
  while (out + 16 <= end) {
    let sum = madd(v0, v128.load(b), v128.load(out));
    sum = madd(v1, v128.load(b1), sum);
    sum = madd(v2, v128.load(b2), sum);
    v128.store(out, madd(v3, v128.load(b3), sum));
    out += 16;
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  while (out < end) {
    store<f32>(out, load<f32>(out) + x0 * load<f32>(b) + x1 * load<f32>(b1) + x2 * load<f32>(b2) + x3 * load<f32>(b3));
    out += 4;
    b += 4;
    b1 += 4;
    b2 += 4;
    b3 += 4;
  }
}

/** out += x b, one row. */
function addRow(out: usize, count: i32, b: usize, x: f32): void {
  const end = out + (<usize>count << 2);
  const v = f32x4.splat(x);
  while (out + 16 <= end) {
    v128.store(out, madd(v, v128.load(b), v128.load(out)));
    out += 16;
    b += 16;
  }
  while (out < end) {
    store<f32>(out, load<f32>(out) + x * load<f32>(b));
    out += 4;
    b += 4;
  }
}

/** The sums over k of all rows of a, for some columns. */
export function addColumns(
  out: usize,
  outRow: usize,
  m: i32,
  columns: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  alpha: f32,
): void {
  for (let row = 0; row < m; row++) memory.fill(out + <usize>row * outRow, 0, <usize>columns << 2);
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    let from = a;
    let to = out;
    for (let row = 0; row < m; row++) {
      const x0 = load<f32>(from) * alpha;
      const x1 = load<f32>(from + aColumn) * alpha;
      const x2 = load<f32>(from + 2 * aColumn) * alpha;
      const x3 = load<f32>(from + 3 * aColumn) * alpha;
      addRows4(to, columns, b, bRow, x0, x1, x2, x3);
      from += aRow;
      to += outRow;
    }
    a += 4 * aColumn;
    b += 4 * bRow;
  }
  for (; i < k; i++) {
    let from = a;
    let to = out;
    for (let row = 0; row < m; row++) {
      addRow(to, columns, b, load<f32>(from) * alpha);
      from += aRow;
      to += outRow;
    }
    a += aColumn;
    b += bRow;
  }
}
