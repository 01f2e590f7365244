/**
 * Texts into words and n-grams, as scikit-learn's analyzers do. A letter is what Python's `\w` takes for one: letters, numbers and
 * `_` of all scripts, combining marks not. Characters are code points, as in Python.
 */
import { ArgumentError } from '@course/tensor';

/** One character of a word, as Python's `\w`. */
const WORD = '[\\p{L}\\p{N}_]';

/** A class of white space, as Python's `\s` and `str.split` have it: with the separators of files and records, without the byte order mark. */
const SPACE = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const SPACES = new RegExp(`${SPACE}+`, 'u');
const SEVERAL_SPACES = new RegExp(`${SPACE}{2,}`, 'gu');

/** Options of {@link wordTokenize}. */
export interface WordOptions {
  /** Lowercase first; true by default. */
  readonly lowercase?: boolean;
  /** Characters that a word has at least; 1 by default. */
  readonly minLength?: number;
}

/**
 * The words of a text: runs of letters, numbers and `_`, as `re.findall(r'\w+', text.lower())` in Python.
 *
 * @example
 * wordTokenize("Isn't it naïve?"); // ['isn', 't', 'it', 'naïve']
 */
export function wordTokenize(text: string, { lowercase = true, minLength = 1 }: WordOptions = {}): string[] {
  checkCount('wordTokenize', 'minLength', minLength);
  const words = (lowercase ? text.toLowerCase() : text).match(new RegExp(`${WORD}+`, 'gu')) ?? [];
  return minLength === 1 ? [...words] : words.filter((word) => [...word].length >= minLength);
}

/** The characters of a text: its code points. */
export function charTokenize(text: string): string[] {
  return [...text];
}

/**
 * Every run of `min` to `max` tokens, shorter runs first.
 *
 * @throws ArgumentError unless 1 <= min <= max.
 * @example
 * ngrams(['to', 'be', 'or'], 1, 2); // ['to', 'be', 'or', 'to be', 'be or']
 */
export function ngrams(tokens: readonly string[], min: number, max: number = min, separator = ' '): string[] {
  checkRange(min, max);
  const found: string[] = [];
  for (let n = min; n <= Math.min(max, tokens.length); n++) {
    for (let i = 0; i + n <= tokens.length; i++) found.push(tokens.slice(i, i + n).join(separator));
  }
  return found;
}

/**
 * Every run of `min` to `max` characters; white space of several characters counts as one space.
 *
 * @throws ArgumentError unless 1 <= min <= max.
 * @example
 * charNgrams('abc', 2); // ['ab', 'bc']
 */
export function charNgrams(text: string, min: number, max: number = min): string[] {
  return ngrams([...text.replace(SEVERAL_SPACES, ' ')], min, max, '');
}

/**
 * The runs of characters inside of words, each with a space on both sides: `char_wb` of scikit-learn.
 *
 * @throws ArgumentError unless 1 <= min <= max.
 * @example
 * charWordNgrams('ab c', 3); // [' ab', 'ab ', ' c ']
 */
export function charWordNgrams(text: string, min: number, max: number = min): string[] {
  checkRange(min, max);
  const found: string[] = [];
  for (const word of text.split(SPACES)) {
    if (word === '') continue;
    const padded = [' ', ...word, ' '];
    for (let n = min; n <= max; n++) {
      for (let i = 0; i === 0 || i + n <= padded.length; i++) found.push(padded.slice(i, i + n).join(''));
      // A word that is shorter than the run counts once.
      if (n >= padded.length) break;
    }
  }
  return found;
}

function checkRange(min: number, max: number): void {
  if (Number.isInteger(min) && Number.isInteger(max) && min >= 1 && min <= max) return;
  throw new ArgumentError(`ngrams: the lengths must be whole numbers with 1 <= min <= max, got ${min} and ${max}`);
}

function checkCount(op: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(`${op}: ${name} must be a positive whole number, got ${value}`);
}
