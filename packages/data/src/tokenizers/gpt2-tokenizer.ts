/**
 * GPT-2's tokenizer: byte-level BPE, which has tokens for every text and gives every text back. It gives the ids and offsets that
 * Hugging Face's `GPT2TokenizerFast` gives; with frames around texts it is that of RoBERTa and BART too.
 */
import { ByteLevelModel, type ByteLevelModelOptions } from './bpe/byte-level-model.js';
import { decodeByteLevel } from './bpe/bytes.js';
import { splitMerge } from './bpe/merges.js';
import { trimByteLevelOffsets } from './bpe/trim-offsets.js';
import { cleanUpSpaces } from './decode.js';
import { loadGPT2, saveGPT2 } from './gpt2-files.js';
import type { GPT2TokenizerOptions, GPT2TokenizerOverrides, ResolvedGPT2Options } from './gpt2-options.js';
import type { EncoderRecipe } from './recipe.js';
import type { PrintedSections } from './sections.js';
import { namingSource, type PretrainedSource } from './source.js';
import { completeToken, ROLES, type SpecialTokenRole, type SpecialTokens } from './special-tokens.js';
import type { Template } from './template.js';
import { Tokenizer } from './tokenizer.js';
import { Vocab, vocabEntries } from './vocab.js';

/** What GPT-2 uses where other models have several special tokens. */
const END_OF_TEXT = '<|endoftext|>';

const BARE: Template = {
  single: [{ sequence: 0, typeId: 0 }],
  pair: [
    { sequence: 0, typeId: 0 },
    { sequence: 1, typeId: 1 },
  ],
};

/**
 * The tokenizer of GPT-2 and its family; equal to
 * [GPT2TokenizerFast](https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2TokenizerFast). It has no padding
 * token until `addSpecialTokens({ padToken: … })` names one.
 *
 * @example
 * const gpt = trainByteLevelBpe(['low lower lowest'], { vocabSize: 300, minFrequency: 1 });
 * gpt.tokenize('low lower'); // ['low', 'Ġlower']
 * gpt.decode(gpt.encode('Smörgåsbord 😀').inputIds); // 'Smörgåsbord 😀'
 */
export class GPT2Tokenizer extends Tokenizer {
  readonly #options: ResolvedGPT2Options;
  readonly #modelOptions: ByteLevelModelOptions;

  /**
   * @throws FormatError for merges of or into something that is no token.
   */
  constructor(options: GPT2TokenizerOptions) {
    const model = vocabEntries(options.vocab);
    const merges = options.merges.map(splitMerge);
    const ids = new Map(model);
    const added = options.addedTokens ?? [];
    const isToken = (token: string): boolean => ids.has(token) || added.some((each) => each.content === token);
    const fallback = isToken(END_OF_TEXT) ? END_OF_TEXT : undefined;
    const roles: Partial<Record<SpecialTokenRole, string>> = {};
    for (const role of Object.keys(ROLES) as SpecialTokenRole[]) {
      const usual = role === 'bosToken' || role === 'eosToken' || role === 'unkToken' ? fallback : undefined;
      const token = options[role] ?? usual;
      if (token !== undefined) roles[role] = token;
    }
    const vocab = new Vocab(model, added, undefined);
    // Special tokens that no file lists are added, those of the vocabulary under their own ids.
    for (const token of new Set(Object.values(roles))) {
      if (!added.some((each) => each.content === token)) vocab.add(completeToken(token, true));
    }
    vocab.unkToken = roles.unkToken;
    const { addPrefixSpace = false, trimOffsets = false, useRegex = true, ignoreMerges = false } = options;
    const { modelUnkToken, template = BARE, trimWithPrefixSpace = addPrefixSpace } = options;
    const modelOptions = {
      tokens: model,
      merges,
      addPrefixSpace,
      useRegex,
      ignoreMerges,
      unkId: modelUnkToken === undefined ? undefined : vocab.requireId(modelUnkToken),
    };
    const textModel = new ByteLevelModel(modelOptions);
    const trim = trimOffsets ? trimByteLevelOffsets(vocab, trimWithPrefixSpace) : undefined;
    const { cleanUpTokenizationSpaces = false, modelInputNames = ['inputIds', 'attentionMask'] } = options;
    super({ vocab, model: textModel, template, trimOffsets: trim }, roles satisfies SpecialTokens, {
      ...options,
      cleanUpTokenizationSpaces,
      modelInputNames,
    });
    this.#modelOptions = modelOptions;
    this.#options = {
      merges,
      addPrefixSpace,
      trimOffsets,
      trimWithPrefixSpace,
      useRegex,
      ignoreMerges,
      modelUnkToken,
      template,
    };
  }

  /**
   * Loads a tokenizer from a folder or model id with `tokenizer.json`, or `vocab.json` and `merges.txt` (and
   * `tokenizer_config.json`), from a `tokenizer.json`, or makes it from a vocabulary and merges.
   *
   * @param source A path, an id, or `{ vocab, merges, … }`.
   * @param overrides What to change of what the files say, and where to look for them.
   * @throws FormatError when there are no such files, or they are malformed or of another kind of tokenizer.
   * @example
   * const gpt = await GPT2Tokenizer.fromPretrained('./gpt2');
   */
  static async fromPretrained(
    source: string | GPT2TokenizerOptions,
    overrides: GPT2TokenizerOverrides & PretrainedSource = {},
  ): Promise<GPT2Tokenizer> {
    if (typeof source !== 'string') return new GPT2Tokenizer({ ...source, ...overrides });
    const { options, additionalSpecialTokens } = await loadGPT2(source, overrides);
    return namingSource(source, () => {
      const tokenizer = new GPT2Tokenizer({ ...options, ...overrides });
      tokenizer.addSpecialTokens({ additionalSpecialTokens: tokenizer.unlisted(additionalSpecialTokens) });
      return tokenizer;
    });
  }

  /** The token that starts a text; undefined where there is none. */
  get bosToken(): string | undefined {
    return this.specialTokens.bosToken;
  }

  /** The token that ends a text; undefined where there is none. */
  get eosToken(): string | undefined {
    return this.specialTokens.eosToken;
  }

  /** @throws ArgumentError where there is none. */
  get bosTokenId(): number {
    return this.specialTokenId('bosToken');
  }

  /** @throws ArgumentError where there is none. */
  get eosTokenId(): number {
    return this.specialTokenId('eosToken');
  }

  /** Whether a blank is put before a text that does not start with one. */
  get addPrefixSpace(): boolean {
    return this.#options.addPrefixSpace;
  }

  protected override files(sections: PrintedSections): Record<string, string> {
    return saveGPT2(this, this.vocab, this.#options, sections);
  }

  override toString(): string {
    return this.describe('GPT2Tokenizer', { addPrefixSpace: this.addPrefixSpace });
  }

  protected override recipe(): EncoderRecipe {
    const { template, trimOffsets, trimWithPrefixSpace } = this.#options;
    return {
      model: { kind: 'byte-level', options: this.#modelOptions },
      added: this.vocab.added,
      template,
      trimOffsets: trimOffsets ? { withPrefixSpace: trimWithPrefixSpace } : undefined,
    };
  }

  protected override joinTokens(tokens: readonly string[], cleanUp: boolean): string {
    const text = decodeByteLevel(tokens);
    return cleanUp ? cleanUpSpaces(text) : text;
  }
}
