/**
 * What a model's folder says of generation: `generation_config.json`, whose fields are the options of `generate` in snake_case. They stand in
 * for options that a call leaves out. Fields that nobody here reads are kept, so that the file survives being loaded and saved.
 */
import { FormatError } from '@course/tensor';
import type { GenerateOptions } from './options.js';

/** The file of a model's options of generation. */
export const GENERATION_CONFIG = 'generation_config.json';

/** Options that a file can hold. */
const KINDS = {
  maxNewTokens: 'number',
  maxLength: 'number',
  minNewTokens: 'number',
  doSample: 'boolean',
  temperature: 'number',
  topK: 'number',
  topP: 'number',
  repetitionPenalty: 'number',
  noRepeatNgramSize: 'number',
  numReturnSequences: 'number',
  eosTokenId: 'ids',
  padTokenId: 'number',
  useCache: 'boolean',
} as const;

/** Options of `generate` that belong to a model. */
export type GenerationConfig = Pick<GenerateOptions, keyof typeof KINDS> & {
  /** Everything else that the file holds, by the file's names. */
  readonly others?: Readonly<Record<string, unknown>>;
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const FITS = {
  number: (value: unknown) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value: unknown) => typeof value === 'boolean',
  ids: (value: unknown) => [value].flat().every((id) => Number.isInteger(id)),
} as const;

/**
 * Reads the fields of `generation_config.json`.
 *
 * @throws FormatError that names file and field.
 */
export function readGenerationConfig(json: Readonly<Record<string, unknown>>, file: string): GenerationConfig {
  const others: Record<string, unknown> = { ...json };
  const config: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(KINDS)) {
    const key = snake(field);
    const value = json[key];
    delete others[key];
    // Python writes null for what is left to the library.
    if (value === undefined || value === null) continue;
    if (!FITS[kind](value))
      throw new FormatError(
        `${file}: '${key}' must be ${kind === 'ids' ? 'a token id or a list of them' : `a ${kind}`}, got ${JSON.stringify(value)}`,
      );
    config[field] = value;
  }
  return { ...config, others };
}

/** The text of `generation_config.json`. */
export function writeGenerationConfig({ others, ...config }: GenerationConfig): string {
  const json: Record<string, unknown> = { ...others };
  for (const [field, value] of Object.entries(config)) if (value !== undefined) json[snake(field)] = value;
  const sorted = Object.keys(json).sort();
  return `${JSON.stringify(Object.fromEntries(sorted.map((key) => [key, json[key]])), null, 2)}\n`;
}
