/** What a BERT tokenizer can be told, as its constructor, the files it is saved in, and its trainer share it. */
import type { AddedToken } from './added-tokens.js';
import type { Template } from './template.js';
import type { TokenizerOptions } from './tokenizer.js';
import type { VocabSource } from './vocab.js';

/** What a `BertTokenizer` is made from. */
export interface BertTokenizerOptions extends TokenizerOptions {
  /** Tokens in the order of their ids, or ids by token. */
  readonly vocab: VocabSource;
  /** Convert to lower case (an "uncased" model); true by default. */
  readonly lowercase?: boolean;
  /** Remove accents; by default as `lowercase`. */
  readonly stripAccents?: boolean;
  /** Make every Chinese character a word; true by default. */
  readonly handleChineseChars?: boolean;
  /** Remove control characters and unify white space; true by default. */
  readonly cleanText?: boolean;
  /** Words of more characters become the unknown token; 100 by default. */
  readonly maxCharsPerWord?: number;
  /** What a token starts with that continues a word; '##' by default. */
  readonly continuingSubwordPrefix?: string;
  readonly unkToken?: string;
  readonly clsToken?: string;
  readonly sepToken?: string;
  readonly padToken?: string;
  readonly maskToken?: string;
  /** Tokens that are matched whole in the text, beside the special ones. */
  readonly addedTokens?: readonly AddedToken[];
  /** Whether `decode` removes the blank before each token such as `.` or `'s`; true by default. */
  readonly decoderCleanUp?: boolean;
  /** The frame around texts; by default `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`. */
  readonly template?: Template;
}

/** Everything but the vocabulary, to override what a file says. */
export type BertTokenizerOverrides = Partial<Omit<BertTokenizerOptions, 'vocab'>>;

/** The options of a tokenizer with their defaults filled in. */
export type ResolvedBertOptions = Readonly<
  Required<Omit<BertTokenizerOptions, 'vocab' | 'modelMaxLength' | 'stripAccents' | 'sections'>>
> & {
  /** Undefined: as `lowercase`. */
  readonly stripAccents: boolean | undefined;
};
