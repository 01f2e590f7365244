/** The configuration of BERT (Devlin et al. 2018), by the fields of its `config.json`. */
import { ArgumentError } from '@course/tensor';
import { checkActivation } from '../pretrained/activations.js';
import {
  COMMON_DEFAULTS,
  type ConfigKind,
  type ConfigOverrides,
  checkDropouts,
  checkSizes,
  makeConfig,
  type PretrainedConfig,
} from '../pretrained/config.js';

/** Sizes and options of a BERT, after [BertConfig](https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertConfig). */
export interface BertConfig extends PretrainedConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  /** The longest sequence, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Kinds of segment: 2. */
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
  /** Dropout before a classifier; null: as `hiddenDropoutProb`. */
  readonly classifierDropout: number | null;
  /** Only `absolute` is supported. */
  readonly positionEmbeddingType: string;
  /** Only an encoder is supported: false. */
  readonly isDecoder: boolean;
}

/** The fields of BERT's configuration; the defaults are those of bert-base-uncased. */
export const bertConfigKind: ConfigKind<BertConfig> = {
  defaults: {
    ...COMMON_DEFAULTS,
    modelType: 'bert',
    vocabSize: 30522,
    hiddenSize: 768,
    numHiddenLayers: 12,
    numAttentionHeads: 12,
    intermediateSize: 3072,
    hiddenAct: 'gelu',
    hiddenDropoutProb: 0.1,
    attentionProbsDropoutProb: 0.1,
    maxPositionEmbeddings: 512,
    typeVocabSize: 2,
    layerNormEps: 1e-12,
    padTokenId: 0,
    classifierDropout: null,
    positionEmbeddingType: 'absolute',
    isDecoder: false,
  },
  check(config) {
    checkSizes(config, [
      'vocabSize',
      'hiddenSize',
      'numHiddenLayers',
      'numAttentionHeads',
      'intermediateSize',
      'maxPositionEmbeddings',
      'typeVocabSize',
    ]);
    checkDropouts(config, ['hiddenDropoutProb', 'attentionProbsDropoutProb']);
    checkActivation(config.modelType, 'hiddenAct', config.hiddenAct);
    if (config.hiddenSize % config.numAttentionHeads !== 0)
      throw new ArgumentError(
        `${config.modelType}: the hidden size (${config.hiddenSize}) is not a multiple of the number of attention heads (${config.numAttentionHeads})`,
      );
    if (config.positionEmbeddingType !== 'absolute')
      throw new ArgumentError(
        `${config.modelType}: positionEmbeddingType must be 'absolute', got '${config.positionEmbeddingType}': relative positions are not supported`,
      );
    if (config.isDecoder)
      throw new ArgumentError(`${config.modelType}: isDecoder must be false: it is an encoder here`);
    const { classifierDropout: dropout } = config;
    if (dropout !== null && !(dropout >= 0 && dropout < 1))
      throw new ArgumentError(
        `${config.modelType}: classifierDropout must be at least 0 and below 1, or null, got ${dropout}`,
      );
  },
};

/**
 * A BERT configuration, bert-base-uncased's where nothing is said.
 *
 * @throws ArgumentError that names the option and what it may be.
 * @example
 * const config = bertConfig({ hiddenSize: 128, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 512 });
 */
export function bertConfig(options: ConfigOverrides<BertConfig> = {}): BertConfig {
  return makeConfig(bertConfigKind, options);
}
