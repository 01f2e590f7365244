/** The configuration of GPT-2 (Radford et al. 2019), by the fields of its `config.json`. */
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

/** Sizes and options of a GPT-2, after [GPT2Config](https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2Config). */
export interface Gpt2Config extends PretrainedConfig {
  readonly vocabSize: number;
  /** The longest sequence, in tokens. */
  readonly nPositions: number;
  /** Width of the model. */
  readonly nEmbd: number;
  readonly nLayer: number;
  readonly nHead: number;
  /** Inner width of the MLPs; null: 4 * nEmbd. */
  readonly nInner: number | null;
  readonly activationFunction: string;
  readonly residPdrop: number;
  readonly embdPdrop: number;
  readonly attnPdrop: number;
  readonly layerNormEpsilon: number;
  /** Divide scores by the root of a head's width. */
  readonly scaleAttnWeights: boolean;
  /** Divide the scores of layer i by i + 1 too. */
  readonly scaleAttnByInverseLayerIdx: boolean;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
}

/** The fields of GPT-2's configuration; the defaults are those of the smallest published model. */
export const gpt2ConfigKind: ConfigKind<Gpt2Config> = {
  defaults: {
    ...COMMON_DEFAULTS,
    modelType: 'gpt2',
    vocabSize: 50257,
    nPositions: 1024,
    nEmbd: 768,
    nLayer: 12,
    nHead: 12,
    nInner: null,
    activationFunction: 'gelu_new',
    residPdrop: 0.1,
    embdPdrop: 0.1,
    attnPdrop: 0.1,
    layerNormEpsilon: 1e-5,
    scaleAttnWeights: true,
    scaleAttnByInverseLayerIdx: false,
    bosTokenId: 50256,
    eosTokenId: 50256,
  },
  aliases: {
    n_embd: 'hidden_size',
    n_positions: 'max_position_embeddings',
    n_layer: 'num_hidden_layers',
    n_head: 'num_attention_heads',
  },
  check(config) {
    checkSizes(config, ['vocabSize', 'nPositions', 'nEmbd', 'nLayer', 'nHead']);
    if (config.nInner !== null) checkSizes(config, ['nInner']);
    checkDropouts(config, ['residPdrop', 'embdPdrop', 'attnPdrop']);
    checkActivation('gpt2', 'activationFunction', config.activationFunction);
    if (config.nEmbd % config.nHead !== 0)
      throw new ArgumentError(`gpt2: nEmbd (${config.nEmbd}) must be divisible by nHead (${config.nHead})`);
  },
};

/**
 * A GPT-2 configuration, that of the smallest published model where nothing is said.
 *
 * @throws ArgumentError that names the option and what it may be.
 * @example
 * const config = gpt2Config({ vocabSize: 65, nPositions: 64, nEmbd: 128, nLayer: 4, nHead: 4 });
 */
export function gpt2Config(options: ConfigOverrides<Gpt2Config> = {}): Gpt2Config {
  return makeConfig(gpt2ConfigKind, options);
}
