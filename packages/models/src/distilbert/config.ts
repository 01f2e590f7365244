/** The configuration of DistilBERT (Sanh et al. 2019), by the fields of its `config.json`. */
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

/** Sizes and options of a DistilBERT, after [DistilBertConfig](https://huggingface.co/docs/transformers/model_doc/distilbert#transformers.DistilBertConfig). */
export interface DistilBertConfig extends PretrainedConfig {
  readonly vocabSize: number;
  /** Width of the model. */
  readonly dim: number;
  readonly nLayers: number;
  readonly nHeads: number;
  /** Inner width of the MLPs. */
  readonly hiddenDim: number;
  readonly activation: string;
  readonly dropout: number;
  readonly attentionDropout: number;
  /** The longest sequence, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Fill the positions with sines, and do not train them. */
  readonly sinusoidalPosEmbds: boolean;
  readonly padTokenId: number;
  /** Dropout before the classifier of sequences. */
  readonly seqClassifDropout: number;
  /** Dropout before the classifier of answers. */
  readonly qaDropout: number;
}

/** The fields of DistilBERT's configuration; the defaults are those of distilbert-base-uncased. */
export const distilBertConfigKind: ConfigKind<DistilBertConfig> = {
  defaults: {
    ...COMMON_DEFAULTS,
    modelType: 'distilbert',
    vocabSize: 30522,
    dim: 768,
    nLayers: 6,
    nHeads: 12,
    hiddenDim: 3072,
    activation: 'gelu',
    dropout: 0.1,
    attentionDropout: 0.1,
    maxPositionEmbeddings: 512,
    sinusoidalPosEmbds: false,
    padTokenId: 0,
    seqClassifDropout: 0.2,
    qaDropout: 0.1,
  },
  check(config) {
    checkSizes(config, ['vocabSize', 'dim', 'nLayers', 'nHeads', 'hiddenDim', 'maxPositionEmbeddings']);
    checkDropouts(config, ['dropout', 'attentionDropout', 'seqClassifDropout', 'qaDropout']);
    checkActivation('distilbert', 'activation', config.activation);
    if (config.dim % config.nHeads !== 0)
      throw new ArgumentError(`distilbert: nHeads (${config.nHeads}) must divide dim (${config.dim}) evenly`);
  },
};

/**
 * A DistilBERT configuration, distilbert-base-uncased's where nothing is said.
 *
 * @throws ArgumentError that names the option and what it may be.
 * @example
 * const config = distilBertConfig({ dim: 128, nLayers: 2, nHeads: 2, hiddenDim: 512, numLabels: 5 });
 */
export function distilBertConfig(options: ConfigOverrides<DistilBertConfig> = {}): DistilBertConfig {
  return makeConfig(distilBertConfigKind, options);
}
