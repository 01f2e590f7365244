/**
 * Layers as functions, by the names of `torch.nn.functional`.
 *
 * @packageDocumentation
 */
export {
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  conv1d,
  dropout,
  embedding,
  layerNorm,
  linear,
  maxPool1d,
  pad,
  rmsNorm,
  scaledDotProductAttention,
} from '@course/tensor';
export * from './functional/activations.js';
export * from './functional/losses.js';
