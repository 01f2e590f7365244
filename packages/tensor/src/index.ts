/**
 * `@course/tensor`: tensors, autograd and kernels.
 *
 * @packageDocumentation
 */

export { type AutocastOptions, autocast, isAutocastEnabled } from './autocast.js';
export { detectAnomaly } from './autograd/anomaly.js';
export { type BackwardOptions, type Gradients, type GradOptions, grad } from './autograd/backward.js';
export { checkpoint } from './autograd/checkpoint.js';
export { defineFunction, type FunctionContext, type FunctionDefinition } from './autograd/custom.js';
export { type GradcheckOptions, gradcheck, gradgradcheck } from './autograd/gradcheck.js';
export { enableGrad, isGradEnabled, noGrad } from './autograd/mode.js';
export type { Backend, BackendStatistics, DeviceInfo, DeviceKind } from './backend/backend.js';
export type { Activation } from './backend/requests.js';
export { type Captured, type CaptureOptions, capture, eachTime } from './capture/capture.js';
export { resetCaptures } from './capture/epoch.js';
export { type NestedArray, type TensorOptions, tensor } from './creation/data.js';
export {
  arange,
  empty,
  emptyLike,
  eye,
  full,
  fullLike,
  type LikeOptions,
  linspace,
  logspace,
  meshgrid,
  oneHot,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from './creation/fill.js';
export {
  bernoulli,
  type MultinomialOptions,
  multinomial,
  normal,
  type RandomLikeOptions,
  type RandomOptions,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  type SampleOptions,
} from './creation/random.js';
export type { Description } from './describe.js';
export { type DeviceChoice, device, type InitOptions, init, withDevice } from './device.js';
export { type DType, type HostArray, type HostArrays, isFloating, promoteTypes } from './dtype.js';
export * from './errors.js';
export { countFlops } from './flops.js';
export { formatTensor, type PrintOptions, setPrintOptions } from './format.js';
export { explain } from './fuse/explain.js';
export { type MemoryReport, memory } from './memory.js';
export type { ArithmeticMethods } from './methods/arithmetic.js';
export type { InPlaceTwins } from './methods/in-place.js';
export type { IndexingMethods } from './methods/indexing.js';
export type { OrderMethods } from './methods/order.js';
export type { PointwiseMethods } from './methods/pointwise.js';
export { elu, hardtanh, leakyRelu, lerp, logSigmoid, type SoftplusOptions, softplus } from './ops/activations.js';
export { type AttentionOptions, attention, scaledDotProductAttention } from './ops/attention.js';
export {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  type Conv1dOptions,
  conv1d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  type PoolOptions,
} from './ops/convolution.js';
export { type CrossEntropyOptions, crossEntropy } from './ops/cross-entropy.js';
export { type DropoutOptions, dropout } from './ops/dropout.js';
export { type EmbeddingOptions, embedding } from './ops/embedding.js';
export { maskedSelect, nonzero, type Unique, type UniqueOptions, unique } from './ops/host-select.js';
export {
  gather,
  indexAdd,
  indexCopy,
  indexSelect,
  scatter,
  scatterAdd,
  takeAlongDim,
} from './ops/indexing.js';
export type { Reduction } from './ops/loss-reduction.js';
export {
  type BinaryLossOptions,
  bceLoss,
  bceWithLogits,
  type CosineSimilarityOptions,
  cosineSimilarity,
  huberLoss,
  type KlDivOptions,
  klDiv,
  type LossOptions,
  l1Loss,
  mseLoss,
  type NllLossOptions,
  nllLoss,
  normalize,
  smoothL1Loss,
} from './ops/losses.js';
export { linear, matmul } from './ops/matmul.js';
export { type LayerNormOptions, layerNorm, type RmsNormOptions, rmsNorm } from './ops/normalization.js';
export {
  type AdamSettings,
  type AdamTensors,
  adamStep,
  adamSteps,
  clipToNorm_,
  type DescentSettings,
  type DescentTensors,
  descentSteps,
  totalNorm,
} from './ops/optimize.js';
export { type PadOptions, pad } from './ops/pad.js';
export type { Operand } from './ops/pointwise/record.js';
export { addmm, bmm, dot, einsum, mm, mv, outer } from './ops/products.js';
export {
  flip,
  hstack,
  movedim,
  repeatInterleave,
  roll,
  swapaxes,
  tile,
  unflatten,
  vstack,
} from './ops/rearrange.js';
export type { NormOptions, ReduceOptions, VarianceOptions } from './ops/reduce.js';
export { cumprod, cumsum } from './ops/scan.js';
export { maskedFill, where } from './ops/selection.js';
export { broadcastTensors, cat, stack } from './ops/shape.js';
export type { Index } from './ops/slice.js';
export { logSoftmax, type SoftmaxOptions, softmax } from './ops/softmax.js';
export { argsort, type SortOptions, sort, type TopkOptions, topk, type ValuesAndIndices } from './ops/sort.js';
export type { TransferOptions } from './ops/transfer.js';
export { type DiagonalOptions, diag, diagEmbed, diagonal, tril, triu } from './ops/windows.js';
export { setPlaceTeller } from './place.js';
export { profile } from './profile/profile.js';
export { type KernelProfile, Profile, type ProfileData, type ProfileEvent } from './profile/report.js';
export { warmup } from './profile/warmup.js';
export { defaultGenerator, initialSeed, manualSeed, seed } from './random/default.js';
export { Generator, type PhiloxKey } from './random/generator.js';
export { keep, scope, tidy } from './scope.js';
export { broadcastShapes, numel, type Shape } from './shape.js';
export { type Nested, Tensor } from './tensor.js';
