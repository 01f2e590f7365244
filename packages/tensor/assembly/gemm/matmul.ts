/**
 * Matrix products in blocks. An item is a group of columns and a group of rows of one product. For each block of k it copies its
 * part of b into panels in scratch memory (which stay in L2, each in turn in L1), and runs down the rows of a in strips. The order
 * of additions depends on k alone.
 */
import { ActivationCode, MatmulField } from '../layout';
import { int, pointer, real, scratch } from '../memory';
import { epilogue } from './epilogue';
import { prepareFollowing, runFollowing } from './following';
import { packA, packB, packedRowBytes } from './pack';
import { COLUMNS, edgeTile, PANEL_ROW_BYTES, ROWS, tiles } from './tile';

/** Rows of a that are taken through all panels before the next. */
const ROW_BLOCK: i32 = 64;

export function matmul(record: usize, begin: i32, end: i32): void {
  const m = int(record, MatmulField.m);
  const n = int(record, MatmulField.n);
  const k = int(record, MatmulField.k);
  const aRow = pointer(record, MatmulField.aRowStride);
  const aColumn = pointer(record, MatmulField.aColumnStride);
  const bRow = pointer(record, MatmulField.bRowStride);
  const bColumn = pointer(record, MatmulField.bColumnStride);
  const alpha = real(record, MatmulField.alpha);
  const biases = pointer(record, MatmulField.bias);
  const residuals = pointer(record, MatmulField.residual);
  const activation = int(record, MatmulField.activation);
  const rowGroup = int(record, MatmulField.rowGroup);
  const columnGroup = int(record, MatmulField.columnGroup);
  const rowGroups = int(record, MatmulField.rowGroups);
  const columnGroups = int(record, MatmulField.columnGroups);
  const depth = int(record, MatmulField.depth);
  const packed = pointer(record, MatmulField.packed);
  const batchRank = int(record, MatmulField.batchRank);
  const batchSizes = pointer(record, MatmulField.batchSizes);
  const aBatchStrides = pointer(record, MatmulField.aBatchStrides);
  const bBatchStrides = pointer(record, MatmulField.bBatchStrides);
  const outRow = <usize>n << 2;
  const hasEpilogue = alpha != 1 || biases != 0 || residuals != 0 || activation != ActivationCode.none;

  const spare = scratch();
  const following = pointer(record, MatmulField.following);
  const slots = spare + 128;
  const copies = slots + pointer(record, MatmulField.followingBytes);
  if (following != 0) prepareFollowing(following, slots);
  const packedA = packed == 0 ? copies + <usize>depth * <usize>columnGroup * 4 : copies;
  let packedSource: usize = 0;
  let packedColumn = -1;

  for (let item = begin; item < end; item++) {
    const block = item / rowGroups;
    const firstRow = (item - block * rowGroups) * rowGroup;
    const matrix = block / columnGroups;
    const firstColumn = (block - matrix * columnGroups) * columnGroup;
    const rows = min(rowGroup, m - firstRow);
    const columns = min(columnGroup, n - firstColumn);
    let a = pointer(record, MatmulField.a) + <usize>firstRow * aRow;
    let b = pointer(record, MatmulField.b) + <usize>firstColumn * bColumn;
    let index = matrix;
    for (let d = batchRank - 1; d >= 0; d--) {
      const size = int(batchSizes, d);
      const outer = index / size;
      a += <usize>(index - outer * size) * pointer(aBatchStrides, d);
      b += <usize>(index - outer * size) * pointer(bBatchStrides, d);
      index = outer;
    }
    const place = (<usize>matrix * <usize>m + <usize>firstRow) * outRow + (<usize>firstColumn << 2);
    const out = pointer(record, MatmulField.out) + place;

    for (let k0 = 0; k0 < k; k0 += depth) {
      const length = min(depth, k - k0);
      let panels = copies;
      // Row groups follow each other on the same columns: they find b packed, if k is one block.
      if (packed != 0) {
        panels = packed + <usize>k0 * packedRowBytes(n) + <usize>firstColumn * <usize>length * 4;
      } else if (depth < k || packedSource != b || packedColumn != firstColumn) {
        packB(copies, b + <usize>k0 * bRow, bRow, bColumn, length, columns);
        packedSource = b;
        packedColumn = firstColumn;
      }
      for (let row = 0; row < rows; row += ROW_BLOCK) {
        const height = min(ROW_BLOCK, rows - row);
        let source = a + <usize>row * aRow + <usize>k0 * aColumn;
        let stripRow = aRow;
        let stripStep = aColumn;
        const strips = height / ROWS;
        const rest = height - strips * ROWS;
        if (aRow == 4 && aColumn != 4) {
          packA(packedA, source, aRow, aColumn, height, length, (height + 3) & ~3);
          source = packedA;
          stripRow = <usize>length << 2;
          stripStep = 4;
        }
        // The last rows, where they are not a whole strip: filled up with zeros.
        let last = source + <usize>strips * 4 * stripRow;
        const lastRow = <usize>length << 2;
        if (rest > 0 && source != packedA) {
          packA(packedA, last, aRow, aColumn, rest, length, ROWS);
          last = packedA;
        }
        const target = out + <usize>row * outRow;
        const more = k0 > 0;
        let panel = panels;
        for (let column = 0; column < columns; column += COLUMNS) {
          const width = min(COLUMNS, columns - column);
          let to = target + (<usize>column << 2);
          if (width == COLUMNS) {
            tiles(strips, length, source, stripRow, stripStep, panel, to, outRow, more);
            to += <usize>strips * 4 * outRow;
          } else {
            let from = source;
            for (let s = 0; s < strips; s++) {
              edgeTile(length, from, stripRow, stripStep, panel, to, outRow, more, ROWS, width, spare);
              from += 4 * stripRow;
              to += 4 * outRow;
            }
          }
          if (rest > 0) edgeTile(length, last, lastRow, 4, panel, to, outRow, more, rest, width, spare);
          panel += <usize>length * PANEL_ROW_BYTES;
        }
      }
    }

    for (let row = 0; row < rows; row++) {
      const offset = <usize>row * outRow;
      if (k == 0) memory.fill(out + offset, 0, <usize>columns << 2);
      if (!hasEpilogue) continue;
      const bias = biases == 0 ? <usize>0 : biases + (<usize>firstColumn << 2);
      const residual = residuals == 0 ? <usize>0 : residuals + place + offset;
      epilogue(out + offset, alpha, bias, residual, activation, columns);
    }
    if (following != 0) runFollowing(following, slots, place >> 2, firstColumn, rows, columns, n);
  }
}
