/** The configuration of RoBERTa (Liu et al. 2019): the fields of BERT's, with other values. */
import { ArgumentError } from '@course/tensor';
import { type BertConfig, bertConfigKind } from '../bert/config.js';
import { type ConfigKind, type ConfigOverrides, makeConfig } from '../pretrained/config.js';

/** Sizes and options of a RoBERTa, after [RobertaConfig](https://huggingface.co/docs/transformers/model_doc/roberta#transformers.RobertaConfig). */
export type RobertaConfig = BertConfig;

/** The fields of RoBERTa's configuration; the defaults are those of roberta-base. */
export const robertaConfigKind: ConfigKind<RobertaConfig> = {
  defaults: {
    ...bertConfigKind.defaults,
    modelType: 'roberta',
    vocabSize: 50265,
    maxPositionEmbeddings: 514,
    typeVocabSize: 1,
    layerNormEps: 1e-5,
    padTokenId: 1,
  },
  check(config) {
    bertConfigKind.check(config);
    const { maxPositionEmbeddings: rows, padTokenId: pad } = config;
    if (!(Number.isInteger(pad) && pad >= 0 && pad < rows - 1))
      throw new ArgumentError(
        `roberta: places count from padTokenId + 1 on, so it must be a whole number from 0 to ${rows - 2}, got ${pad}`,
      );
  },
};

/**
 * A RoBERTa configuration, roberta-base's where nothing is said. Of `maxPositionEmbeddings` rows the first `padTokenId + 1` stand for no place.
 *
 * @throws ArgumentError that names the option and what it may be.
 * @example
 * const config = robertaConfig({ hiddenSize: 128, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 512 });
 */
export function robertaConfig(options: ConfigOverrides<RobertaConfig> = {}): RobertaConfig {
  return makeConfig(robertaConfigKind, options);
}
