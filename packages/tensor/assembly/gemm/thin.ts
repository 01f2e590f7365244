/**
 * Products with few rows, which read every element of b once or twice and so gain nothing from packing it. Where b is dense along
 * its columns, each block of four of its rows is added, weighted, to the rows of the output; where it is dense along k, every
 * output is a dot product, four columns by two rows at a time. A product with few columns is the same with its operands
 * exchanged, so the output has strides. Item: (matrix, column group).
 */
import { ActivationCode, ThinField } from '../layout';
import { int, pointer, real, scratch } from '../memory';
import { denseRows, dotColumns } from './dots';
import { epilogue } from './epilogue';
import { addColumns } from './rows';

export function matmulThin(record: usize, begin: i32, end: i32): void {
  const m = int(record, ThinField.m);
  const n = int(record, ThinField.n);
  const k = int(record, ThinField.k);
  const outRow = pointer(record, ThinField.outRowStride);
  const outColumn = pointer(record, ThinField.outColumnStride);
  const alpha = real(record, ThinField.alpha);
  const bRow = pointer(record, ThinField.bRowStride);
  const bColumn = pointer(record, ThinField.bColumnStride);
  const biases = pointer(record, ThinField.bias);
  const residuals = pointer(record, ThinField.residual);
  const activation = int(record, ThinField.activation);
  const columnGroup = int(record, ThinField.columnGroup);
  const columnGroups = int(record, ThinField.columnGroups);
  const dots = int(record, ThinField.dots);
  const exchanged = int(record, ThinField.exchanged);
  const batchRank = int(record, ThinField.batchRank);
  const batchSizes = pointer(record, ThinField.batchSizes);
  const aBatchStrides = pointer(record, ThinField.aBatchStrides);
  const bBatchStrides = pointer(record, ThinField.bBatchStrides);
  const hasEpilogue = biases != 0 || residuals != 0 || activation != ActivationCode.none;
  const spare = scratch();
  const copies = spare + 64;

  for (let item = begin; item < end; item++) {
    const matrix = item / columnGroups;
    const firstColumn = (item - matrix * columnGroups) * columnGroup;
    const columns = min(columnGroup, n - firstColumn);
    let a = pointer(record, ThinField.a);
    let b = pointer(record, ThinField.b) + <usize>firstColumn * bColumn;
    let rest = matrix;
    for (let d = batchRank - 1; d >= 0; d--) {
      const size = int(batchSizes, d);
      const outer = rest / size;
      a += <usize>(rest - outer * size) * pointer(aBatchStrides, d);
      b += <usize>(rest - outer * size) * pointer(bBatchStrides, d);
      rest = outer;
    }
    const place = <usize>matrix * <usize>m * <usize>n * 4 + <usize>firstColumn * outColumn;
    const out = pointer(record, ThinField.out) + place;
    let aRow = pointer(record, ThinField.aRowStride);
    const aColumn = pointer(record, ThinField.aColumnStride);
    if (!dots) {
      addColumns(out, outRow, m, columns, k, a, aRow, aColumn, b, bRow, alpha);
    } else {
      if (aColumn != 4 && k > 1) {
        denseRows(copies, a, m, k, aRow, aColumn);
        a = copies;
        aRow = <usize>k << 2;
      }
      dotColumns(out, outRow, outColumn, m, columns, k, a, aRow, b, bColumn, alpha, spare);
    }
    if (!hasEpilogue) continue;
    if (outColumn == 4 && (biases == 0 || !exchanged)) {
      for (let row = 0; row < m; row++) {
        const bias = biases == 0 ? <usize>0 : biases + (<usize>firstColumn << 2);
        const residual = residuals == 0 ? <usize>0 : residuals + place + <usize>row * outRow;
        epilogue(out + <usize>row * outRow, 1, bias, residual, activation, columns);
      }
    } else {
      // Exchanged operands: the columns here are rows of the output.
      for (let column = 0; column < columns; column++) {
        const offset = <usize>column * outColumn;
        epilogue(out + offset, 1, biases, residuals == 0 ? <usize>0 : residuals + place + offset, activation, m);
      }
    }
  }
}
