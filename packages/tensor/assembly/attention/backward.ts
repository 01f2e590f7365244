/**
 * The gradients of attention, block by block: the weights of a pair of blocks are computed again from scores and the row's
 * logarithm of its sum. With P the weights, dP = grad @ valueᵀ and D the dot product of a row of grad and output: dS = scale P (dP - D),
 * dQ = dS K, dK = dSᵀ Q, dV = Pᵀ grad. Where matrices are many, one pass makes all; where they are few, one makes
 * dQ by blocks of queries and another dK and dV by blocks of keys. No two items write to the same place.
 */
import { packB } from '../gemm/pack';
import { AttentionField, AttentionPass, AttentionSlot } from '../layout';
import { exp2NonPositive } from '../math/exp';
import { copyWords, int, pointer, real, scratch } from '../memory';
import { addRow, dot } from '../sums';
import { columnStrideOf, copyRows, matrixOf, product, rowStrideOf } from './operands';
import { clear, dropoutFactors, maskRow } from './scores';

/** Rows, or keys, that are cut off together in a block that the causal diagonal crosses: from corner to corner, since blocks are square. */
const DIAGONAL: i32 = 16;

/** Scores become weights (times what dropout leaves of them), the gradients of weights those of scores. */
function gradientRow(weights: usize, grads: usize, count: i32, logSumExp: f32, inner: f32, scale: f32, factors: usize): void {
  const l = f32x4.splat(logSumExp);
  const d = f32x4.splat(inner);
  const f = f32x4.splat(scale);
  const end = weights + (<usize>count << 2);
  while (weights < end) {
    const p = exp2NonPositive(f32x4.sub(v128.load(weights), l));
    let g = v128.load(grads);
    let kept = p;
    if (factors != 0) {
      const factor = v128.load(factors);
      kept = f32x4.mul(p, factor);
      g = f32x4.mul(g, factor);
      factors += 16;
    }
    const s = f32x4.mul(f32x4.mul(p, f), f32x4.sub(g, d));
    // A row has room for whole vectors; what lies past the count is cleared afterwards.
    v128.store(weights, kept);
    v128.store(grads, s);
    weights += 16;
    grads += 16;
  }
}

/** Writes rows of sums, or adds them to what is there. */
function flush(target: usize, targetRow: usize, source: usize, sourceRow: usize, rows: i32, columns: i32, add: bool): void {
  for (let row = 0; row < rows; row++) {
    if (add) addRow(target, source, columns);
    else copyWords(target, source, columns);
    target += targetRow;
    source += sourceRow;
  }
}

/** sums += scoresᵀ @ packed over a block; where it is diagonal, without the rows before a group of keys, which do not see it. */
function transposed(
  isDiagonal: bool,
  keys: i32,
  rows: i32,
  scores: usize,
  scoreRow: usize,
  packed: usize,
  panels: i32,
  sums: usize,
  sumRow: usize,
): void {
  const group = isDiagonal ? DIAGONAL : keys;
  const seen = isDiagonal ? min(keys, rows) : keys;
  for (let key = 0; key < seen; key += group) {
    const skipped = <usize>(isDiagonal ? key : 0);
    const depth = rows - <i32>skipped;
    const strips = (min(group, seen - key) + 3) >> 2;
    const a = scores + skipped * scoreRow + (<usize>key << 2);
    const b = packed + (skipped << 5);
    product(strips, panels, depth, a, 4, scoreRow, b, <usize>rows << 5, sums + <usize>key * sumRow, sumRow, true);
  }
}

export function attentionBackward(record: usize, begin: i32, end: i32): void {
  const queries = int(record, AttentionField.queries);
  const keys = int(record, AttentionField.keys);
  const width = int(record, AttentionField.width);
  const valueWidth = int(record, AttentionField.valueWidth);
  const scale = real(record, AttentionField.scale);
  const scoreScale = real(record, AttentionField.scoreScale);
  const isCausal = int(record, AttentionField.isCausal) != 0;
  const pass = int(record, AttentionField.pass);
  const maskKind = int(record, AttentionField.maskKind);
  const hasDropout = int(record, AttentionField.hasDropout) != 0;
  const logSumExps = pointer(record, AttentionField.logSumExp);
  const queryRow = rowStrideOf(record, AttentionSlot.query);
  const keyRow = rowStrideOf(record, AttentionSlot.key);
  const valueRow = rowStrideOf(record, AttentionSlot.value);
  const maskRowStride = rowStrideOf(record, AttentionSlot.mask);
  const maskStep = columnStrideOf(record, AttentionSlot.mask);
  const outputRow = rowStrideOf(record, AttentionSlot.output);
  const gradRow = rowStrideOf(record, AttentionSlot.grad);
  const widthPanels = (width + 7) >> 3;
  const valuePanels = (valueWidth + 7) >> 3;
  const widthRow = <usize>widthPanels << 5;
  const valueSumRow = <usize>valuePanels << 5;
  const copyStride = <usize>width << 2;
  const gradCopyRow = <usize>valueWidth << 2;
  const wantsQuery = pass != AttentionPass.keys && matrixOf(record, AttentionSlot.gradQuery, 0) != 0;
  const wantsKey = pass != AttentionPass.queries && matrixOf(record, AttentionSlot.gradKey, 0) != 0;
  const wantsValue = pass != AttentionPass.queries && matrixOf(record, AttentionSlot.gradValue, 0) != 0;
  const needsScores = wantsQuery || wantsKey;

  const blockSize = int(record, AttentionField.block);
  const block = <usize>blockSize;
  // Of a row of scores. Not a power of two: columns are read too, and would share a few sets of the cache.
  const scoreRow = (block << 2) + 64;
  const spare = scratch();
  const scores = spare + (block << 2) + 256;
  const scoreGrads = scores + block * scoreRow;
  const keyPanels = scoreGrads + block * scoreRow;
  const valuePanel = keyPanels + block * copyStride;
  const keyRows = valuePanel + block * gradCopyRow;
  const queryCopy = keyRows + block * widthRow;
  const gradCopy = queryCopy + block * copyStride;
  const queryRows = gradCopy + block * gradCopyRow;
  const gradRows = queryRows + block * widthRow;
  const keySums = gradRows + block * valueSumRow;
  const valueSums = keySums + block * widthRow;
  const querySums = valueSums + block * valueSumRow;

  const queryBlocks = (queries + blockSize - 1) / blockSize;
  const keyBlocks = (keys + blockSize - 1) / blockSize;
  const parts = pass == AttentionPass.all ? 1 : pass == AttentionPass.queries ? queryBlocks : keyBlocks;

  for (let item = begin; item < end; item++) {
    const matrix = item / parts;
    const part = item - matrix * parts;
    const firstQueryBlock = pass == AttentionPass.queries ? part : 0;
    const endQueryBlock = pass == AttentionPass.queries ? part + 1 : queryBlocks;
    const firstKeyBlock = pass == AttentionPass.keys ? part : 0;
    const endKeyBlock =
      pass == AttentionPass.keys ? part + 1 : isCausal && pass == AttentionPass.queries ? min(part + 1, keyBlocks) : keyBlocks;
    const query = matrixOf(record, AttentionSlot.query, matrix);
    const key = matrixOf(record, AttentionSlot.key, matrix);
    const value = matrixOf(record, AttentionSlot.value, matrix);
    const mask = matrixOf(record, AttentionSlot.mask, matrix);
    const output = matrixOf(record, AttentionSlot.output, matrix);
    const grad = matrixOf(record, AttentionSlot.grad, matrix);

    for (let keyBlock = firstKeyBlock; keyBlock < endKeyBlock; keyBlock++) {
      const k0 = keyBlock * blockSize;
      const held = min(blockSize, keys - k0);
      const blockKeys = key + <usize>k0 * keyRow;
      packB(keyPanels, blockKeys, 4, keyRow, width, held);
      if (needsScores) packB(valuePanel, value + <usize>k0 * valueRow, 4, valueRow, valueWidth, held);
      if (wantsQuery) packB(keyRows, blockKeys, keyRow, 4, held, width);
      if (wantsKey) memory.fill(keySums, 0, block * widthRow);
      if (wantsValue) memory.fill(valueSums, 0, block * valueSumRow);

      // Causal: queries before the first key of the block see none of it.
      for (let queryBlock = isCausal ? max(firstQueryBlock, keyBlock) : firstQueryBlock; queryBlock < endQueryBlock; queryBlock++) {
        const first = queryBlock * blockSize;
        const rows = min(blockSize, queries - first);
        const blockQueries = query + <usize>first * queryRow;
        const blockGrads = grad + <usize>first * gradRow;
        copyRows(queryCopy, blockQueries, queryRow, rows, width, scoreScale);
        if (needsScores) copyRows(gradCopy, blockGrads, gradRow, rows, valueWidth, 1);
        const isDiagonal = isCausal && k0 + held - 1 > first;
        const group = isDiagonal ? DIAGONAL : rows;
        for (let row = 0; row < rows; row += group) {
          const height = min(group, rows - row);
          const strips = (height + 3) >> 2;
          const depth = isDiagonal ? min(held, first + row + height - k0) : held;
          if (depth <= 0) continue;
          const panels = (depth + 7) >> 3;
          const weights = scores + <usize>row * scoreRow;
          const grads = scoreGrads + <usize>row * scoreRow;
          const fromQuery = queryCopy + <usize>row * copyStride;
          product(strips, panels, width, fromQuery, copyStride, 4, keyPanels, copyStride << 3, weights, scoreRow, false);
          if (needsScores) {
            const fromGrad = gradCopy + <usize>row * gradCopyRow;
            product(strips, panels, valueWidth, fromGrad, gradCopyRow, 4, valuePanel, gradCopyRow << 3, grads, scoreRow, false);
          }
          for (let r = row; r < row + height; r++) {
            const line = scores + <usize>r * scoreRow;
            const lineGrads = scoreGrads + <usize>r * scoreRow;
            const at = first + r;
            const count = isDiagonal ? max(0, min(depth, at - k0 + 1)) : depth;
            if (maskKind != 0) {
              maskRow(line, count, maskKind, mask + <usize>at * maskRowStride + <usize>k0 * maskStep, maskStep);
            }
            let factors: usize = 0;
            if (hasDropout) {
              factors = dropoutFactors(
                spare,
                <u32>(matrix * queries + at) * <u32>keys + <u32>k0,
                count,
                real(record, AttentionField.dropoutP),
                real(record, AttentionField.dropoutScale),
                int(record, AttentionField.seedLow),
                int(record, AttentionField.seedHigh),
                int(record, AttentionField.dropoutOffset),
              );
            }
            const inner = needsScores
              ? <f32>dot(grad + <usize>at * gradRow, output + <usize>at * outputRow, valueWidth)
              : <f32>0;
            const logSumExp = load<f32>(logSumExps + (<usize>(matrix * queries + at) << 2));
            gradientRow(line, lineGrads, count, logSumExp, inner, scale, factors);
            clear(line, count, (depth + 7) & ~7);
            clear(lineGrads, count, (depth + 7) & ~7);
          }
          if (wantsQuery) {
            product(strips, widthPanels, depth, grads, scoreRow, 4, keyRows, <usize>held << 5, querySums, widthRow, false);
            const targetRow = rowStrideOf(record, AttentionSlot.gradQuery);
            const target = matrixOf(record, AttentionSlot.gradQuery, matrix) + <usize>(first + row) * targetRow;
            // Every query sees the first block of keys, so that one writes and the others add.
            flush(target, targetRow, querySums, widthRow, height, width, keyBlock > 0);
          }
        }
        if (wantsValue) {
          packB(gradRows, blockGrads, gradRow, 4, rows, valueWidth);
          transposed(isDiagonal, held, rows, scores, scoreRow, gradRows, valuePanels, valueSums, valueSumRow);
        }
        if (wantsKey) {
          packB(queryRows, blockQueries, queryRow, 4, rows, width);
          transposed(isDiagonal, held, rows, scoreGrads, scoreRow, queryRows, widthPanels, keySums, widthRow);
        }
      }
      if (wantsKey) {
        const targetRow = rowStrideOf(record, AttentionSlot.gradKey);
        const target = matrixOf(record, AttentionSlot.gradKey, matrix) + <usize>k0 * targetRow;
        flush(target, targetRow, keySums, widthRow, held, width, false);
      }
      if (wantsValue) {
        const targetRow = rowStrideOf(record, AttentionSlot.gradValue);
        const target = matrixOf(record, AttentionSlot.gradValue, matrix) + <usize>k0 * targetRow;
        flush(target, targetRow, valueSums, valueSumRow, held, valueWidth, false);
      }
    }
  }
}
