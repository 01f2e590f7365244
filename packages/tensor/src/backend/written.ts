/**
 * Which operands a request writes to: what was derived from their buffers before (copies of weights in panels) is void then. The table is
 * complete or it does not compile, so a new kind of request cannot be forgotten.
 */
import type { Dense, KernelKind, KernelRequest, RequestOf } from './requests.js';

type Written = { readonly [K in KernelKind]: (request: RequestOf<K>) => readonly (Dense | undefined)[] };

const WRITTEN: Written = {
  pointwise: ({ outputs }) => outputs,
  matmul: ({ out, more, steps }) =>
    steps ? [out, ...steps.outputs] : more ? [out, ...more.map((each) => each.out)] : [out],
  reduce: ({ out }) => [out],
  softmax: ({ out }) => [out],
  softmaxBackward: ({ out }) => [out],
  attention: ({ out, logSumExp }) => [out, logSumExp],
  attentionBackward: ({ gradQuery, gradKey, gradValue }) => [gradQuery, gradKey, gradValue],
  layerNorm: ({ out, mean, rstd }) => [out, mean, rstd],
  layerNormBackward: ({ gradInput, gradWeight, gradBias }) => [gradInput, gradWeight, gradBias],
  gatherRows: ({ out }) => [out],
  scatterAddRows: ({ out }) => [out],
  gather: ({ out }) => [out],
  scatter: ({ table }) => [table],
  scan: ({ out }) => [out],
  sort: ({ out }) => [out],
  crossEntropy: ({ losses, logSumExp }) => [losses, logSumExp],
  crossEntropyBackward: ({ out }) => [out],
  adam: (request) =>
    [request, ...(request.more ?? [])].flatMap(({ param, expAvg, expAvgSq, maxExpAvgSq }) => [
      param,
      expAvg,
      expAvgSq,
      maxExpAvgSq,
    ]),
  descend: (request) =>
    [request, ...(request.more ?? [])].flatMap(({ param, buffer, square, mean }) => [param, buffer, square, mean]),
  norm: ({ out }) => [out],
  clip: ({ targets }) => targets.map(({ data }) => data),
};

/** The operands that a request writes to, some of them perhaps absent. */
export function writtenBy(request: KernelRequest): readonly (Dense | undefined)[] {
  const list = WRITTEN[request.kind] as (request: KernelRequest) => readonly (Dense | undefined)[];
  return list(request);
}
