// Losses, convolution, pooling, products, activations and the rarer functions against PyTorch (tests/goldens/networks.json), on each device.
import {
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  addmm,
  avgPool1d,
  bceLoss,
  bceWithLogits,
  type Conv1dOptions,
  conv1d,
  cosineSimilarity,
  crossEntropy,
  type DeviceKind,
  einsum,
  FormatError,
  gradgradcheck,
  huberLoss,
  type KlDivOptions,
  klDiv,
  l1Loss,
  type MaxPoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  mseLoss,
  nllLoss,
  normalize,
  type Reduction,
  randn,
  rmsNorm,
  smoothL1Loss,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOption, GoldenOptions } from '../support/golden-files.js';
import { type AsyncOpRunner, given, numberOption, type OpCase } from '../support/golden-op.js';
import { ofOne, ofThree, ofTwo, walkGoldens } from '../support/golden-walk.js';

const optional = (value: GoldenOption | undefined): number | undefined =>
  value === undefined ? undefined : numberOption(value);

function reductionOf({ reduction }: GoldenOptions): Reduction {
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return reduction;
  throw new FormatError(`unknown reduction in a golden case: ${JSON.stringify(reduction)}`);
}

const klReduction = (args: GoldenOptions): KlDivOptions['reduction'] =>
  args.reduction === 'batchmean' ? 'batchmean' : reductionOf(args);

function convOptions({ stride = 1, padding = 0, dilation = 1, groups = 1 }: GoldenOptions): Conv1dOptions {
  return {
    stride: numberOption(stride),
    padding: padding === 'same' ? 'same' : numberOption(padding),
    dilation: numberOption(dilation),
    groups: numberOption(groups),
  };
}

function poolOptions({ stride, padding = 0, ceilMode = false, dilation = 1 }: GoldenOptions): MaxPoolOptions {
  return {
    ...(stride !== undefined && { stride: numberOption(stride) }),
    padding: numberOption(padding),
    ceilMode: ceilMode === true,
    dilation: numberOption(dilation),
  };
}

const kernelOf = ({ kernelSize }: GoldenOptions): number => numberOption(kernelSize);

/** The right operand is the second input or a number. */
const binary =
  (op: (a: Tensor, b: Tensor | number) => Tensor): AsyncOpRunner =>
  (inputs, { other }) =>
    op(given(inputs[0]), inputs[1] ?? numberOption(other));

const table: Readonly<Record<string, AsyncOpRunner>> = {
  mseLoss: ofTwo((x, y, args) => mseLoss(x, y, { reduction: reductionOf(args) })),
  l1Loss: ofTwo((x, y, args) => l1Loss(x, y, { reduction: reductionOf(args) })),
  huberLoss: ofTwo((x, y, args) => huberLoss(x, y, { reduction: reductionOf(args), delta: numberOption(args.delta) })),
  smoothL1Loss: ofTwo((x, y, args) =>
    smoothL1Loss(x, y, { reduction: reductionOf(args), beta: optional(args.beta) ?? 1 }),
  ),
  bceLoss: ([x, y, weight = null], args) => bceLoss(given(x), given(y), { reduction: reductionOf(args), weight }),
  bceWithLogits: ([x, y, posWeight = null], args) =>
    bceWithLogits(given(x), given(y), { reduction: reductionOf(args), posWeight }),
  klDiv: ofTwo((x, y, args) =>
    klDiv(x, y, { reduction: klReduction(args) ?? 'mean', logTarget: args.logTarget === true }),
  ),
  nllLoss: ([x, y, weight = null], args) => nllLoss(given(x), given(y), { reduction: reductionOf(args), weight }),
  crossEntropySoft: ([x, y, weight = null], args) =>
    crossEntropy(given(x), given(y), {
      reduction: reductionOf(args),
      weight,
      labelSmoothing: optional(args.labelSmoothing) ?? 0,
    }),
  cosineSimilarity: ofTwo((a, b, { dim }) => cosineSimilarity(a, b, { dim: numberOption(dim) })),
  normalize: ofOne((x, { dim, p = 2 }) => normalize(x, { dim: numberOption(dim), p: numberOption(p) })),

  conv1d: ([x, weight, bias = null], args) => conv1d(given(x), given(weight), bias, convOptions(args)),
  maxPool1d: ofOne((x, args) => maxPool1d(x, kernelOf(args), poolOptions(args))),
  maxPool1dWithIndices: ofOne((x, args) => {
    const { values, indices } = maxPool1dWithIndices(x, kernelOf(args), poolOptions(args));
    return [values, indices];
  }),
  avgPool1d: ofOne((x, args) => {
    const { dilation, ...options } = poolOptions(args);
    return avgPool1d(x, kernelOf(args), { ...options, countIncludePad: args.countIncludePad !== false });
  }),
  adaptiveAvgPool1d: ofOne((x, { outputSize }) => adaptiveAvgPool1d(x, numberOption(outputSize))),
  adaptiveMaxPool1d: ofOne((x, { outputSize }) => adaptiveMaxPool1d(x, numberOption(outputSize))),

  einsum: (inputs, { equation }) => einsum(String(equation), ...inputs),
  bmm: ofTwo((a, b) => a.bmm(b)),
  mm: ofTwo((a, b) => a.mm(b)),
  mv: ofTwo((a, b) => a.mv(b)),
  dot: ofTwo((a, b) => a.dot(b)),
  outer: ofTwo((a, b) => a.outer(b)),
  addmm: ofThree((c, a, b, { alpha, beta }) =>
    addmm(c, a, b, { alpha: numberOption(alpha), beta: numberOption(beta) }),
  ),
  rmsNorm: ([x, weight = null], { eps }) => {
    const input = given(x);
    return rmsNorm(input, input.shape.slice(-1), { weight, eps: numberOption(eps) });
  },

  sign: ofOne((x) => x.sign()),
  floor: ofOne((x) => x.floor()),
  ceil: ofOne((x) => x.ceil()),
  round: ofOne((x) => x.round()),
  trunc: ofOne((x) => x.trunc()),
  reciprocal: ofOne((x) => x.reciprocal()),
  remainder: ofTwo((a, b) => a.remainder(b)),
  isinf: ofOne((x) => x.isinf()),
  logicalAnd: ofTwo((a, b) => a.logicalAnd(b)),
  logicalOr: ofTwo((a, b) => a.logicalOr(b)),
  logicalXor: ofTwo((a, b) => a.logicalXor(b)),
  logicalNot: ofOne((x) => x.logicalNot()),
  exp2: ofOne((x) => x.exp2()),
  log2: ofOne((x) => x.log2()),
  log10: ofOne((x) => x.log10()),
  tan: ofOne((x) => x.tan()),
  asin: ofOne((x) => x.asin()),
  acos: ofOne((x) => x.acos()),
  atan: ofOne((x) => x.atan()),
  sinh: ofOne((x) => x.sinh()),
  cosh: ofOne((x) => x.cosh()),
  asinh: ofOne((x) => x.asinh()),
  acosh: ofOne((x) => x.acosh()),
  atanh: ofOne((x) => x.atanh()),
  erfc: ofOne((x) => x.erfc()),
  softplus: ofOne((x, { beta = 1, threshold = 20 }) =>
    x.softplus({ beta: numberOption(beta), threshold: numberOption(threshold) }),
  ),
  mish: ofOne((x) => x.mish()),
  logSigmoid: ofOne((x) => x.logSigmoid()),
  leakyRelu: ofOne((x, { slope }) => x.leakyRelu(optional(slope))),
  elu: ofOne((x, { alpha }) => x.elu(optional(alpha))),
  hardtanh: ofOne((x, { min, max }) => x.hardtanh(optional(min), optional(max))),
  atan2: ofTwo((y, x) => y.atan2(x)),
  fmod: binary((a, b) => a.fmod(b)),
  floorDivide: binary((a, b) => a.floorDivide(b)),
  lerp: ([start, end, weight], args) => given(start).lerp(given(end), weight ?? numberOption(args.weight)),
  bitwiseAnd: ofTwo((a, b) => a.bitwiseAnd(b)),
  bitwiseOr: ofTwo((a, b) => a.bitwiseOr(b)),
  bitwiseXor: ofTwo((a, b) => a.bitwiseXor(b)),
  bitwiseNot: ofOne((x) => x.bitwiseNot()),
  bitwiseLeftShift: ofTwo((a, b) => a.bitwiseLeftShift(b)),
  bitwiseRightShift: ofTwo((a, b) => a.bitwiseRightShift(b)),
};

/**
 * What the bounds of the pointwise table allow on WebGPU, as a share of the largest value compared: exp and its kin to
 * (3 + 2|x|) ulp with |x| at most 10 where the result counts, log to 2^-21 near 1, divisions to 2.5 ulp and roots to 4, a few
 * of them one after the other.
 */
const WGSL = (3 + 2 * 10) * 2 ** -23 + 2 ** -21 + 8 * 2 ** -23;

const accuracyOf = ({ op }: OpCase, device: DeviceKind) => ({
  exact: op.startsWith('maxPool') || op === 'adaptiveMaxPool1d',
  slack: device === 'cpu' ? 0 : WGSL,
});

walkGoldens(
  'networks',
  table,
  accuracyOf,
  new Set([
    'bceLoss certain, mean',
    'bceLoss certain, sum',
    'bceLoss certain, none',
    'leakyRelu corners',
    'hardtanh corners',
  ]),
);

onEachDevice('losses, convolution and einsum', (device) => {
  it('pools alike whether gradients are recorded or not', async () => {
    const values = Array.from({ length: 2 * 41 }, (_, i) => (i % 17 === 5 ? Number.NaN : Math.sin(i * i)));
    for (const kernel of [1, 2, 3, 5, 16, 17])
      for (const options of [
        {},
        { stride: 1 },
        { stride: 2, padding: kernel >> 1 },
        { stride: 3, dilation: 2, ceilMode: true },
      ]) {
        const { stride = kernel, padding = 0, dilation = 1 } = options as MaxPoolOptions;
        const x = tensor(values).view([1, 2, 41]);
        const got = maxPool1d(x, kernel, options);
        const recorded = maxPool1d(tensor(values, { requiresGrad: true }).view([1, 2, 41]), kernel, options);
        const count = got.shape[2] ?? 0;
        const want = Array.from({ length: 2 * count }, (_, i) => {
          const start = (i % count) * stride - padding;
          const window = Array.from({ length: kernel }, (_, k) => start + k * dilation).filter(
            (at) => at >= 0 && at < 41,
          );
          return Math.fround(Math.max(...window.map((at) => values[Math.floor(i / count) * 41 + at] ?? 0)));
        });
        expect([...(await got.data())]).toEqual(want);
        expect([...(await recorded.data())]).toEqual(want);
      }
  });

  it('explain shapes that do not fit', () => {
    const x = zeros([2, 3]);
    expect(() => mseLoss(x, zeros([2, 1]))).toThrow(
      'mseLoss: Using a target size ([2, 1]) that is different to the input size ([2, 3])',
    );
    expect(() => nllLoss(x, zeros([3], { dtype: 'int32' }))).toThrow('nllLoss: input of shape [2, 3] needs targets');
    expect(() => crossEntropy(x, zeros([2]))).toThrow('targets must be int32 or uint8');
    expect(() => mseLoss(x, x, { reduction: 'average' as Reduction })).toThrow(
      'average is not a valid value for reduction',
    );
    expect(() => conv1d(zeros([1, 2, 5]), zeros([3, 3, 2]))).toThrow(
      'conv1d: Given groups=1, weight of size [3, 3, 2], expected input [1, 2, 5] to have 3 channels, but got 2 channels instead',
    );
    expect(() => conv1d(zeros([1, 2, 3]), zeros([1, 2, 4]))).toThrow("Kernel size can't be greater than");
    expect(() => maxPool1d(zeros([1, 3]), 4)).toThrow('maxPool1d: Given input size: [1, 3]');
    expect(() => avgPool1d(zeros([1, 3]), 2, { padding: 2 })).toThrow('pad should be at most half');
    expect(() => einsum('ij,jk->ik', x, x)).toThrow('einsum: operands do not broadcast');
    expect(() => einsum('ij->ik', x)).toThrow("einsum: output letter 'k' is in no operand in equation 'ij->ik'");
    expect(() => einsum('ijk', x)).toThrow('do not fit operand 0 of shape [2, 3]');
    expect(() => x.bmm(x)).toThrow('bmm: expected tensors of 3 and 3 dims');
    expect(() => x.bitwiseAnd(1)).toThrow("bitwiseAnd: not implemented for 'float32'");
  });

  it('have derivatives of the second order', async () => {
    const tolerances = { atol: device === 'cpu' ? 4e-3 : 2e-2, rtol: 1e-2 };
    const [x, w] = [randn([1, 2, 6], { requiresGrad: true }), randn([2, 1, 3], { requiresGrad: true })];
    await gradgradcheck((a, b) => conv1d(a, b, null, { groups: 2, stride: 2, padding: 1 }), [x, w], tolerances);
    const logits = tensor([0.3, -0.8, 1.2], { requiresGrad: true });
    const target = tensor([0.2, 0.9, 0.5]);
    await gradgradcheck((a) => bceWithLogits(a, target), [logits], tolerances);
    await gradgradcheck((a) => rmsNorm(a, [3]), [logits], tolerances);
  });
});

onEachDevice('in-place twins', () => {
  it('write over the elements, views included', async () => {
    const x = tensor([
      [1, -2],
      [3, -4],
    ]);
    const row = x.select(0, 1);
    expect(row.abs_()).toBe(row);
    expect(await x.toArray()).toEqual([
      [1, -2],
      [3, 4],
    ]);
    x.T.add_(tensor([10, 20])).mul_(2);
    expect(await x.toArray()).toEqual([
      [22, 16],
      [46, 48],
    ]);
    x.clamp_({ max: 40 })
      .pow_(2)
      .scatter_(0, tensor([[0, 1]], { dtype: 'int32' }), 0)
      .tril_();
    expect(await x.toArray()).toEqual([
      [0, 0],
      [1600, 0],
    ]);
  });

  it('keep shape and dtype, and refuse what the graph would not know', () => {
    const x = tensor([1, 2]);
    expect(() => x.add_(zeros([2, 2]))).toThrow("add_: output with shape [2] doesn't match the broadcast shape [2, 2]");
    expect(() => tensor([1], { dtype: 'int32' }).exp_()).toThrow("exp_: result type float32 can't be cast");
    expect(() => tensor([1], { requiresGrad: true }).neg_()).toThrow('neg_: a leaf Variable that requires grad');
    expect(() => x.clamp_({ min: tensor([1], { requiresGrad: true }) })).toThrow(
      'clamp_: in-place operations are not recorded',
    );
  });
});
