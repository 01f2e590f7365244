/**
 * `@course/nn`: modules, layers and losses with PyTorch's names.
 *
 * @packageDocumentation
 */

export { GradScaler, type GradScalerOptions, type GradScalerState } from './amp.js';
export type { BackwardHook, ModuleGradients } from './backward-hooks.js';
export type { ForwardHook, ForwardPreHook } from './call.js';
export { clipGradNorm_, clipGradValue_ } from './clip.js';
export * as init from './init.js';
export * from './layers/activation/rectifiers.js';
export * from './layers/activation/smooth.js';
export * from './layers/activation/softmax.js';
export {
  MultiHeadAttention,
  type MultiHeadAttentionCall,
  type MultiHeadAttentionOptions,
  SelfAttention,
  type WeightsWanted,
} from './layers/attention.js';
export type { AttentionMasks } from './layers/attention-masks.js';
export { KeyValueCache } from './layers/cache.js';
export { type Layer, ModuleDict, ModuleList, Sequential } from './layers/containers.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveMaxPool1d,
  AvgPool1d,
  Conv1d,
  type Conv1dOptions,
  MaxPool1d,
  type PoolOptions,
} from './layers/convolution.js';
export { Dropout } from './layers/dropout.js';
export { Embedding, type EmbeddingOptions } from './layers/embedding.js';
export { Transformer, type TransformerMasks, type TransformerOptions } from './layers/encoder-decoder.js';
export { Flatten, Unflatten } from './layers/flatten.js';
export { Identity, Linear } from './layers/linear.js';
export {
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from './layers/multihead-attention.js';
export { LayerNorm, type LayerNormOptions, RMSNorm, type RMSNormOptions } from './layers/normalization.js';
export { ParameterDict, ParameterList } from './layers/parameter-containers.js';
export { LearnedPositions, PositionalEncoding, sinusoidalTable } from './layers/position.js';
export { type CellOptions, GRUCell, LSTMCell, RNNCell } from './layers/recurrent/cells.js';
export { GRU, LSTM, type LstmOptions, RNN } from './layers/recurrent/layers.js';
export {
  PackedSequence,
  type PackOptions,
  packPaddedSequence,
  padPackedSequence,
  type UnpackOptions,
} from './layers/recurrent/packed.js';
export type { RecurrentCall, RecurrentOptions } from './layers/recurrent/stack.js';
export type { Nonlinearity, RecurrentKind } from './layers/recurrent/steps.js';
export { RotaryEmbedding, type RotaryOptions } from './layers/rotary.js';
export {
  TransformerDecoderBlock,
  type TransformerDecoderBlockCall,
  TransformerEncoderBlock,
  type TransformerEncoderBlockCall,
  type TransformerEncoderBlockOptions,
} from './layers/transformer.js';
export {
  type DecoderMasks,
  type EncoderMasks,
  type Repeatable,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './layers/transformer-layers.js';
export * from './loss.js';
export { Module } from './module.js';
export { Buffer, Parameter } from './parameter.js';
export type { StateDict, StateReport } from './state-dict.js';
export { type ModelSummary, type SummaryRow, summary } from './summary.js';
export type {
  FilledArguments,
  IntervalStrategy,
  OptimizerName,
  TrainingArguments,
} from './training/arguments.js';
export type { BatchSource, LoaderPosition } from './training/batches.js';
export {
  EarlyStoppingCallback,
  type EarlyStoppingOptions,
  type LogEntry,
  type Metrics,
  type TrainerCallback,
  type TrainerControl,
  type TrainerHandle,
  type TrainerState,
} from './training/callbacks.js';
export {
  lastCheckpoint,
  loadCheckpoint,
  type Progress,
  type RetentionOptions,
  readProgress,
  type Stateful,
  saveCheckpoint,
  type TrainingParts,
} from './training/checkpoint.js';
export { NonFiniteLossError } from './training/errors.js';
export type { ModelOutput } from './training/evaluation.js';
export type { FitOptions } from './training/fit-options.js';
export {
  type AnyOptimizer,
  LightningModule,
  type LogOptions,
  type OptimizerConfig,
  type SchedulerConfig,
  type SchedulerLike,
  type StepOutput,
} from './training/lightning.js';
export {
  type Average,
  accuracy,
  argmax,
  confusionMatrix,
  f1Score,
  type HostTensor,
  type PrecisionRecall,
  type PrecisionRecallOptions,
  perplexity,
  precisionRecallF1,
} from './training/metrics.js';
export { decayGroups } from './training/optimization.js';
export { Trainer } from './training/trainer.js';
export type {
  EvalPrediction,
  EvaluateOptions,
  FitData,
  Prediction,
  TrainerOptions,
  TrainerTokenizer,
  TrainOutput,
} from './training/trainer-options.js';
