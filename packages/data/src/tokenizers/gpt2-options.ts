/** What a GPT-2 tokenizer can be told, as its constructor, the files it is saved in, and its trainer share it. */
import type { AddedToken } from './added-tokens.js';
import type { Merge } from './bpe/merges.js';
import type { SpecialTokens } from './special-tokens.js';
import type { Template } from './template.js';
import type { TokenizerOptions } from './tokenizer.js';
import type { VocabSource } from './vocab.js';

/** What a `GPT2Tokenizer` is made from. */
export interface GPT2TokenizerOptions extends TokenizerOptions, SpecialTokens {
  /** Ids by token (`vocab.json`), or tokens in the order of their ids; in GPT-2's alphabet of bytes. */
  readonly vocab: VocabSource;
  /** Pairs of tokens that are joined, first learned first (`merges.txt`). */
  readonly merges: readonly Merge[];
  /** Put a blank before a text that does not start with one; false by default. */
  readonly addPrefixSpace?: boolean;
  /** Leave the blanks at the edges of tokens out of their offsets; false by default. */
  readonly trimOffsets?: boolean;
  /** Whether trimmed offsets count with a blank put before the text; by default as `addPrefixSpace`. */
  readonly trimWithPrefixSpace?: boolean;
  /** Split into words by GPT-2's pattern; true by default. */
  readonly useRegex?: boolean;
  /** A word that is a token becomes that token, whatever the merges say; false by default. */
  readonly ignoreMerges?: boolean;
  /** The model's token for bytes that have none; by default they are left out. */
  readonly modelUnkToken?: string;
  /** Tokens that are matched whole in the text, beside the special ones. */
  readonly addedTokens?: readonly AddedToken[];
  /** The frame around texts; by default none. */
  readonly template?: Template;
}

/** Everything but the vocabulary, to override what a file says. */
export type GPT2TokenizerOverrides = Partial<Omit<GPT2TokenizerOptions, 'vocab' | 'merges'>>;

/** What the files of a GPT-2 tokenizer hold beside the vocabulary. */
export interface ResolvedGPT2Options {
  readonly merges: readonly (readonly [first: string, second: string])[];
  readonly addPrefixSpace: boolean;
  readonly trimOffsets: boolean;
  readonly trimWithPrefixSpace: boolean;
  readonly useRegex: boolean;
  readonly ignoreMerges: boolean;
  readonly modelUnkToken: string | undefined;
  readonly template: Template;
}
