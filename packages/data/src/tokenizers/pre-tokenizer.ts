/**
 * BERT's split into words, as the `BertPreTokenizer` of the Rust tokenizers: white space separates and is dropped, every
 * punctuation character is a word of its own. It works on normalized code units and hands out index ranges, no strings.
 */
import { inRanges, PUNCTUATION, WHITE_SPACE } from './unicode.js';
import { fromSurrogates, isHighSurrogate, isLowSurrogate } from './utf16.js';

const LETTER = 0;
const SPACE = 1;
const PUNCT = 2;
/** The first half of a surrogate pair: the class depends on the second half. */
const PAIR = 3;

let classes: Uint8Array | undefined;

/** The class of every code unit; made once, at the first use. */
function unitClasses(): Uint8Array {
  if (classes !== undefined) return classes;
  classes = new Uint8Array(0x10000);
  const fill = (first: number, last: number, value: number): Uint8Array | undefined =>
    classes?.fill(value, first, Math.min(last, 0xffff) + 1);
  // ASCII symbols such as `$` and `+` count as punctuation here, though Unicode has them as symbols.
  for (const [first, last] of [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ] as const) {
    fill(first, last, PUNCT);
  }
  for (const [ranges, value] of [
    [PUNCTUATION, PUNCT],
    [WHITE_SPACE, SPACE],
  ] as const) {
    for (let i = 0; i < ranges.length; i += 2) fill(ranges[i] ?? 0, ranges[i + 1] ?? 0, value);
  }
  fill(0xd800, 0xdbff, PAIR);
  return classes;
}

/** Whether a surrogate pair starts at `i` and is punctuation. */
function isPunctuationPair(units: Uint16Array, i: number, to: number): boolean {
  const high = units[i] ?? 0;
  const low = i + 1 < to ? (units[i + 1] ?? 0) : 0;
  return isHighSurrogate(high) && isLowSurrogate(low) && inRanges(PUNCTUATION, fromSurrogates(high, low));
}

/**
 * Calls `word(from, to)` for every word of `units` in [from, to).
 *
 * @param units Normalized UTF-16 code units.
 */
export function splitWords(
  units: Uint16Array,
  from: number,
  to: number,
  word: (from: number, to: number) => void,
): void {
  const classOf = unitClasses();
  let start = from;
  let i = from;
  while (i < to) {
    const kind = classOf[units[i] as number];
    if (kind === LETTER) {
      i++;
      continue;
    }
    let width = 1;
    if (kind === PAIR) {
      if (!isPunctuationPair(units, i, to)) {
        i++;
        continue;
      }
      width = 2;
    }
    if (i > start) word(start, i);
    if (kind !== SPACE) word(i, i + width);
    i += width;
    start = i;
  }
  if (i > start) word(start, i);
}
