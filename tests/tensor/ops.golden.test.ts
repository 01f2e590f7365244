// Every tensor op against PyTorch: outputs and gradients of the cases in tests/goldens/ops.json, on each device. The table below
// says how a golden op and its options are called here; a case whose op it lacks fails.
import {
  cat,
  crossEntropy,
  type DeviceKind,
  embedding,
  FormatError,
  type Index,
  layerNorm,
  type Operand,
  type ReduceOptions,
  type Reduction,
  scaledDotProductAttention,
  stack,
  type Tensor,
  type VarianceOptions,
  where,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOption, GoldenOptions } from '../support/golden-files.js';
import {
  checkOp,
  given,
  numberOption,
  numbersOption,
  type OpCase,
  type OpRunner,
  walkInFloat64,
} from '../support/golden-op.js';
import { golden, largest } from '../support/goldens.js';

type Args = GoldenOptions;

const unary =
  (op: (x: Tensor, args: Args) => Tensor | readonly Tensor[]): OpRunner =>
  (inputs, args) =>
    op(given(inputs[0]), args);

/** The right operand is the second input, a number, or the left operand again. */
const binary =
  (op: (a: Tensor, b: Operand) => Tensor): OpRunner =>
  (inputs, args) => {
    const a = given(inputs[0]);
    return op(a, inputs[1] ?? (args.twice ? a : numberOption(args.other)));
  };

const binaryTensors =
  (op: (a: Tensor, b: Tensor, args: Args) => Tensor): OpRunner =>
  (inputs, args) =>
    op(given(inputs[0]), given(inputs[1]), args);

const optional = (value: GoldenOption | undefined): number | undefined =>
  value === undefined ? undefined : numberOption(value);

function dimsOf(args: Args): number | number[] | null {
  if (args.dim === undefined) return null;
  return Array.isArray(args.dim) ? numbersOption(args.dim) : numberOption(args.dim);
}

const keepDim = (args: Args): ReduceOptions => (args.keepDim === true ? { keepDim: true } : {});

const correction = (args: Args): VarianceOptions => ({ ...keepDim(args), correction: numberOption(args.correction) });

function extreme(found: Tensor | { values: Tensor; indices: Tensor }): Tensor | readonly Tensor[] {
  return 'values' in found ? [found.values, found.indices] : found;
}

function index(item: GoldenOption): Index {
  if (item === null || item === ':') return item;
  if (!Array.isArray(item)) return numberOption(item);
  const [start, stop, step] = item.map((bound: GoldenOption) => (bound === null ? null : numberOption(bound)));
  return typeof step === 'number' ? [start ?? null, stop ?? null, step] : [start ?? null, stop ?? null];
}

function reductionOf(value: GoldenOption): Reduction {
  if (value === 'mean' || value === 'sum' || value === 'none') return value;
  throw new FormatError(`unknown reduction in a golden case: ${JSON.stringify(value)}`);
}

const specOf = (args: Args): Index[] => (Array.isArray(args.spec) ? args.spec.map(index) : []);

const ops: Record<string, OpRunner> = {
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b)),
  pow: binary((a, b) => a.pow(b)),
  maximum: binary((a, b) => a.maximum(b)),
  minimum: binary((a, b) => a.minimum(b)),
  eq: binary((a, b) => a.eq(b)),
  ne: binary((a, b) => a.ne(b)),
  lt: binary((a, b) => a.lt(b)),
  le: binary((a, b) => a.le(b)),
  gt: binary((a, b) => a.gt(b)),
  ge: binary((a, b) => a.ge(b)),
  neg: unary((x) => x.neg()),
  abs: unary((x) => x.abs()),
  sqrt: unary((x) => x.sqrt()),
  rsqrt: unary((x) => x.rsqrt()),
  exp: unary((x) => x.exp()),
  expm1: unary((x) => x.expm1()),
  log: unary((x) => x.log()),
  log1p: unary((x) => x.log1p()),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  erf: unary((x) => x.erf()),
  relu: unary((x) => x.relu()),
  gelu: unary((x) => x.gelu()),
  geluTanh: unary((x) => x.gelu({ approximate: 'tanh' })),
  silu: unary((x) => x.silu()),
  isNan: unary((x) => x.isnan()),
  isFinite: unary((x) => x.isfinite()),
  clamp: unary((x, { min, max }) =>
    x.clamp({
      ...(min !== undefined && { min: numberOption(min) }),
      ...(max !== undefined && { max: numberOption(max) }),
    }),
  ),
  where: (inputs) => where(given(inputs[0]), given(inputs[1]), given(inputs[2])),
  maskedFill: binaryTensors((x, mask, { value }) => x.maskedFill(mask, numberOption(value))),

  sum: unary((x, args) => x.sum(dimsOf(args), keepDim(args))),
  mean: unary((x, args) => x.mean(dimsOf(args), keepDim(args))),
  var: unary((x, args) => x.var(dimsOf(args), correction(args))),
  std: unary((x, args) => x.std(dimsOf(args), correction(args))),
  logsumexp: unary((x, args) => x.logsumexp(dimsOf(args), keepDim(args))),
  max: unary((x, args) => extreme(args.dim === undefined ? x.max() : x.max(numberOption(args.dim), keepDim(args)))),
  min: unary((x, args) => extreme(args.dim === undefined ? x.min() : x.min(numberOption(args.dim), keepDim(args)))),
  argmax: unary((x, args) => x.argmax(optional(args.dim), keepDim(args))),
  softmax: unary((x, { dim }) => x.softmax(numberOption(dim))),
  logSoftmax: unary((x, { dim }) => x.logSoftmax(numberOption(dim))),

  matmul: binaryTensors((a, b) => a.matmul(b)),

  transpose: unary((x, { dims }) => {
    const [a = 0, b = 1] = numbersOption(dims);
    return x.transpose(a, b);
  }),
  permute: unary((x, { dims }) => x.permute(numbersOption(dims))),
  reshape: unary((x, { shape }) => x.reshape(numbersOption(shape))),
  flatten: unary((x, { startDim }) => x.flatten(numberOption(startDim))),
  unsqueeze: unary((x, { dim }) => x.unsqueeze(numberOption(dim))),
  squeeze: unary((x, { dim }) => x.squeeze(numberOption(dim))),
  expand: unary((x, { shape }) => x.expand(numbersOption(shape))),
  slice: unary((x, args) => x.slice(...specOf(args))),
  select: unary((x, args) => x.select(numberOption(args.dim), numberOption(args.index))),
  cat: (inputs, { dim }) => cat(inputs, numberOption(dim)),
  stack: (inputs, { dim }) => stack(inputs, numberOption(dim)),

  layerNorm: ([x, weight = null, bias = null], { normalizedShape, eps }) =>
    layerNorm(given(x), numbersOption(normalizedShape), { weight, bias, eps: numberOption(eps) }),
  embedding: binaryTensors((indices, weight, { paddingIdx }) =>
    embedding(indices, weight, { paddingIdx: optional(paddingIdx) ?? null }),
  ),
  crossEntropy: ([logits, targets, weight = null], { reduction, ignoreIndex, labelSmoothing }) =>
    crossEntropy(given(logits), given(targets), {
      weight,
      ...(reduction !== undefined && { reduction: reductionOf(reduction) }),
      ...(ignoreIndex !== undefined && { ignoreIndex: numberOption(ignoreIndex) }),
      ...(labelSmoothing !== undefined && { labelSmoothing: numberOption(labelSmoothing) }),
    }),
  linear: (inputs) => given(inputs[0]).linear(given(inputs[1]), inputs[2] ?? null),
  scaledDotProductAttention: (inputs, { isCausal, scale }) =>
    scaledDotProductAttention(given(inputs[0]), given(inputs[1]), given(inputs[2]), {
      mask: inputs[3] ?? null,
      isCausal: isCausal === true,
      ...(scale !== undefined && { scale: numberOption(scale) }),
    }),
};

function runnerOf(op: string): OpRunner {
  const runner = ops[op];
  if (!runner) throw new FormatError(`the table of this file does not say how to call '${op}'`);
  return runner;
}

/** Ops that move values or choose among them. */
const exact = new Set(
  (
    'maximum minimum neg abs relu clamp where maskedFill max min ' +
    'transpose permute reshape flatten unsqueeze squeeze expand slice select cat stack embedding'
  ).split(' '),
);

/**
 * What WGSL's functions may be off by ("Floating Point Accuracy" in its specification), as a share of the largest value compared;
 * IEEE functions are covered by the tolerance of the case. exp is good to 3 + 2|x| ulp, |x| at most 10 here where the result
 * is not negligible; log to 2^-21 near 1; sin and cos to 2^-11 within [-π, π]; tanh to 1e-5, and gelu's tanh form is made of it.
 */
const EXP = (3 + 2 * 10) * 2 ** -23;
const LOG = 2 ** -21;
const wgslSlack: Record<string, number> = {
  sin: 2 ** -11,
  cos: 2 ** -11,
  tanh: 1e-5,
  geluTanh: 2e-5,
  exp: EXP,
  expm1: EXP,
  sigmoid: EXP,
  silu: EXP,
  erf: EXP,
  gelu: EXP,
  softmax: EXP,
  scaledDotProductAttention: EXP,
  log: LOG,
  log1p: LOG,
  logsumexp: EXP + LOG,
  logSoftmax: EXP + LOG,
  crossEntropy: EXP + LOG,
  // exp2(b * log2(a)), |b log2(a)| at most 10 here.
  pow: 64 * 2 ** -23,
};
/** Division is good to 2.5 ulp, square roots to 4. */
const WGSL_ARITHMETIC = 4 * 2 ** -23;

function slackOf({ op, inputs }: OpCase, device: DeviceKind): number {
  const functions = device === 'cpu' ? 0 : (wgslSlack[op] ?? WGSL_ARITHMETIC);
  // Its backward pass has the rows' log-sum-exp in float32, rounded at the size of the logits, where PyTorch keeps a log-softmax.
  const rounding = op === 'crossEntropy' ? 2 ** -24 * largest(inputs.slice(0, 1)) : 0;
  return functions + rounding;
}

const byOp = new Map<string, OpCase[]>();
for (const each of golden('ops').cases) byOp.set(each.op, [...(byOp.get(each.op) ?? []), each]);

it('has every op of the table in the goldens', () => {
  expect([...byOp.keys()].sort()).toEqual(Object.keys(ops).sort());
});

onEachDevice('PyTorch', (device) => {
  for (const [op, cases] of byOp) {
    describe(op, () => {
      for (const each of cases) {
        it(each.name, () => checkOp(each, runnerOf(op), { exact: exact.has(op), slack: slackOf(each, device) }));
      }
    });
  }
});

walkInFloat64(
  'PyTorch',
  byOp,
  runnerOf,
  new Set(['pow zero base', 'relu zero', 'clamp at the bounds', 'embedding padding index']),
);
