/** The configuration of the encoder-decoder Transformer, by the names that transformers' encoder-decoder models have. */
import { ArgumentError } from '@course/tensor';
import {
  COMMON_DEFAULTS,
  type ConfigKind,
  type ConfigOverrides,
  checkDropouts,
  checkSizes,
  makeConfig,
  type PretrainedConfig,
} from '../pretrained/config.js';

/** Sizes and options of a {@link Seq2SeqTransformer}. */
export interface Seq2SeqConfig extends PretrainedConfig {
  /** Tokens of the vocabulary, which sources and targets share. */
  readonly vocabSize: number;
  /** Width of the model. */
  readonly dModel: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  /** They divide `dModel`. */
  readonly numAttentionHeads: number;
  /** Inner width of the MLPs. */
  readonly ffnDim: number;
  /** `relu`, as in the paper, or `gelu`. */
  readonly activationFunction: string;
  readonly dropout: number;
  /** Normalise before each part and once behind the stack, instead of after each residual as in the paper: trains without a warm-up. */
  readonly normFirst: boolean;
  /** The longest source and the longest target, in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly padTokenId: number;
  /** What a target begins with before its first token. */
  readonly decoderStartTokenId: number;
  readonly eosTokenId: number;
}

/** The fields of the configuration; the defaults are those of the paper's base model. */
export const seq2SeqConfigKind: ConfigKind<Seq2SeqConfig> = {
  defaults: {
    ...COMMON_DEFAULTS,
    modelType: 'course-seq2seq',
    vocabSize: 37000,
    dModel: 512,
    encoderLayers: 6,
    decoderLayers: 6,
    numAttentionHeads: 8,
    ffnDim: 2048,
    activationFunction: 'relu',
    dropout: 0.1,
    normFirst: true,
    maxPositionEmbeddings: 512,
    padTokenId: 0,
    decoderStartTokenId: 1,
    eosTokenId: 2,
  },
  check(config) {
    const { modelType: name, vocabSize } = config;
    checkSizes(config, [
      'vocabSize',
      'dModel',
      'encoderLayers',
      'decoderLayers',
      'numAttentionHeads',
      'ffnDim',
      'maxPositionEmbeddings',
    ]);
    checkDropouts(config, ['dropout']);
    if (config.dModel % config.numAttentionHeads !== 0)
      throw new ArgumentError(
        `${name}: dModel (${config.dModel}) must be divisible by numAttentionHeads (${config.numAttentionHeads})`,
      );
    if (config.activationFunction !== 'relu' && config.activationFunction !== 'gelu')
      throw new ArgumentError(`${name}: activationFunction must be relu or gelu, got '${config.activationFunction}'`);
    for (const field of ['padTokenId', 'decoderStartTokenId', 'eosTokenId'] as const)
      if (!(Number.isInteger(config[field]) && config[field] >= 0 && config[field] < vocabSize))
        throw new ArgumentError(`${name}: ${field} must be an id below vocabSize (${vocabSize}), got ${config[field]}`);
  },
};

/**
 * A configuration of the encoder-decoder Transformer, the paper's base model where nothing is said.
 *
 * @throws ArgumentError that names the option and what it may be.
 * @example
 * const config = seq2SeqConfig({ vocabSize: 100, dModel: 64, encoderLayers: 2, decoderLayers: 2, numAttentionHeads: 4, ffnDim: 128 });
 */
export function seq2SeqConfig(options: ConfigOverrides<Seq2SeqConfig> = {}): Seq2SeqConfig {
  return makeConfig(seq2SeqConfigKind, options);
}
