/**
 * `@course/nn`: modules, layers and losses with PyTorch's names.
 *
 * @packageDocumentation
 */

export type { ForwardHook, ForwardPreHook } from './call.js';
export { clipGradNorm_, clipGradValue_ } from './clip.js';
export * as init from './init.js';
export { GELU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh } from './layers/activation.js';
export { MultiHeadAttention, type MultiHeadAttentionOptions, SelfAttention } from './layers/attention.js';
export { type Layer, ModuleList, Sequential } from './layers/containers.js';
export { Dropout } from './layers/dropout.js';
export { Embedding, type EmbeddingOptions } from './layers/embedding.js';
export { Identity, Linear } from './layers/linear.js';
export { LayerNorm, type LayerNormOptions } from './layers/normalization.js';
export { LearnedPositions, PositionalEncoding, sinusoidalTable } from './layers/position.js';
export { TransformerEncoderBlock, type TransformerEncoderBlockOptions } from './layers/transformer.js';
export { CrossEntropyLoss, MSELoss } from './loss.js';
export { Module } from './module.js';
export { Buffer, Parameter } from './parameter.js';
export type { StateDict, StateReport } from './state-dict.js';
export { type ModelSummary, type SummaryRow, summary } from './summary.js';
export {
  lastCheckpoint,
  loadCheckpoint,
  type Progress,
  type Stateful,
  saveCheckpoint,
  type TrainingParts,
} from './training/checkpoint.js';
