/** The configuration of a text classifier: what its `config.json` holds and how it is checked. */
import { ArgumentError, FormatError } from '@course/tensor';
import { parseJsonObject } from '../pretrained/config.js';

/** Sizes and labels of a {@link TextClassifier}. */
export interface TextClassifierConfig {
  /** Tokens of the vocabulary. */
  readonly vocabSize: number;
  /** The names of the classes, by class number. */
  readonly labels: readonly string[];
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
  /** Standard deviation of the embeddings at the start. Default 1, as PyTorch's tables; BERT starts from 0.02. */
  readonly embeddingStd: number;
}

/** What `model_type` says in the `config.json` of a text classifier. */
export const MODEL_TYPE = 'course-text-classifier';

/** What must be given, and what has a default. */
export type TextClassifierOptions = Pick<TextClassifierConfig, 'vocabSize' | 'labels'> & Partial<TextClassifierConfig>;

/**
 * Fills in defaults and checks that the sizes fit each other.
 *
 * @throws ArgumentError that names the option and what it may be.
 */
export function completeConfig(options: TextClassifierOptions): TextClassifierConfig {
  const dim = options.dim ?? 128;
  const config: TextClassifierConfig = {
    dim,
    layers: 2,
    heads: 4,
    mlpDim: 4 * dim,
    maxLength: 128,
    dropout: 0.1,
    embeddingStd: 1,
    ...withoutUndefined(options),
  };
  for (const name of ['vocabSize', 'dim', 'layers', 'heads', 'mlpDim', 'maxLength'] as const) {
    if (!Number.isInteger(config[name]) || config[name] < 1)
      throw new ArgumentError(`TextClassifier: ${name} must be a whole number of at least 1, got ${config[name]}`);
  }
  if (config.dim % config.heads !== 0)
    throw new ArgumentError(`TextClassifier: dim (${config.dim}) must be divisible by heads (${config.heads})`);
  if (!(config.dropout >= 0 && config.dropout < 1))
    throw new ArgumentError(`TextClassifier: dropout must be at least 0 and below 1, got ${config.dropout}`);
  if (!(config.embeddingStd >= 0 && Number.isFinite(config.embeddingStd)))
    throw new ArgumentError(`TextClassifier: embeddingStd must not be negative, got ${config.embeddingStd}`);
  if (config.labels.length < 2 || new Set(config.labels).size !== config.labels.length)
    throw new ArgumentError(
      `TextClassifier: labels must be at least two different names, got [${config.labels.join(', ')}]`,
    );
  return config;
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** The text of `config.json`: Hugging Face's names where it has them. */
export function configToJson(config: TextClassifierConfig): string {
  const { labels } = config;
  const json = {
    model_type: MODEL_TYPE,
    vocab_size: config.vocabSize,
    hidden_size: config.dim,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.mlpDim,
    max_position_embeddings: config.maxLength,
    hidden_dropout_prob: config.dropout,
    initializer_range: config.embeddingStd,
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/**
 * Reads `config.json`.
 *
 * @throws FormatError that names the file and what is wrong in it.
 */
export function configFromJson(text: string, file: string): TextClassifierConfig {
  const fields = parseJsonObject(text, file);
  if (fields.model_type !== MODEL_TYPE)
    throw new FormatError(`${file}: model_type must be '${MODEL_TYPE}', got ${JSON.stringify(fields.model_type)}`);
  const number = (name: string): number => {
    const value = fields[name];
    if (typeof value !== 'number')
      throw new FormatError(`${file}: '${name}' must be a number, got ${JSON.stringify(value)}`);
    return value;
  };
  const id2label = fields.id2label;
  if (typeof id2label !== 'object' || id2label === null)
    throw new FormatError(`${file}: 'id2label' must map class numbers to names`);
  const entries = Object.entries(id2label);
  const labels = entries.map((_, id) => (id2label as Record<string, unknown>)[id]);
  if (!labels.every((label) => typeof label === 'string'))
    throw new FormatError(`${file}: 'id2label' must name the classes 0 to ${entries.length - 1}`);
  try {
    return completeConfig({
      vocabSize: number('vocab_size'),
      labels: labels as string[],
      dim: number('hidden_size'),
      layers: number('num_hidden_layers'),
      heads: number('num_attention_heads'),
      mlpDim: number('intermediate_size'),
      maxLength: number('max_position_embeddings'),
      dropout: number('hidden_dropout_prob'),
      ...(fields.initializer_range !== undefined && { embeddingStd: number('initializer_range') }),
    });
  } catch (error) {
    if (error instanceof ArgumentError) throw new FormatError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
