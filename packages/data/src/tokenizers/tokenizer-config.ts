/**
 * What stands beside a vocabulary: `tokenizer_config.json`, and of older models `special_tokens_map.json` and
 * `added_tokens.json`. Where files differ, the one that `transformers` believes counts.
 */
import type { JsonNode } from '../text-file.js';
import type { AddedToken } from './added-tokens.js';
import type { ModelInputName } from './call.js';
import type { TokenizerFolder } from './source.js';
import { ROLES } from './special-tokens.js';
import { addedTokenFromJson, addedTokenToJson, parseSide } from './template-json.js';
import type { Tokenizer, TokenizerOptions } from './tokenizer.js';
import type { Vocab } from './vocab.js';

/** `transformers` writes 1e30 where a model has no longest input. */
const NO_MAX_LENGTH = 1e20;

/** What models read, as the files name it. */
const MODEL_INPUTS: Readonly<Record<string, ModelInputName>> = {
  input_ids: 'inputIds',
  token_type_ids: 'tokenTypeIds',
  attention_mask: 'attentionMask',
};

/** Options that come from these files whatever the kind of tokenizer. */
export type CommonConfig = { [K in keyof TokenizerOptions]: TokenizerOptions[K] | undefined } & {
  readonly addedTokens: readonly AddedToken[] | undefined;
};

/** The configuration of a tokenizer. */
export class TokenizerConfig {
  readonly #config: JsonNode | undefined;
  /** Read only where the configuration does not list added tokens itself: models saved before it did. */
  readonly #specials: JsonNode | undefined;
  readonly #added: JsonNode | undefined;

  private constructor(config: JsonNode | undefined, specials: JsonNode | undefined, added: JsonNode | undefined) {
    this.#config = config;
    this.#specials = specials;
    this.#added = added;
  }

  static async read(folder: TokenizerFolder): Promise<TokenizerConfig> {
    const config = await folder.readJson('tokenizer_config.json');
    if (config?.get('added_tokens_decoder').isPresent) return new TokenizerConfig(config, undefined, undefined);
    const specials = await folder.readJson('special_tokens_map.json');
    return new TokenizerConfig(config, specials, await folder.readJson('added_tokens.json'));
  }

  /** A value that is true or false. */
  flag(key: string): boolean | undefined {
    const node = this.#config?.get(key);
    return node?.isPresent ? node.boolean() : undefined;
  }

  /** A special token, given as text or with its flags. */
  token(key: string): string | undefined {
    const node = [this.#specials?.get(key), this.#config?.get(key)].find((each) => each?.isPresent);
    return node && contentOf(node);
  }

  /** The kind of tokenizer that the files ask for, such as `BertTokenizer`. */
  get tokenizerClass(): string | undefined {
    const node = this.#config?.get('tokenizer_class');
    return node?.isPresent ? node.string().replace(/Fast$/, '') : undefined;
  }

  /** Special tokens that play no part. */
  additionalSpecialTokens(): string[] {
    const node = [this.#specials, this.#config]
      .map((each) => each?.get('additional_special_tokens'))
      .find((each) => each?.isPresent && Array.isArray(each.value));
    return node === undefined ? [] : node.array().map(contentOf);
  }

  /** What all kinds of tokenizers read. */
  common(): CommonConfig {
    const maxLength = this.#config?.get('model_max_length');
    const value = (key: string): JsonNode | undefined => {
      const node = this.#config?.get(key);
      return node?.isPresent ? node : undefined;
    };
    const [paddingSide, truncationSide] = [value('padding_side'), value('truncation_side')];
    return {
      cleanUpTokenizationSpaces: this.flag('clean_up_tokenization_spaces'),
      paddingSide: paddingSide && parseSide(paddingSide),
      truncationSide: truncationSide && parseSide(truncationSide),
      padTokenTypeId: value('pad_token_type_id')?.number(),
      modelInputNames: this.#modelInputNames(),
      modelMaxLength: maxLength?.isPresent && maxLength.number() < NO_MAX_LENGTH ? maxLength.number() : undefined,
      addedTokens: this.#addedTokens(),
    };
  }

  /** Columns that are no names here (of images, say) are left out. DistilBERT's class reads no token types, and its files do not say so. */
  #modelInputNames(): ModelInputName[] | undefined {
    const names = this.#config?.get('model_input_names');
    if (names?.isPresent) {
      return names.array().flatMap((node) => {
        const name = MODEL_INPUTS[node.string()];
        return name === undefined ? [] : [name];
      });
    }
    return this.tokenizerClass === 'DistilBertTokenizer' ? ['inputIds', 'attentionMask'] : undefined;
  }

  #addedTokens(): AddedToken[] | undefined {
    const decoder = this.#config?.get('added_tokens_decoder');
    if (decoder?.isPresent) return decoder.entries().map(([id, node]) => addedTokenFromJson(node, Number(id)));
    if (this.#added === undefined) return undefined;
    const special = new Set([...Object.values(ROLES).map((key) => this.token(key)), ...this.additionalSpecialTokens()]);
    return this.#added.entries().map(([content, id]) => ({
      id: id.number(),
      content,
      singleWord: false,
      lstrip: false,
      rstrip: false,
      normalized: !special.has(content),
      special: special.has(content),
    }));
  }
}

function contentOf(node: JsonNode): string {
  return typeof node.value === 'string' ? node.value : node.get('content').string();
}

/** The entries that are there, so that spreading them overrides nothing by undefined. */
export function withoutUndefined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The files that all kinds of tokenizers write beside their vocabulary. */
export function configFiles(
  tokenizer: Tokenizer,
  vocab: Vocab,
  tokenizerClass: string,
  own: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const byRole = Object.entries(ROLES).flatMap(([role, key]) => {
    const token = tokenizer.specialTokens[role as keyof typeof ROLES];
    return token !== undefined && vocab.ids.has(token) ? [[key, token] as const] : [];
  });
  const inRoles = new Set(byRole.map(([, token]) => token));
  const further = vocab.added.filter((token) => token.special && !inRoles.has(token.content));
  const specials = {
    ...(further.length > 0 ? { additional_special_tokens: further.map((token) => token.content) } : {}),
    ...Object.fromEntries(byRole),
  };
  const { modelMaxLength, padTokenTypeId, modelInputNames } = tokenizer;
  const inputs = Object.entries(MODEL_INPUTS).flatMap(([key, name]) => (modelInputNames.includes(name) ? [key] : []));
  const config = {
    added_tokens_decoder: Object.fromEntries(vocab.added.map((token) => [token.id, addedTokenToJson(token)])),
    clean_up_tokenization_spaces: tokenizer.cleanUpTokenizationSpaces,
    ...specials,
    ...own,
    model_input_names: inputs,
    ...(modelMaxLength === undefined ? {} : { model_max_length: modelMaxLength }),
    ...(padTokenTypeId === 0 ? {} : { pad_token_type_id: padTokenTypeId }),
    padding_side: tokenizer.paddingSide,
    tokenizer_class: tokenizerClass,
    truncation_side: tokenizer.truncationSide,
  };
  return { 'tokenizer_config.json': printJson(config), 'special_tokens_map.json': printJson(specials) };
}

/** JSON as the files have it. */
export function printJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
