/** What generation can be told, after [GenerationConfig](https://huggingface.co/docs/transformers/main_classes/text_generation), and how it is checked. */
import { ArgumentError, type Generator, type Tensor } from '@course/tensor';

/** Options of `generate` and `stream`. */
export interface GenerateOptions {
  /** Tokens to add at most. Default 20, as in transformers. */
  readonly maxNewTokens?: number;
  /** Tokens of prompt and answer together, at most; `maxNewTokens` goes before it. */
  readonly maxLength?: number;
  /** Tokens that are added before an end token may come. Default 0. */
  readonly minNewTokens?: number;
  /** Draw tokens by their probabilities instead of taking the most probable one. Default false. */
  readonly doSample?: boolean;
  /** Divides the scores: below 1 the probable becomes more probable. Default 1. */
  readonly temperature?: number;
  /** Draw from the k most probable tokens only; 0: from all. Default 50, as in transformers. */
  readonly topK?: number;
  /** Draw from the fewest tokens whose probabilities sum to at least p. Default 1. */
  readonly topP?: number;
  /** Above 1 what was said already is less likely (Keskar et al. 2019). Default 1. */
  readonly repetitionPenalty?: number;
  /** No run of so many tokens comes twice in a text, prompt included; 0: any may. Default 0. */
  readonly noRepeatNgramSize?: number;
  /** Texts for each prompt, drawn apart; they follow each other in the result. Default 1. */
  readonly numReturnSequences?: number;
  /** [batch, time], 1 = keep. Prompts of different lengths are padded on the left. */
  readonly attentionMask?: Tensor | null;
  /** A row ends with this token, or one of these; null: it never does. Default: the model's. */
  readonly eosTokenId?: number | readonly number[] | null;
  /** What stands behind the end of a row in a batch. Default: the first end token. */
  readonly padTokenId?: number;
  /** Ends a row: called with its ids, prompt included, after each token. */
  readonly stop?: (ids: readonly number[], row: number) => boolean;
  /** Where random numbers come from. Default: the default generator, which `manualSeed` seeds. */
  readonly generator?: Generator;
  /** Keep the keys and values of past tokens, so that each token costs only its own work. Default true. */
  readonly useCache?: boolean;
}

/** Options with defaults filled in. */
export interface ResolvedOptions {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly noRepeatNgramSize: number;
  readonly numReturnSequences: number;
  readonly doSample: boolean;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly endTokens: ReadonlySet<number>;
  readonly padTokenId: number;
  readonly stop: ((ids: readonly number[], row: number) => boolean) | undefined;
  readonly generator: Generator;
  readonly useCache: boolean;
}

/** The model's options with those of a call over them: a call's `maxLength` goes before the model's `maxNewTokens`. */
export function withDefaults(defaults: GenerateOptions, options: GenerateOptions): GenerateOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const merged: GenerateOptions = { ...defaults, ...given };
  if (options.maxLength === undefined || options.maxNewTokens !== undefined) return merged;
  const { maxNewTokens: _, ...rest } = merged;
  return rest;
}

/**
 * Fills in defaults.
 *
 * @param promptLength Tokens of the longest prompt.
 * @throws ArgumentError that names the option and what it may be.
 */
export function resolveOptions(
  options: GenerateOptions,
  eosTokenId: number,
  promptLength: number,
  generator: Generator,
): ResolvedOptions {
  const given = options.eosTokenId === undefined ? eosTokenId : options.eosTokenId;
  const ends = given === null ? [] : typeof given === 'number' ? [given] : [...given];
  const resolved: ResolvedOptions = {
    maxNewTokens: options.maxNewTokens ?? (options.maxLength === undefined ? 20 : options.maxLength - promptLength),
    minNewTokens: options.minNewTokens ?? 0,
    noRepeatNgramSize: options.noRepeatNgramSize ?? 0,
    numReturnSequences: options.numReturnSequences ?? 1,
    doSample: options.doSample ?? false,
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 50,
    topP: options.topP ?? 1,
    repetitionPenalty: options.repetitionPenalty ?? 1,
    endTokens: new Set(ends),
    padTokenId: options.padTokenId ?? ends[0] ?? 0,
    stop: options.stop,
    generator: options.generator ?? generator,
    useCache: options.useCache ?? true,
  };
  const { maxNewTokens, temperature, topK, topP, repetitionPenalty } = resolved;
  const must = (holds: boolean, name: string, what: string, value: unknown): void => {
    if (!holds) throw new ArgumentError(`generate: ${name} must be ${what}, got ${String(value)}`);
  };
  if (options.maxNewTokens === undefined && options.maxLength !== undefined)
    must(
      Number.isInteger(options.maxLength) && maxNewTokens >= 1,
      'maxLength',
      `a whole number above the prompt's ${promptLength} tokens`,
      options.maxLength,
    );
  for (const [name, least] of [
    ['maxNewTokens', 1],
    ['minNewTokens', 0],
    ['noRepeatNgramSize', 0],
    ['numReturnSequences', 1],
  ] as const) {
    const value = resolved[name];
    must(Number.isInteger(value) && value >= least, name, `a whole number of at least ${least}`, value);
  }
  if (resolved.numReturnSequences > 1 && !resolved.doSample)
    throw new ArgumentError(
      `generate: numReturnSequences is ${resolved.numReturnSequences}, but without doSample all of them would be the same`,
    );
  must(temperature > 0 && Number.isFinite(temperature), 'temperature', 'a positive number', temperature);
  must(Number.isInteger(topK) && topK >= 0, 'topK', 'a whole number of at least 0', topK);
  must(topP > 0 && topP <= 1, 'topP', 'above 0 and at most 1', topP);
  must(
    repetitionPenalty > 0 && Number.isFinite(repetitionPenalty),
    'repetitionPenalty',
    'a positive number',
    repetitionPenalty,
  );
  for (const id of [...ends, resolved.padTokenId])
    must(Number.isInteger(id) && id >= 0, 'eosTokenId and padTokenId', 'token ids', id);
  return resolved;
}
