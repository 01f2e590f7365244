/**
 * The gradients of attention on WebGPU: which kernels a request gets. Each result has one writer, so that sums come out the same at every run.
 */
import type { AttentionBackwardRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { withBatch } from './batch.js';
import { variantKey } from './common.js';
import { keysSource, queriesSource, statsSource } from './gradients.js';
import { attentionParams, chooseVariant, type Operands } from './launch.js';
import { gradientsByProducts, matricesAtOnce } from './products.js';

export function attentionBackward(context: KernelContext, given: AttentionBackwardRequest): void {
  const request = withBatch(given);
  const { batch, queries, keys, query, key, value, mask, output, grad, logSumExp } = request;
  const { gradQuery, gradKey, gradValue } = request;
  const rows = queries * batch.reduce((product, size) => product * size, 1);
  const stats = context.temporary(rows * 8);
  const inputs = { query, key, value, ...(mask && { mask }), grad };
  const buffers = {
    query: query.buffer,
    key: key.buffer,
    value: value.buffer,
    grad: grad.buffer,
    mask: mask?.buffer,
    stats,
  };

  // Rows in the order of the logarithms; how gradient and result lie there is a matter of strides.
  const places = { out: output, grad };
  const single = {
    ...chooseVariant(context.tuning, request, places, queries, () => 1),
    mask: 'none' as const,
    isSubgroup: false,
  };
  const size = context.tuning.rows.workgroupSize;
  const statsKernel = context.kernel(`attentionStats|${size}|${single.vectors}|${batch.length}`, () =>
    statsSource(single, size),
  );
  const { params } = attentionParams(single, request, places, queries, { rows, sumsOffset: logSumExp.offset });
  const groups = groupsOf(rows, size);
  context.dispatch(
    statsKernel,
    { out: output.buffer, grad: grad.buffer, logSumExp: logSumExp.buffer, stats },
    params,
    groups,
  );

  const atOnce = matricesAtOnce(context, request);
  if (atOnce > 0) {
    gradientsByProducts(context, request, stats, atOnce);
    return;
  }
  if (gradQuery) {
    const operands: Operands = { ...inputs, gradQuery };
    const variant = chooseVariant(context.tuning, request, operands, queries, (quads) => quads);
    const kernel = context.kernel(variantKey('attentionQueries', variant), () => queriesSource(variant));
    const launch = attentionParams(variant, request, operands, queries);
    context.dispatch(kernel, { ...buffers, gradQuery: gradQuery.buffer }, launch.params, launch.groups);
  }
  if (gradKey || gradValue) {
    const operands: Operands = { ...inputs, ...(gradKey && { gradKey }), ...(gradValue && { gradValue }) };
    const wanted = { key: gradKey !== undefined, value: gradValue !== undefined };
    const variant = chooseVariant(
      context.tuning,
      request,
      operands,
      keys,
      (quads, valueQuads) => (wanted.key ? quads : 0) + (wanted.value ? valueQuads : 0),
    );
    const kernel = context.kernel(variantKey(`attentionKeys|${wanted.key}|${wanted.value}`, variant), () =>
      keysSource(variant, wanted),
    );
    const launch = attentionParams(variant, request, operands, keys);
    context.dispatch(
      kernel,
      { ...buffers, gradKey: gradKey?.buffer, gradValue: gradValue?.buffer },
      launch.params,
      launch.groups,
    );
  }
}
