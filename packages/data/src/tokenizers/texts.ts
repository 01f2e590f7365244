/** What callers give as texts, checked once where it comes in. */
import { ArgumentError } from '@course/tensor';
import type { Text, Texts } from './encoder.js';

/** A text, or a pair of texts that go into one encoding; with `isSplitIntoWords`, lists of words in place of texts. */
export type TextOrPair =
  | string
  | readonly [text: string, pair: string]
  | readonly string[]
  | readonly (readonly string[])[];

/** A text, checked: a list of words where the caller said so, a string otherwise. */
export function textOf(text: unknown, isSplitIntoWords: boolean): Text {
  if (!isSplitIntoWords) {
    if (typeof text === 'string') return text;
    const found = Array.isArray(text) ? 'an array: pass isSplitIntoWords for a list of words' : typeof text;
    throw new ArgumentError(`a tokenizer encodes strings, got ${found}`);
  }
  if (Array.isArray(text) && text.every((word) => typeof word === 'string')) return text;
  throw new ArgumentError('encode: isSplitIntoWords needs a list of words in place of a text');
}

/** An entry of a batch as one or two texts. */
export function textsOf(entry: TextOrPair, isSplitIntoWords: boolean): Texts {
  const isPair = Array.isArray(entry) && (!isSplitIntoWords || Array.isArray(entry[0]));
  if (!isPair) return [textOf(entry, isSplitIntoWords)];
  if (entry.length !== 2) {
    throw new ArgumentError(
      `encodeBatch: a pair has two texts, got ${entry.length}; pass isSplitIntoWords for lists of words`,
    );
  }
  return [textOf(entry[0], isSplitIntoWords), textOf(entry[1], isSplitIntoWords)];
}
