/**
 * What a tokenizer returns, and the options that shape it. An `Encoding` is plain data, so it spreads into a dataset row
 * (`{ ...tokenizer.encode(text), label }`) and survives JSON.
 */

/** One tokenized text, or pair of texts: columns of one entry per token. */
export interface Encoding {
  /** Token ids. */
  inputIds: number[];
  /** The tokens as text. */
  tokens: string[];
  /** 0 for the first text and its special tokens, 1 for the second. */
  tokenTypeIds: number[];
  /** 1 for tokens, 0 for padding. */
  attentionMask: number[];
  /** Where each token stands in its text: UTF-16 indices, end exclusive, as `text.slice(start, end)`; [0, 0] for special tokens. */
  offsets: [start: number, end: number][];
  /** Number of the word that each token is a part of, counted within its text; null for special tokens. */
  wordIds: (number | null)[];
  /** 1 for special tokens and padding. */
  specialTokensMask: number[];
  /** With `returnOverflowingTokens`: the windows over what truncation cut off. */
  overflowing?: Encoding[];
}

/** Which text loses tokens when there are too many: `true` is 'longest_first'. */
export type Truncation = boolean | 'longest_first' | 'only_first' | 'only_second';

/** How far to pad: `true` is 'longest'. */
export type Padding = boolean | 'longest' | 'max_length';

/** Options of `encodeBatch`; the names and meanings are those of Hugging Face tokenizers. */
export interface EncodeBatchOptions {
  /**
   * Cut down to `maxLength` tokens, special tokens included. Left out, texts are cut only where `maxLength` is given without
   * `padding: 'max_length'`.
   */
  readonly truncation?: Truncation;
  /** Length for truncation and for padding to 'max_length'; by default the tokenizer's `modelMaxLength`. */
  readonly maxLength?: number;
  /** Number of tokens that a window over a long text shares with the one before; 0 by default. */
  readonly stride?: number;
  /** With truncation: keep what is cut off, as further windows of `maxLength` tokens. */
  readonly returnOverflowingTokens?: boolean;
  /** Pad to the longest of the batch, or to `maxLength`. */
  readonly padding?: Padding;
  /** With `padding`: the padded length is a multiple of this. */
  readonly padToMultipleOf?: number;
  /** The side that padding goes to; by default the tokenizer's. */
  readonly paddingSide?: 'left' | 'right';
  /** The side that truncation takes tokens from; by default the tokenizer's. */
  readonly truncationSide?: 'left' | 'right';
  /** Add the special tokens of the model, such as [CLS] and [SEP]; true by default. */
  readonly addSpecialTokens?: boolean;
  /** Texts are lists of words; offsets then count within a word, and `wordIds` are places in the list. */
  readonly isSplitIntoWords?: boolean;
}

/** Options of `encode`. */
export interface EncodeOptions extends EncodeBatchOptions {
  /** A second text, as in question and context; a list of words with `isSplitIntoWords`. */
  readonly pair?: string | readonly string[];
}
