/** What generation can be told, after [GenerationConfig](https://huggingface.co/docs/transformers/main_classes/text_generation), and how it is checked. */
import { ArgumentError, type Generator, type Tensor } from '@course/tensor';

/** Options of `generate` and `stream`. */
export interface GenerateOptions {
  /** Tokens to add at most. Default 20, as in transformers. */
  readonly maxNewTokens?: number;
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

/**
 * Fills in defaults.
 *
 * @throws ArgumentError that names the option and what it may be.
 */
export function resolveOptions(options: GenerateOptions, eosTokenId: number, generator: Generator): ResolvedOptions {
  const given = options.eosTokenId === undefined ? eosTokenId : options.eosTokenId;
  const ends = given === null ? [] : typeof given === 'number' ? [given] : [...given];
  const resolved: ResolvedOptions = {
    maxNewTokens: options.maxNewTokens ?? 20,
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
  must(
    Number.isInteger(maxNewTokens) && maxNewTokens >= 1,
    'maxNewTokens',
    'a whole number of at least 1',
    maxNewTokens,
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
