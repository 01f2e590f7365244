/**
 * The part of a tokenizer that differs from kind to kind: how a stretch of text becomes tokens. What is alike (added tokens,
 * special tokens around texts, truncation, padding) is in `encoder.ts`. A model knows nothing of tensors, files or threads, so
 * that a worker can be given one and nothing else.
 */
import type { AddedTokenMatcher } from './added-tokens.js';
import type { TokenBuffer } from './token-buffer.js';

/** Turns text into tokens, without special tokens around it. */
export interface TextModel {
  /** The text as the model sees it, after clean-up. */
  normalize(text: string): string;
  /**
   * Appends the tokens of `text.slice(from, to)`, with their places in `text`.
   *
   * @param added Finds the added tokens that are looked for in normalized text.
   */
  tokenize(text: string, from: number, to: number, added: AddedTokenMatcher, out: TokenBuffer): void;
}
