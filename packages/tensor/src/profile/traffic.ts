/**
 * How many bytes a request has to move: the elements that it reads, each place in memory once, and those that it writes. What it reads of a view is
 * the view, of a table those rows that are looked up, of a broadcast operand what is there. The table is complete or it does not compile.
 */
import type { Dense, KernelKind, KernelRequest, RequestOf, Strided, Windows } from '../backend/requests.js';
import { wordBytes } from '../dtype.js';
import { numel, type Shape } from '../shape.js';

/** Elements from an operand's offset on. */
type Access = readonly [operand: Dense | undefined, elements: number];

interface Accesses {
  readonly reads: readonly Access[];
  readonly writes: readonly Access[];
}

/** The elements of a signal that windows are read from: its channels, for all items. */
function signal({ of, taps, length, count, items }: Windows, n: number, k: number): number {
  return of === 'weight' ? items * (n / taps) * length : (k / taps) * (of === 'input' ? count : length);
}

/** What a strided operand of a shape has: repeated elements count once. */
function strided(operand: Strided | undefined, shape: Shape): Access {
  let elements = 1;
  for (const [i, size] of shape.entries()) if (size === 0 || operand?.strides[i] !== 0) elements *= size;
  return [operand, elements];
}

const ACCESSES: { readonly [K in KernelKind]: (request: RequestOf<K>) => Accesses } = {
  pointwise: ({ shape, inputs, outputs }) => ({
    reads: inputs.map((input) => strided(input, shape)),
    writes: outputs.map((output) => [output, numel(shape)]),
  }),
  matmul: ({ batch, m, n, k, a, b, bias, biasRows = n, residual, out, steps, more = [], windows }) => {
    const matrices = (operand: typeof a, elements: number): Access => {
      const [, count] = strided({ ...operand, strides: operand.batchStrides }, batch);
      return [operand, count * elements];
    };
    const all = numel(batch) * m * n;
    const outputs = steps ? [...(steps.keepsProduct ? [out] : []), ...steps.outputs] : [out];
    return {
      reads: [
        matrices(a, m * k),
        ...[{ b, bias }, ...more].flatMap((each): Access[] => [
          matrices(each.b, windows ? signal(windows, n, k) : k * n),
          [each.bias, biasRows],
        ]),
        [residual, all],
        ...(steps?.inputs ?? []).map((input): Access => [input, input.isRow ? n : all]),
      ],
      writes: [...outputs, ...more.map((each) => each.out)].map((each) => [each, all]),
    };
  },
  reduce: ({ outer, length, inner, input, out }) => ({
    reads: [[input, outer * length * inner]],
    writes: [[out, outer * inner]],
  }),
  softmax: ({ shape, input, mask, out }) => ({
    reads: [[input, numel(shape)], strided(mask, shape)],
    writes: [[out, numel(shape)]],
  }),
  softmaxBackward: ({ rows, width, grad, output, out }) => ({
    reads: [grad, output].map((each) => [each, rows * width]),
    writes: [[out, rows * width]],
  }),
  attention: (request) => {
    const { batch, queries, valueWidth, out, logSumExp } = request;
    const rows = numel(batch) * queries;
    return {
      reads: seenByAttention(request),
      writes: [
        [out, rows * valueWidth],
        [logSumExp, rows],
      ],
    };
  },
  attentionBackward: (request) => {
    const { batch, queries, keys, width, valueWidth, grad, output, logSumExp } = request;
    const [rows, keyRows] = [numel(batch) * queries, numel(batch) * keys];
    return {
      reads: [...seenByAttention(request), [grad, rows * valueWidth], [output, rows * valueWidth], [logSumExp, rows]],
      writes: [
        [request.gradQuery, rows * width],
        [request.gradKey, keyRows * width],
        [request.gradValue, keyRows * valueWidth],
      ],
    };
  },
  layerNorm: ({ rows, width, input, weight, bias, out, mean, rstd }) => ({
    reads: [
      [input, rows * width],
      [weight, width],
      [bias, width],
    ],
    writes: [
      [out, rows * width],
      [mean, rows],
      [rstd, rows],
    ],
  }),
  layerNormBackward: ({ rows, width, grad, input, weight, mean, rstd, gradInput, gradWeight, gradBias }) => ({
    reads: [
      [grad, rows * width],
      [input, rows * width],
      [weight, width],
      [mean, rows],
      [rstd, rows],
    ],
    writes: [
      [gradInput, rows * width],
      [gradWeight, width],
      [gradBias, width],
    ],
  }),
  gatherRows: ({ rows, width, tableRows, table, indices, out }) => ({
    reads: [
      [table, Math.min(rows, tableRows) * width],
      [indices, rows],
    ],
    writes: [[out, rows * width]],
  }),
  scatterAddRows: ({ rows, width, tableRows, grad, indices, out }) => ({
    reads: [
      [grad, rows * width],
      [indices, rows],
    ],
    writes: [[out, tableRows * width]],
  }),
  gather: ({ outer, size, count, inner, table, index, out }) => ({
    reads: [[table, outer * Math.min(size, count) * inner], strided(index, [outer, count, inner])],
    writes: [[out, outer * count * inner]],
  }),
  scatter: ({ outer, count, inner, add, table, index, values }) => ({
    reads: [
      [values, outer * count * inner],
      strided(index, [outer, count, inner]),
      [table, add ? outer * count * inner : 0],
    ],
    writes: [[table, outer * count * inner]],
  }),
  scan: ({ outer, length, inner, factors, terms, out }) => ({
    reads: [factors, terms].map((each) => [each, outer * length * inner]),
    writes: [[out, outer * length * inner]],
  }),
  sort: ({ rows, length, input, out }) => ({ reads: [[input, rows * length]], writes: [[out, rows * length]] }),
  crossEntropy: ({ rows, classes, logits, targets, losses, logSumExp }) => ({
    reads: [
      [logits, rows * classes],
      [targets, rows],
    ],
    writes: [
      [losses, rows],
      [logSumExp, rows],
    ],
  }),
  crossEntropyBackward: ({ rows, classes, logits, targets, logSumExp, gradRows, out }) => ({
    reads: [[logits, rows * classes], ...[targets, logSumExp, gradRows].map((each): Access => [each, rows])],
    writes: [[out, rows * classes]],
  }),
  adam: (request) =>
    updated([request, ...(request.more ?? [])], ({ param, expAvg, expAvgSq, maxExpAvgSq }) => [
      param,
      expAvg,
      expAvgSq,
      maxExpAvgSq,
    ]),
  descend: (request) =>
    updated([request, ...(request.more ?? [])], ({ param, buffer, square, mean }) => [param, buffer, square, mean]),
  norm: ({ inputs, out }) => ({ reads: inputs.map(({ data, count }) => [data, count]), writes: [[out, 1]] }),
  clip: ({ norm, targets }) => {
    const runs = targets.map(({ data, count }): Access => [data, count]);
    return { reads: [[norm, 1], ...runs], writes: runs };
  },
};

function seenByAttention(request: RequestOf<'attention' | 'attentionBackward'>): Access[] {
  const { batch, queries, keys, width, valueWidth, query, key, value, mask } = request;
  return [
    strided(query, [...batch, queries, width]),
    strided(key, [...batch, keys, width]),
    strided(value, [...batch, keys, valueWidth]),
    strided(mask, [...batch, queries, keys]),
  ];
}

/** A step in place: parameters and states are read and written, gradients read. */
function updated<P extends { readonly count: number; readonly grad: Dense }>(
  parameters: readonly P[],
  statesOf: (parameter: P) => readonly (Dense | undefined)[],
): Accesses {
  const states = parameters.flatMap((each) => statesOf(each).map((state): Access => [state, each.count]));
  return { reads: [...parameters.map(({ grad, count }): Access => [grad, count]), ...states], writes: states };
}

/** Bytes that a request reads and writes. */
export function bytesOf(request: KernelRequest): number {
  const { reads, writes } = (ACCESSES[request.kind] as (request: KernelRequest) => Accesses)(request);
  return uniqueBytes(reads) + uniqueBytes(writes);
}

/** Operands of one place are the same memory: a matrix times itself is read once. */
function uniqueBytes(accesses: readonly Access[]): number {
  const places = new Map<Dense['buffer'], Map<number, number>>();
  for (const [operand, elements] of accesses) {
    if (!operand) continue;
    const own = places.get(operand.buffer) ?? new Map<number, number>();
    places.set(operand.buffer, own);
    own.set(operand.offset, Math.max(own.get(operand.offset) ?? 0, elements * wordBytes(operand.dtype)));
  }
  let bytes = 0;
  for (const own of places.values()) for (const each of own.values()) bytes += each;
  return bytes;
}
