/**
 * `@course/models`: transformer models with Hugging Face's file formats.
 *
 * @packageDocumentation
 */
export * as safetensors from '@course/tensor/safetensors';
export type { TextClassifierConfig, TextClassifierOptions } from './classifier/config.js';
export {
  type Classification,
  TextClassifier,
  type TextClassifierInputs,
  type TextClassifierOutput,
} from './classifier/text-classifier.js';
