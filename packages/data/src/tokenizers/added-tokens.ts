/**
 * Tokens that are matched in the text as they stand, before the model sees it: the special tokens, and words that a user
 * added to a vocabulary. Follows `AddedVocabulary` of the Rust tokenizers: leftmost match first, the longest where several
 * start at one place; most are looked for in the raw text, those marked `normalized` in the normalized text.
 */
import { ArgumentError } from '@course/tensor';
import { inRanges, WHITE_SPACE } from './unicode.js';

/** A token that is matched whole; the fields are those of `added_tokens` in `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Match only where no word character touches it. */
  readonly singleWord: boolean;
  /** Take the white space before it along. */
  readonly lstrip: boolean;
  /** Take the white space after it along. */
  readonly rstrip: boolean;
  /** Look for it in the normalized text instead of the raw text. */
  readonly normalized: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
}

/** A stretch of text: an added token, or text between two of them (`token` undefined). */
export interface Segment {
  readonly token: AddedToken | undefined;
  readonly from: number;
  readonly to: number;
}

/** What `\w` is in the reference, in the engine's Unicode version. */
const WORD_CHARACTER = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** Finds a set of added tokens in text. */
export class AddedTokenMatcher {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | undefined;

  /** @param tokens The tokens, each with the text to look for. */
  constructor(tokens: Iterable<readonly [content: string, token: AddedToken]>) {
    this.#byContent = new Map(tokens);
    const contents = [...this.#byContent.keys()];
    if (contents.includes('')) throw new ArgumentError('an added token must not be empty');
    // Longest first, so that the first alternative that matches is the longest one. Plain alternatives cannot backtrack.
    const alternatives = contents.sort((a, b) => b.length - a.length).map(escapeRegExp);
    this.#pattern = alternatives.length > 0 ? new RegExp(alternatives.join('|'), 'gu') : undefined;
  }

  /** Whether there is nothing to look for. */
  get isEmpty(): boolean {
    return this.#pattern === undefined;
  }

  /** The text [0, text.length) in order, cut at its added tokens; empty stretches are left out. */
  split(text: string): Segment[] {
    const segments: Segment[] = [];
    let done = 0;
    const textUpTo = (to: number): void => {
      if (to > done) segments.push({ token: undefined, from: done, to });
    };
    const pattern = this.#pattern;
    if (pattern !== undefined) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        const token = this.#byContent.get(match[0]);
        let from = match.index;
        let to = from + match[0].length;
        if (token === undefined || (token.singleWord && !standsAlone(text, from, to))) continue;
        if (token.lstrip) {
          while (from > 0 && inRanges(WHITE_SPACE, text.charCodeAt(from - 1))) from--;
          from = Math.max(from, done);
        }
        // The search goes on behind the match itself: as in the reference, the next token may begin in the white space taken here.
        if (token.rstrip) while (to < text.length && inRanges(WHITE_SPACE, text.charCodeAt(to))) to++;
        textUpTo(from);
        segments.push({ token, from, to });
        done = to;
      }
    }
    textUpTo(text.length);
    return segments;
  }
}

function standsAlone(text: string, from: number, to: number): boolean {
  const before = from > 0 ? String.fromCodePoint(codePointBefore(text, from)) : '';
  const after = to < text.length ? String.fromCodePoint(text.codePointAt(to) ?? 0) : '';
  return !WORD_CHARACTER.test(before) && !WORD_CHARACTER.test(after);
}

function codePointBefore(text: string, index: number): number {
  const pair = index > 1 ? (text.codePointAt(index - 2) ?? 0) : 0;
  return pair > 0xffff ? pair : text.charCodeAt(index - 1);
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
