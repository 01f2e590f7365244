/**
 * Attention on WebGPU: which kernels a request gets. By default that is one which never writes scores down, whose text is in
 * `forward.ts`; for few queries and many keys several of it, for slices of the keys (`split.ts`). Where the adapter's row of the tuning
 * table says so, scores are matrix products that are written down (`products.ts`).
 */
import type { AttentionRequest, Dense, Strided } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { slicesOf } from '../matmul/split.js';
import { withBatch } from './batch.js';
import { type AttentionVariant, columnsOf, rowsOf, variantKey } from './common.js';
import { forwardSource } from './forward.js';
import { attentionParams, chooseVariant } from './launch.js';
import { attentionByProducts, matricesAtOnce, scoresAreProducts } from './products.js';
import { partialOut, sumOfSlicesSource } from './split.js';

export function attention(context: KernelContext, given: AttentionRequest): void {
  const request = withBatch(given);
  const atOnce = matricesAtOnce(context, request);
  if (atOnce > 0 && scoresAreProducts(context, request, 'forward')) {
    attentionByProducts(context, request, atOnce);
    return;
  }
  const { query, key, value, mask, out, logSumExp, queries, keys, valueWidth, batch } = request;
  const operands = { query, key, value, ...(mask && { mask }), out };
  const whole = chooseVariant(context.tuning, request, operands, queries, (_, valueQuads) => valueQuads);
  const buffers = { query: query.buffer, key: key.buffer, value: value.buffer, mask: mask?.buffer };
  const launch = (variant: AttentionVariant, result: Strided, sums: Dense | undefined, slices = 1, slice = keys) => {
    const hasSums = sums !== undefined;
    const kernel = context.kernel(variantKey(`attention|${hasSums}`, variant), () => forwardSource(variant, hasSums));
    const own = { slices, slice, sumsOffset: sums?.offset ?? 0 };
    const { params, groups } = attentionParams(variant, request, { ...operands, out: result }, queries, own);
    params.groups = groups * slices;
    context.dispatch(kernel, { ...buffers, out: result.buffer, logSumExp: sums?.buffer }, params, groups * slices);
  };

  const matrices = batch.reduce((product, size) => product * size, 1);
  const tiles = Math.ceil(queries / rowsOf(whole)) * matrices;
  const { workgroups, sliced = workgroups } = context.tuning.matmul;
  const { slices, slice } = slicesOf(keys, tiles, sliced, columnsOf(whole));
  if (slices === 1) {
    launch(whole, out, logSumExp);
    return;
  }
  const rows = matrices * queries;
  const logs: Dense = { buffer: context.temporary(rows * slices * 4), dtype: 'float32', offset: 0 };
  const partial = partialOut(context.temporary(rows * slices * valueWidth * 4), batch, slices, queries, valueWidth);
  launch({ ...whole, isSplit: true }, partial, logs, slices, slice);
  const elements = rows * valueWidth;
  const { workgroupSize } = context.tuning.pointwise;
  const hasSums = logSumExp !== undefined;
  const kernel = context.kernel(`attentionSlices|${batch.length}|${hasSums}|${workgroupSize}`, () =>
    sumOfSlicesSource(batch.length, hasSums, workgroupSize),
  );
  const own = { elements, slices, sumsOffset: logSumExp?.offset ?? 0 };
  const { params } = attentionParams({ ...whole, vectors: false }, request, { out }, queries, own);
  context.dispatch(
    kernel,
    { partial: partial.buffer, logs: logs.buffer, out: out.buffer, logSumExp: logSumExp?.buffer },
    params,
    groupsOf(elements, workgroupSize),
  );
}
