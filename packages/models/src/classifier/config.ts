/**
 * The configuration of a text classifier. Its fields have the names of `TextClassifier`'s options; in `config.json` they have Hugging Face's,
 * so that the file reads like that of any encoder.
 */
import { ArgumentError } from '@course/tensor';
import {
  COMMON_DEFAULTS,
  type ConfigKind,
  checkDropouts,
  checkSizes,
  labelNames,
  makeConfig,
  type PretrainedConfig,
} from '../pretrained/config.js';

/** Sizes of a {@link TextClassifier}, as its `config.json` holds them. `initializerRange` is the deviation of its embeddings at the start. */
export interface TextClassifierSizes extends PretrainedConfig {
  /** Tokens of the vocabulary. */
  readonly vocabSize: number;
  /** Width of the model. Default 128. */
  readonly dim: number;
  /** Encoder blocks. Default 2. */
  readonly layers: number;
  /** Attention heads; they divide `dim`. Default 4. */
  readonly heads: number;
  /** Inner width of the MLPs. Default 4 * dim. */
  readonly mlpDim: number;
  /** The longest sequence, in tokens. Default 128. */
  readonly maxLength: number;
  /** Dropout in training. Default 0.1. */
  readonly dropout: number;
}

/** Sizes and labels of a {@link TextClassifier}. */
export interface TextClassifierConfig extends TextClassifierSizes {
  /** The names of the classes, by class number: those of `id2label`. */
  readonly labels: readonly string[];
  /** Standard deviation of the embeddings at the start. Default 1, as PyTorch's tables; BERT starts from 0.02. */
  readonly embeddingStd: number;
}

/** What `model_type` says in the `config.json` of a text classifier. */
export const MODEL_TYPE = 'course-text-classifier';

/** What must be given, and what has a default. */
export type TextClassifierOptions = Pick<TextClassifierConfig, 'vocabSize'> &
  Partial<TextClassifierConfig> &
  (Pick<TextClassifierConfig, 'labels'> | Pick<TextClassifierConfig, 'id2label'>);

/** The fields of a text classifier's configuration. */
export const textClassifierConfigKind: ConfigKind<TextClassifierSizes> = {
  defaults: {
    ...COMMON_DEFAULTS,
    modelType: MODEL_TYPE,
    initializerRange: 1,
    tieWordEmbeddings: false,
    // Has to be said: a default of some other tokenizer helps nobody.
    vocabSize: 0,
    dim: 128,
    layers: 2,
    heads: 4,
    mlpDim: 512,
    maxLength: 128,
    dropout: 0.1,
  },
  fileNames: {
    dim: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
    mlpDim: 'intermediate_size',
    maxLength: 'max_position_embeddings',
    dropout: 'hidden_dropout_prob',
  },
  check(config) {
    checkSizes(config, ['vocabSize', 'dim', 'layers', 'heads', 'mlpDim', 'maxLength']);
    checkDropouts(config, ['dropout']);
    const { dim, heads, initializerRange } = config;
    if (dim % heads !== 0)
      throw new ArgumentError(`TextClassifier: dim (${dim}) must be divisible by heads (${heads})`);
    if (initializerRange < 0)
      throw new ArgumentError(`TextClassifier: embeddingStd must not be negative, got ${initializerRange}`);
    const labels = labelNames(config);
    if (labels.length < 2 || new Set(labels).size !== labels.length)
      throw new ArgumentError(
        `TextClassifier: labels must be at least two different names, got [${labels.join(', ')}]`,
      );
  },
};

/**
 * Fills in defaults and checks that the sizes fit each other.
 *
 * @throws ArgumentError that names the option and what it may be.
 */
export function completeConfig(options: TextClassifierOptions): TextClassifierSizes {
  const { labels, embeddingStd, modelType: _, others, ...sizes } = options;
  const { dim = textClassifierConfigKind.defaults.dim } = sizes;
  const config = makeConfig(textClassifierConfigKind, {
    mlpDim: 4 * dim,
    ...withoutUndefined(sizes),
    ...(labels && { id2label: Object.fromEntries(labels.map((label, id) => [id, label])) }),
    ...(embeddingStd !== undefined && { initializerRange: embeddingStd }),
  });
  return others ? { ...config, others } : config;
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
