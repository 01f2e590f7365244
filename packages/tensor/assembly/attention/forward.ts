/**
 * Scaled dot-product attention in blocks, as FlashAttention (Dao 2022): for each block of queries, blocks of keys go by, and scores
 * exist for one pair of blocks at a time, in scratch memory. The running maximum and sum of a row correct what was summed before.
 * Keys are packed once for a matrix where they fit, else once for a block of queries. Few queries read keys and values where they lie.
 */
import { dotColumns } from '../gemm/dots';
import { packB } from '../gemm/pack';
import { addColumns } from '../gemm/rows';
import { AttentionBlock, AttentionField, AttentionSlot } from '../layout';
import { int, pointer, real, scratch } from '../memory';
import { addRow } from '../sums';
import { columnStrideOf, copyRows, matrixOf, product, rowStrideOf, scaledCopy } from './operands';
import { advanceRow, clear, dropoutFactors, maskRow, multiplyRow, scaleRow } from './scores';

/** Rows that are cut off together where the causal diagonal crosses a block. */
const DIAGONAL_ROWS: i32 = 16;

/** Starts the running maxima (floats) and sums (doubles) of some rows. */
function start(maxima: usize, totals: usize, rows: i32): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    store<f32>(maxima + (row << 2), -Infinity);
    store<f64>(totals + (row << 3), 0);
  }
}

/** Divides a row of sums by its weights' sum, and stores that sum's binary logarithm. */
function finish(out: usize, sums: usize, count: i32, maximum: f32, total: f64, logSumExp: usize): void {
  if (total == 0) memory.fill(out, 0, <usize>count << 2);
  else scaledCopy(out, sums, count, <f32>(1 / total));
  if (logSumExp != 0) store<f32>(logSumExp, total == 0 ? Infinity : <f32>(<f64>maximum + NativeMath.log2(total)));
}

/** Drops weights of a row, the first of which stands for key `firstKey`. */
function drop(record: usize, row: usize, count: i32, line: i32, firstKey: i32, spare: usize): void {
  const index = <u32>line * <u32>int(record, AttentionField.keys) + <u32>firstKey;
  const factors = dropoutFactors(
    spare,
    index,
    count,
    real(record, AttentionField.dropoutP),
    real(record, AttentionField.dropoutScale),
    int(record, AttentionField.seedLow),
    int(record, AttentionField.seedHigh),
    int(record, AttentionField.dropoutOffset),
  );
  multiplyRow(row, factors, count);
}

export function attention(record: usize, begin: i32, end: i32): void {
  const queries = int(record, AttentionField.queries);
  const keys = int(record, AttentionField.keys);
  const width = int(record, AttentionField.width);
  const valueWidth = int(record, AttentionField.valueWidth);
  const scale = real(record, AttentionField.scoreScale);
  const isCausal = int(record, AttentionField.isCausal) != 0;
  const queryBlock = int(record, AttentionField.queryBlock);
  const queryBlocks = int(record, AttentionField.queryBlocks);
  const packWhole = int(record, AttentionField.packWhole) != 0;
  const maskKind = int(record, AttentionField.maskKind);
  const hasDropout = int(record, AttentionField.hasDropout) != 0;
  const logSumExps = pointer(record, AttentionField.logSumExp);
  const queryRow = rowStrideOf(record, AttentionSlot.query);
  const keyRow = rowStrideOf(record, AttentionSlot.key);
  const valueRow = rowStrideOf(record, AttentionSlot.value);
  const maskRowStride = rowStrideOf(record, AttentionSlot.mask);
  const maskStep = columnStrideOf(record, AttentionSlot.mask);
  const outRow = rowStrideOf(record, AttentionSlot.output);
  const valuePanels = (valueWidth + 7) >> 3;
  const sumRow = <usize>valuePanels << 5;
  const copyRow = <usize>width << 2;
  const scoreRow = <usize>AttentionBlock.forward << 2;

  const maxima = scratch();
  const totals = maxima + (<usize>queryBlock << 2);
  const spare = totals + (<usize>queryBlock << 3);
  const copy = spare + scoreRow + 128;
  const sums = copy + <usize>queryBlock * copyRow;
  const scores = sums + <usize>queryBlock * sumRow;
  const packed = scores + <usize>queryBlock * scoreRow;
  const keysHeld = packWhole ? (keys + 7) & ~7 : AttentionBlock.forward;
  const packedValues = packed + <usize>keysHeld * copyRow;
  let packedMatrix = -1;
  let packedKeys = 0;

  for (let item = begin; item < end; item++) {
    const matrix = item / queryBlocks;
    const first = (item - matrix * queryBlocks) * queryBlock;
    const rows = min(queryBlock, queries - first);
    const key = matrixOf(record, AttentionSlot.key, matrix);
    const value = matrixOf(record, AttentionSlot.value, matrix);
    const mask = matrixOf(record, AttentionSlot.mask, matrix);
    const query = matrixOf(record, AttentionSlot.query, matrix);
    copyRows(copy, query + <usize>first * queryRow, queryRow, rows, width, scale);
    start(maxima, totals, rows);
    if (!packWhole || packedMatrix != matrix) {
      packedMatrix = matrix;
      packedKeys = 0;
    }

    const seen = isCausal ? min(keys, first + rows) : keys;
    for (let k0 = 0; k0 < seen; k0 += AttentionBlock.forward) {
      const held = min(AttentionBlock.forward, keys - k0);
      const place = packWhole ? <usize>k0 : <usize>0;
      const keyPanels = packed + place * copyRow;
      const valuePanel = packedValues + place * sumRow;
      if (!packWhole || k0 >= packedKeys) {
        packB(keyPanels, key + <usize>k0 * keyRow, 4, keyRow, width, held);
        packB(valuePanel, value + <usize>k0 * valueRow, valueRow, 4, held, valueWidth);
        packedKeys = k0 + held;
      }
      const isDiagonal = isCausal && k0 + held - 1 > first;
      const group = isDiagonal ? DIAGONAL_ROWS : rows;
      for (let row = 0; row < rows; row += group) {
        const height = min(group, rows - row);
        const strips = (height + 3) >> 2;
        const depth = isDiagonal ? min(held, first + row + height - k0) : held;
        if (depth <= 0) continue;
        const block = scores + <usize>row * scoreRow;
        const from = copy + <usize>row * copyRow;
        product(strips, (depth + 7) >> 3, width, from, copyRow, 4, keyPanels, copyRow << 3, block, scoreRow, false);
        for (let r = row; r < row + height; r++) {
          const line = scores + <usize>r * scoreRow;
          const count = isDiagonal ? max(0, min(depth, first + r - k0 + 1)) : depth;
          if (maskKind != 0) {
            maskRow(line, count, maskKind, mask + <usize>(first + r) * maskRowStride + <usize>k0 * maskStep, maskStep);
          }
          const factor = advanceRow(line, count, maxima + (<usize>r << 2), totals + (<usize>r << 3));
          if (factor != 1 && k0 > 0) scaleRow(sums + <usize>r * sumRow, valuePanels << 3, factor);
          if (hasDropout) drop(record, line, count, matrix * queries + first + r, k0, spare);
          clear(line, count, depth);
        }
        const to = sums + <usize>row * sumRow;
        product(strips, valuePanels, depth, block, scoreRow, 4, valuePanel, <usize>held << 5, to, sumRow, k0 > 0);
      }
    }

    const out = matrixOf(record, AttentionSlot.output, matrix) + <usize>first * outRow;
    for (let r = 0; r < rows; r++) {
      const line = matrix * queries + first + r;
      finish(
        out + <usize>r * outRow,
        sums + <usize>r * sumRow,
        valueWidth,
        load<f32>(maxima + (<usize>r << 2)),
        load<f64>(totals + (<usize>r << 3)),
        logSumExps == 0 ? <usize>0 : logSumExps + (<usize>line << 2),
      );
    }
  }
}

/** For few queries, as in decoding: keys and values are read once, in place. Item: a matrix. */
export function attentionThin(record: usize, begin: i32, end: i32): void {
  const queries = int(record, AttentionField.queries);
  const keys = int(record, AttentionField.keys);
  const width = int(record, AttentionField.width);
  const valueWidth = int(record, AttentionField.valueWidth);
  const scale = real(record, AttentionField.scoreScale);
  const isCausal = int(record, AttentionField.isCausal) != 0;
  const maskKind = int(record, AttentionField.maskKind);
  const hasDropout = int(record, AttentionField.hasDropout) != 0;
  const logSumExps = pointer(record, AttentionField.logSumExp);
  const queryRow = rowStrideOf(record, AttentionSlot.query);
  const keyRow = rowStrideOf(record, AttentionSlot.key);
  const valueRow = rowStrideOf(record, AttentionSlot.value);
  const maskRowStride = rowStrideOf(record, AttentionSlot.mask);
  const maskStep = columnStrideOf(record, AttentionSlot.mask);
  const outRow = rowStrideOf(record, AttentionSlot.output);
  const scoreRow = <usize>AttentionBlock.thin << 2;
  const valuePadded = (valueWidth + 7) & ~7;
  const sumRow = <usize>valuePadded << 2;

  const dots = scratch();
  const maxima = dots + 64;
  const totals = maxima + 64;
  const spare = totals + 128;
  const scores = spare + scoreRow + 128;
  const sums = scores + <usize>queries * scoreRow;
  const added = sums + <usize>queries * sumRow;

  for (let matrix = begin; matrix < end; matrix++) {
    const query = matrixOf(record, AttentionSlot.query, matrix);
    const key = matrixOf(record, AttentionSlot.key, matrix);
    const value = matrixOf(record, AttentionSlot.value, matrix);
    const mask = matrixOf(record, AttentionSlot.mask, matrix);
    start(maxima, totals, queries);
    memory.fill(sums, 0, <usize>queries * sumRow);
    const seen = isCausal ? min(keys, queries) : keys;
    for (let k0 = 0; k0 < seen; k0 += AttentionBlock.thin) {
      const held = min(AttentionBlock.thin, seen - k0);
      dotColumns(scores, scoreRow, 4, queries, held, width, query, queryRow, key + <usize>k0 * keyRow, keyRow, scale, dots);
      for (let r = 0; r < queries; r++) {
        const line = scores + <usize>r * scoreRow;
        const count = isCausal ? max(0, min(held, r - k0 + 1)) : held;
        if (maskKind != 0) maskRow(line, count, maskKind, mask + <usize>r * maskRowStride + <usize>k0 * maskStep, maskStep);
        const factor = advanceRow(line, count, maxima + (<usize>r << 2), totals + (<usize>r << 3));
        if (factor != 1) scaleRow(sums + <usize>r * sumRow, valuePadded, factor);
        if (hasDropout) drop(record, line, count, matrix * queries + r, k0, spare);
        clear(line, count, held);
      }
      addColumns(added, sumRow, queries, valueWidth, held, scores, scoreRow, 4, value + <usize>k0 * valueRow, valueRow, 1);
      for (let r = 0; r < queries; r++) addRow(sums + <usize>r * sumRow, added + <usize>r * sumRow, valueWidth);
    }
    const out = matrixOf(record, AttentionSlot.output, matrix);
    for (let r = 0; r < queries; r++) {
      finish(
        out + <usize>r * outRow,
        sums + <usize>r * sumRow,
        valueWidth,
        load<f32>(maxima + (<usize>r << 2)),
        load<f64>(totals + (<usize>r << 3)),
        logSumExps == 0 ? <usize>0 : logSumExps + (<usize>(matrix * queries + r) << 2),
      );
    }
  }
}
