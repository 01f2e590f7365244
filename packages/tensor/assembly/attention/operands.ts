/** Where the matrices of an attention lie, and the block products that its kernels are made of: all on padded copies, without edges. */
import { tiles } from '../gemm/tile';
import { AttentionField, AttentionOperand } from '../layout';
import { int, pointer } from '../memory';

// @ts-ignore: decorator
@inline
function operand(record: usize, slot: i32): usize {
  const words = AttentionOperand.batchStrides + int(record, AttentionField.batchRank);
  return pointer(record, AttentionField.operands) + (<usize>(slot * words) << 2);
}

/** The address of one matrix of an operand; 0 where it is absent. */
export function matrixOf(record: usize, slot: i32, matrix: i32): usize {
  const own = operand(record, slot);
  let address = pointer(own, AttentionOperand.address);
  if (address == 0) return 0;
  const sizes = pointer(record, AttentionField.batchSizes);
  let rest = matrix;
  for (let d = int(record, AttentionField.batchRank) - 1; d >= 0; d--) {
    const size = int(sizes, d);
    const outer = rest / size;
    address += <usize>(rest - outer * size) * pointer(own, AttentionOperand.batchStrides + d);
    rest = outer;
  }
  return address;
}

export function rowStrideOf(record: usize, slot: i32): usize {
  return pointer(operand(record, slot), AttentionOperand.rowStride);
}

export function columnStrideOf(record: usize, slot: i32): usize {
  return pointer(operand(record, slot), AttentionOperand.columnStride);
}

/** target = factor * source, a row. */
export function scaledCopy(target: usize, source: usize, count: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  const end = target + (<usize>count << 2);
  while (target + 16 <= end) {
    v128.store(target, f32x4.mul(v128.load(source), f));
    target += 16;
    source += 16;
  }
  while (target < end) {
    store<f32>(target, load<f32>(source) * factor);
    target += 4;
    source += 4;
  }
}

/** Copies rows, times a factor, to be dense, and fills up to whole strips of four with zeros. */
export function copyRows(target: usize, source: usize, rowStride: usize, rows: i32, columns: i32, factor: f32): void {
  const rowBytes = <usize>columns << 2;
  for (let row = 0; row < rows; row++) {
    scaledCopy(target, source, columns, factor);
    target += rowBytes;
    source += rowStride;
  }
  const rest = ((rows + 3) & ~3) - rows;
  if (rest > 0) memory.fill(target, 0, <usize>rest * rowBytes);
}

/** out = a @ b (or that added) for whole strips of a and whole panels of b. */
export function product(
  strips: i32,
  panels: i32,
  depth: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  panelBytes: usize,
  out: usize,
  outRow: usize,
  more: bool,
): void {
  for (let panel = 0; panel < panels; panel++) {
    tiles(strips, depth, a, aRow, aStep, b, out, outRow, more);
    b += panelBytes;
    out += 32;
  }
}
