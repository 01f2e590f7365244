/**
 * BERT's text clean-up, exactly as the `BertNormalizer` of Hugging Face's Rust tokenizers does it: control characters
 * out, white space to blanks, blanks around ideographs, accents stripped after canonical decomposition (NFD), lower case.
 * What becomes of a character depends on that character alone, so it is worked out once and looked up from then on; only
 * a run of combining marks, which NFD may reorder, is worked out as a whole.
 */
import type { NormalizedText } from './normalized-text.js';
import {
  CONTROLS,
  IDEOGRAPHS,
  inRanges,
  LATER_DECOMPOSITIONS,
  NONSPACING_MARKS,
  NONSTARTERS,
  WHITE_SPACE,
} from './unicode.js';
import { fromSurrogates, isHighSurrogate, isLowSurrogate, isSurrogate } from './utf16.js';

/** What a `BertNormalizer` does; the names are those of `tokenizer.json` in camelCase. */
export interface BertNormalizerOptions {
  /** Remove control characters and turn every white space into a blank. */
  readonly cleanText: boolean;
  /** Put blanks around Chinese characters. */
  readonly handleChineseChars: boolean;
  /** Decompose characters and remove their accents. */
  readonly stripAccents: boolean;
  /** Convert to lower case. */
  readonly lowercase: boolean;
}

/** What normalization makes of one character. */
interface Fate {
  /** The text that takes its place; empty when it is removed. */
  readonly text: string;
  /** Its decomposition starts with a combining mark, so it belongs to the run of the character before it. */
  readonly continuesRun: boolean;
  /** Some of its combining marks outlive accent stripping, so their order in a run shows. */
  readonly leavesMarks: boolean;
  /** A blank or an ideograph between blanks: marks after it start a run of their own. */
  readonly standsAlone: boolean;
}

const REPLACEMENT = 0xfffd;
const MAX_FATES = 2 ** 16;
/** The answer for a character of the Basic Multilingual Plane, packed for a look-up in a typed array. */
const UNKNOWN = 0;
const ONE = 1;
const OTHER = 2;

/** BERT's normalization of raw text. */
export class BertNormalizer {
  readonly options: BertNormalizerOptions;
  /** Per ASCII character what it becomes; 0 where it is removed. */
  readonly #ascii = new Uint8Array(128);
  readonly #kinds = new Uint8Array(0x10000);
  readonly #ones = new Uint16Array(0x10000);
  readonly #fates = new Map<number, Fate>();

  constructor(options: BertNormalizerOptions) {
    this.options = options;
    for (let unit = 0; unit < 128; unit++) {
      const { text } = this.#fateOf(unit);
      this.#ascii[unit] = text === '' ? 0 : text.charCodeAt(0);
    }
  }

  /** Appends the normalized form of `out.original.slice(from, to)` to `out`. */
  normalize(out: NormalizedText, from: number, to: number): void {
    const text = out.original;
    const ascii = this.#ascii;
    const { cleanText, stripAccents } = this.options;
    out.reserve(to - from);
    let { units, origins, length } = out;
    // Up to here no combining mark of the current run outlives stripping, so each character stands for itself.
    let plainUntil = from;
    for (let i = from; i < to; ) {
      const unit = text.charCodeAt(i);
      if (unit < 128) {
        const mapped = ascii[unit] as number;
        if (mapped !== 0 || (unit === 0 && !cleanText)) {
          units[length] = mapped;
          origins[length++] = i;
        }
        i++;
        continue;
      }
      const codePoint = codePointAt(text, i, to);
      const next = i + widthOf(codePoint);
      if (stripAccents && next > plainUntil && next < to && mayContinueRun(text.charCodeAt(next))) {
        const run = this.#runFrom(text, i, next, to);
        if (run.leavesMarks) {
          out.length = length;
          this.#normalizeRun(out, i, run.end);
          out.reserve(to - run.end);
          ({ units, origins, length } = out);
          i = run.end;
          continue;
        }
        plainUntil = run.end;
      }
      if (codePoint <= 0xffff && this.#kinds[codePoint] === UNKNOWN) this.#learn(codePoint);
      if (codePoint <= 0xffff && this.#kinds[codePoint] === ONE) {
        units[length] = this.#ones[codePoint] as number;
        origins[length++] = i;
      } else {
        out.length = length;
        out.append(this.#fateOf(codePoint).text, i);
        out.reserve(to - next);
        ({ units, origins, length } = out);
      }
      i = next;
    }
    out.length = length;
  }

  /** The run of combining marks after the character at `start`: where it ends, and whether any of it will be left. */
  #runFrom(text: string, start: number, next: number, to: number): { end: number; leavesMarks: boolean } {
    const first = this.#fateOf(codePointAt(text, start, to));
    let { leavesMarks } = first;
    let end = next;
    while (!first.standsAlone && end < to) {
      const codePoint = codePointAt(text, end, to);
      const fate = this.#fateOf(codePoint);
      // A removed control character is gone before marks are reordered, so it does not end their run.
      if (!fate.continuesRun && !this.#isRemoved(codePoint)) break;
      leavesMarks ||= fate.leavesMarks;
      end += widthOf(codePoint);
    }
    return { end, leavesMarks: leavesMarks && end > next };
  }

  /** Decompose, reorder, strip and lower a run in which the order of marks shows. */
  #normalizeRun(out: NormalizedText, from: number, to: number): void {
    const text = out.original;
    const origins: number[] = [];
    const decomposed: Mark[] = [];
    for (let i = from; i < to; ) {
      const codePoint = codePointAt(text, i, to);
      if (!this.#isRemoved(codePoint)) {
        let inserted = false;
        for (const char of decompose(codePoint)) {
          decomposed.push({ char, codePoint: char.codePointAt(0) ?? 0, inserted });
          inserted = true;
        }
        origins.push(i);
      }
      i += widthOf(codePoint);
    }
    let consumed = 0;
    for (const { char, codePoint, inserted } of orderMarks(decomposed)) {
      // As the reference aligns them: what a decomposition added belongs to the character consumed last.
      if (!inserted) consumed++;
      if (inRanges(NONSPACING_MARKS, codePoint)) continue;
      out.append(this.options.lowercase ? char.toLowerCase() : char, origins[consumed - 1] ?? from);
    }
  }

  #isRemoved(codePoint: number): boolean {
    if (!this.options.cleanText || codePoint === 0x9 || codePoint === 0xa || codePoint === 0xd) return false;
    return codePoint === REPLACEMENT || inRanges(CONTROLS, codePoint);
  }

  #learn(codePoint: number): void {
    const { text } = this.#fateOf(codePoint);
    this.#kinds[codePoint] = text.length === 1 ? ONE : OTHER;
    this.#ones[codePoint] = text.charCodeAt(0);
  }

  #fateOf(codePoint: number): Fate {
    const known = this.#fates.get(codePoint);
    if (known !== undefined) return known;
    const fate = this.#workOut(codePoint);
    // No text has this many different characters, but a million of them should not stay in memory either.
    if (this.#fates.size >= MAX_FATES) this.#fates.clear();
    this.#fates.set(codePoint, fate);
    return fate;
  }

  #workOut(codePoint: number): Fate {
    const { cleanText, handleChineseChars, stripAccents, lowercase } = this.options;
    const alone = { continuesRun: false, leavesMarks: false, standsAlone: true };
    if (this.#isRemoved(codePoint)) return { ...alone, text: '', standsAlone: false };
    if (cleanText && inRanges(WHITE_SPACE, codePoint)) return { ...alone, text: ' ' };
    let chars = stripAccents ? [...decompose(codePoint)] : [String.fromCodePoint(codePoint)];
    const continuesRun = inRanges(NONSTARTERS, chars[0]?.codePointAt(0) ?? 0);
    if (stripAccents) chars = chars.filter((char) => !inRanges(NONSPACING_MARKS, char.codePointAt(0) ?? 0));
    const leavesMarks = chars.some((char) => inRanges(NONSTARTERS, char.codePointAt(0) ?? 0));
    // Character by character: a final sigma is lowered like any other. Case, unlike the tables, follows the engine's Unicode version,
    // as it follows the compiler's in the reference; letters of the last two versions at most can differ.
    const text = (lowercase ? chars.map((char) => char.toLowerCase()) : chars).join('');
    if (handleChineseChars && inRanges(IDEOGRAPHS, codePoint)) return { ...alone, text: ` ${text} ` };
    return { text, continuesRun, leavesMarks, standsAlone: false };
  }
}

/** One character of a decomposed run. */
interface Mark {
  readonly char: string;
  readonly codePoint: number;
  /** A decomposition added it: it has no character of its own in the text. */
  readonly inserted: boolean;
}

/** Canonical ordering: sorts every run of combining marks by combining class, keeping the order of equals. */
function orderMarks(marks: readonly Mark[]): Mark[] {
  const ordered: Mark[] = [];
  let run: Mark[] = [];
  const flush = (): void => {
    if (run.length > 1) {
      const ranks = rankMarks(new Set(run.map((mark) => mark.char)));
      run.sort((a, b) => (ranks.get(a.char) ?? 0) - (ranks.get(b.char) ?? 0));
    }
    for (const mark of run) ordered.push(mark);
    run = [];
  };
  for (const mark of marks) {
    if (!inRanges(NONSTARTERS, mark.codePoint)) flush();
    run.push(mark);
    if (!inRanges(NONSTARTERS, mark.codePoint)) flush();
  }
  flush();
  return ordered;
}

/** Numbers marks by combining class. Each mark is compared once with each other kind, however long the run is. */
function rankMarks(marks: ReadonlySet<string>): Map<string, number> {
  const ranks = new Map<string, number>();
  let previous = '';
  let rank = 0;
  for (const mark of [...marks].sort(compareMarks)) {
    if (previous !== '' && compareMarks(previous, mark) !== 0) rank++;
    ranks.set(mark, rank);
    previous = mark;
  }
  return ranks;
}

/** Compares combining classes, which the engine shows only by what it swaps: a pair whose second mark ranks lower. */
function compareMarks(a: string, b: string): number {
  if (a === b) return 0;
  if ((b + a).normalize('NFD') === a + b) return -1;
  return (a + b).normalize('NFD') === b + a ? 1 : 0;
}

/** The canonical decomposition of one character, as the reference's Unicode version has it. */
function decompose(codePoint: number): string {
  const text = String.fromCodePoint(codePoint);
  return inRanges(LATER_DECOMPOSITIONS, codePoint) ? text : text.normalize('NFD');
}

/** The code point at `i`; a lone surrogate counts as U+FFFD, which is what any UTF-8 encoder makes of it. */
function codePointAt(text: string, i: number, to: number): number {
  const unit = text.charCodeAt(i);
  if (!isSurrogate(unit)) return unit;
  if (isHighSurrogate(unit) && i + 1 < to) {
    const low = text.charCodeAt(i + 1);
    if (isLowSurrogate(low)) return fromSurrogates(unit, low);
  }
  return REPLACEMENT;
}

function widthOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}

/** A quick no for most characters; the first combining mark is U+0300, and C1 controls and U+00AD are removed. */
function mayContinueRun(unit: number): boolean {
  return unit >= 0x300 || unit < 0x20 || (unit >= 0x7f && unit <= 0xad);
}
