/**
 * GPT-2's split into words, the pattern `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, by hand: one
 * pass over the text whatever it holds, with character classes that do not depend on the engine.
 */
import { inRanges, WHITE_SPACE } from '../unicode.js';
import { fromSurrogates, isHighSurrogate, isLowSurrogate, isSurrogate } from '../utf16.js';
import { LETTERS, NUMBERS } from './letters.js';

const OTHER = 0;
const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;

const BLANK = 0x20;
const APOSTROPHE = 0x27;

let classes: Uint8Array | undefined;

/** The class of every character of the Basic Multilingual Plane; made once, at the first use. */
function unitClasses(): Uint8Array {
  if (classes !== undefined) return classes;
  classes = new Uint8Array(0x10000);
  for (const [ranges, value] of [
    [LETTERS, LETTER],
    [NUMBERS, NUMBER],
    [WHITE_SPACE, SPACE],
  ] as const) {
    for (let i = 0; i < ranges.length && (ranges[i] ?? 0) <= 0xffff; i += 2) {
      classes.fill(value, ranges[i], Math.min(ranges[i + 1] ?? 0, 0xffff) + 1);
    }
  }
  return classes;
}

/** The class of a surrogate: that of its pair, or of U+FFFD where it is alone. */
function surrogateClass(text: string, i: number): number {
  const high = text.charCodeAt(i);
  const low = text.charCodeAt(i + 1);
  if (!(isHighSurrogate(high) && isLowSurrogate(low))) return OTHER;
  const codePoint = fromSurrogates(high, low);
  if (inRanges(LETTERS, codePoint)) return LETTER;
  return inRanges(NUMBERS, codePoint) ? NUMBER : OTHER;
}

/** Length of the contraction that starts with the apostrophe at `i`: `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`; 0 for none. */
function contraction(text: string, i: number): number {
  const next = text[i + 1];
  if (next === 's' || next === 't' || next === 'm' || next === 'd') return 2;
  const after = text[i + 2];
  return ((next === 'r' || next === 'v') && after === 'e') || (next === 'l' && after === 'l') ? 3 : 0;
}

/** Calls `word(from, to)` for every word of `text`. Together they are the whole text. */
export function splitByteLevelWords(text: string, word: (from: number, to: number) => void): void {
  const classOf = unitClasses();
  const { length } = text;
  const classAt = (i: number): number => {
    const unit = text.charCodeAt(i);
    return isSurrogate(unit) ? surrogateClass(text, i) : (classOf[unit] as number);
  };
  const widthAt = (i: number): number =>
    isHighSurrogate(text.charCodeAt(i)) && isLowSurrogate(text.charCodeAt(i + 1)) ? 2 : 1;
  for (let from = 0; from < length; ) {
    const unit = text.charCodeAt(from);
    let to = unit === APOSTROPHE ? from + contraction(text, from) : from;
    if (to === from) {
      let kind = classAt(from);
      // A blank belongs to the word after it.
      const start = unit === BLANK && from + 1 < length && classAt(from + 1) !== SPACE ? from + 1 : from;
      if (start > from) kind = classAt(start);
      to = start + widthAt(start);
      while (to < length && classAt(to) === kind) to += widthAt(to);
      // Of white space before a word the last character is left: a blank goes with the word, anything else stands alone.
      if (kind === SPACE && to < length && to - from > 1) to--;
    }
    word(from, to);
    from = to;
  }
}
