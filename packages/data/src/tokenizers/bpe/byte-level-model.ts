/**
 * Byte-level BPE, from text to tokens: split into words, UTF-8 bytes, merges (Radford et al. 2019). Every text has tokens, for
 * every byte has one. Words come again and again, so what they become is remembered.
 */
import { FormatError } from '@course/tensor';
import type { AddedTokenMatcher } from '../added-tokens.js';
import type { TextModel } from '../text-model.js';
import type { TokenBuffer } from '../token-buffer.js';
import { isHighSurrogate, isLowSurrogate, isSurrogate } from '../utf16.js';
import { BYTE_CHARS } from './bytes.js';
import { MAX_MERGES, Merger } from './merger.js';
import { PairTable } from './pair-table.js';
import { splitByteLevelWords } from './splitter.js';

/** What a `ByteLevelModel` is made from: plain data, so that it can be sent to a worker. */
export interface ByteLevelModelOptions {
  /** The model's own tokens with their ids, in the alphabet of `BYTE_CHARS`. */
  readonly tokens: readonly (readonly [token: string, id: number])[];
  /** Pairs of tokens that are joined, first learned first. */
  readonly merges: readonly (readonly [first: string, second: string])[];
  /** Put a blank before a text that does not start with one. */
  readonly addPrefixSpace: boolean;
  /** Split into words by GPT-2's pattern; otherwise a text is one word. */
  readonly useRegex: boolean;
  /** A word that is a token becomes that token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Id for bytes without a token; they are left out where it is undefined. */
  readonly unkId: number | undefined;
}

/** Longer words are not remembered. */
const MAX_REMEMBERED_LENGTH = 64;
const MAX_REMEMBERED = 2 ** 16;

/** The text model of GPT-2 and its family. */
export class ByteLevelModel implements TextModel {
  readonly #options: ByteLevelModelOptions;
  readonly #merger: Merger;
  /** The token of each byte; -1 where there is none. */
  readonly #byteIds: Int32Array;
  readonly #wholeWords: ReadonlyMap<string, number>;
  /** Tokens of words, three numbers each: id, and start and end within the word. */
  readonly #remembered = new Map<string, Int32Array>();
  /** Per symbol, the place in the word of the character that its byte is of. */
  #origins = new Int32Array(64);

  /** @throws FormatError for a merge of or into something that is no token. */
  constructor(options: ByteLevelModelOptions) {
    const ids = new Map(options.tokens);
    this.#options = options;
    this.#byteIds = Int32Array.from(BYTE_CHARS, (char) => ids.get(char) ?? -1);
    this.#wholeWords = options.ignoreMerges ? ids : new Map();
    this.#merger = new Merger(new PairTable(mergesById(options.merges, ids)));
  }

  normalize(text: string): string {
    return text;
  }

  tokenize(text: string, from: number, to: number, added: AddedTokenMatcher, out: TokenBuffer): void {
    const stretch = text.slice(from, to);
    if (added.isEmpty) {
      this.#tokenizeStretch(stretch, from, out);
      return;
    }
    for (const { token, from: start, to: end } of added.split(stretch)) {
      if (token === undefined) {
        this.#tokenizeStretch(stretch.slice(start, end), from + start, out);
      } else {
        out.push(token.id, from + start, from + end);
        out.endWord();
      }
    }
  }

  /** @param at Where the stretch starts in its text. */
  #tokenizeStretch(stretch: string, at: number, out: TokenBuffer): void {
    const { addPrefixSpace, useRegex } = this.#options;
    if (!addPrefixSpace || stretch.startsWith(' ')) {
      if (useRegex) splitByteLevelWords(stretch, (from, to) => this.#pushWord(stretch.slice(from, to), at + from, out));
      else this.#pushWord(stretch, at, out);
      return;
    }
    // The blank has no place of its own: it shares that of the first character.
    const prefixed = ` ${stretch}`;
    const width = isPair(stretch, 0) ? 2 : 1;
    const pushWord = (from: number, to: number): void => {
      const first = out.length;
      this.#pushWord(prefixed.slice(from, to), at + from - 1, out);
      if (from > 0) return;
      for (let i = first; i < out.length; i++) {
        out.starts[i] = Math.max(at, out.starts[i] as number);
        out.ends[i] = Math.max(at + width, out.ends[i] as number);
      }
    };
    if (useRegex) splitByteLevelWords(prefixed, pushWord);
    else pushWord(0, prefixed.length);
  }

  #pushWord(word: string, at: number, out: TokenBuffer): void {
    let tokens = this.#remembered.get(word);
    if (tokens === undefined) {
      tokens = this.#tokenizeWord(word);
      if (word.length <= MAX_REMEMBERED_LENGTH) {
        if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
        this.#remembered.set(word, tokens);
      }
    }
    for (let i = 0; i < tokens.length; i += 3) {
      out.push(tokens[i] as number, at + (tokens[i + 1] as number), at + (tokens[i + 2] as number));
    }
    out.endWord();
  }

  #tokenizeWord(word: string): Int32Array {
    if (this.#options.ignoreMerges) {
      const bytes = new TextEncoder().encode(word);
      const id = this.#wholeWords.get(Array.from(bytes, (byte) => BYTE_CHARS[byte] ?? '').join(''));
      if (id !== undefined) return Int32Array.of(id, 0, word.length);
    }
    const count = this.#spell(word);
    const length = this.#merger.merge(count);
    const { symbols, starts } = this.#merger;
    const tokens = new Int32Array(3 * length);
    for (let i = 0; i < length; i++) {
      const last = (i + 1 < length ? (starts[i + 1] as number) : count) - 1;
      const lastChar = this.#origins[last] as number;
      tokens[3 * i] = symbols[i] as number;
      tokens[3 * i + 1] = this.#origins[starts[i] as number] as number;
      tokens[3 * i + 2] = lastChar + (isPair(word, lastChar) ? 2 : 1);
    }
    return tokens;
  }

  /** Puts the symbols of a word's bytes into the merger, and returns their number. */
  #spell(word: string): number {
    const { unkId } = this.#options;
    this.#merger.reserve(3 * word.length);
    if (this.#origins.length < 3 * word.length) this.#origins = new Int32Array(6 * word.length);
    const { symbols } = this.#merger;
    const origins = this.#origins;
    let count = 0;
    const push = (byte: number, origin: number): void => {
      const id = this.#byteIds[byte] as number;
      if (id === -1 && unkId === undefined) return;
      symbols[count] = id === -1 ? (unkId ?? 0) : id;
      origins[count++] = origin;
    };
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      if (unit < 0x80) {
        push(unit, i);
        continue;
      }
      const pair = isPair(word, i);
      // A lone surrogate is U+FFFD, as in any UTF-8 encoder.
      const codePoint = pair ? (word.codePointAt(i) ?? 0) : isSurrogate(unit) ? 0xfffd : unit;
      if (codePoint < 0x800) {
        push(0xc0 | (codePoint >> 6), i);
      } else {
        if (codePoint < 0x10000) push(0xe0 | (codePoint >> 12), i);
        else {
          push(0xf0 | (codePoint >> 18), i);
          push(0x80 | ((codePoint >> 12) & 0x3f), i);
        }
        push(0x80 | ((codePoint >> 6) & 0x3f), i);
      }
      push(0x80 | (codePoint & 0x3f), i);
      if (pair) i++;
    }
    return count;
  }
}

function isPair(text: string, i: number): boolean {
  return isHighSurrogate(text.charCodeAt(i)) && isLowSurrogate(text.charCodeAt(i + 1));
}

function mergesById(
  merges: ByteLevelModelOptions['merges'],
  ids: ReadonlyMap<string, number>,
): [first: number, second: number, result: number][] {
  if (merges.length > MAX_MERGES) {
    throw new FormatError(`merges: ${merges.length} are more than the ${MAX_MERGES} that there may be`);
  }
  return merges.map(([first, second], rank) => {
    const idOf = (token: string): number => {
      const id = ids.get(token);
      if (id !== undefined) return id;
      throw new FormatError(
        `merge ${rank + 1} (${JSON.stringify(first)} ${JSON.stringify(second)}): ${JSON.stringify(token)} is no token`,
      );
    };
    return [idOf(first), idOf(second), idOf(first + second)];
  });
}
