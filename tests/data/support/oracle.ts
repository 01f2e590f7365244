// Hugging Face's Rust tokenizers, from npm (`@anush008/tokenizers`), as the reference for ours. They count offsets in code points, we
// in UTF-16 units; `rustEncode` converts.

import type { Encoding as RustEncoding, Tokenizer as RustTokenizer } from '@anush008/tokenizers';
import type { Encoding, Tokenizer } from '@course/data';
import * as fc from 'fast-check';
import { vi } from 'vitest';

async function load(): Promise<typeof import('@anush008/tokenizers') | undefined> {
  try {
    return await import('@anush008/tokenizers');
  } catch {
    console.info('data: comparisons with the Rust tokenizers skipped, they have no binary for this platform');
    return undefined;
  }
}

/** The Rust tokenizers; undefined on platforms for which npm has no binary of them. */
export const rust = await load();

/** How many random texts a property is tried on; `COURSE_TEST_RUNS=100000` for a long run. */
export const numRuns = Number(process.env.COURSE_TEST_RUNS ?? 2000);
if (numRuns > 2000) vi.setConfig({ testTimeout: 3_600_000 });

/** The Rust tokenizer that our `tokenizer.json` describes. */
export function twinOf(tokenizer: Tokenizer): RustTokenizer {
  const json = tokenizer.toFiles()['tokenizer.json'];
  if (rust === undefined || json === undefined) throw new TypeError('twinOf: no Rust tokenizers on this platform');
  return rust.Tokenizer.fromString(json);
}

/** UTF-16 index of every code point of a text, and of its end. */
function utf16Indices(text: string): number[] {
  const indices = [0];
  for (const char of text) indices.push((indices.at(-1) ?? 0) + char.length);
  return indices;
}

/** One encoding of the Rust tokenizer as ours; its offsets count code points. */
function converted(encoded: RustEncoding, text: string, pair: string): Encoding {
  const places = [utf16Indices(text), utf16Indices(pair)];
  const sequences = encoded.getSequenceIds();
  return {
    inputIds: encoded.getIds(),
    tokens: encoded.getTokens(),
    tokenTypeIds: encoded.getTypeIds(),
    attentionMask: encoded.getAttentionMask(),
    offsets: encoded.getOffsets().map(([start = 0, end = 0], i) => {
      const indices = places[sequences[i] ?? 0] ?? [];
      return [indices[start] ?? -1, indices[end] ?? -1];
    }),
    wordIds: encoded.getWordIds().map((id) => id ?? null),
    specialTokensMask: encoded.getSpecialTokensMask(),
  };
}

/** What the Rust tokenizer makes of a text, or a pair of texts, as our encodings: the first window, then those it overflows into. */
export async function rustWindows(tokenizer: RustTokenizer, text: string, pair?: string): Promise<Encoding[]> {
  const encoded = await tokenizer.encode(text, pair ?? null);
  return [encoded, ...encoded.getOverflowing()].map((each) => converted(each, text, pair ?? ''));
}

/**
 * The tokens of a list of words without special tokens. The binding takes no lists, but what the library does with one is to encode
 * the words one by one and put the results together as they are, numbered by word.
 */
export async function rustWords(tokenizer: RustTokenizer, words: readonly string[]): Promise<Encoding> {
  const all: Encoding = {
    inputIds: [],
    tokens: [],
    tokenTypeIds: [],
    attentionMask: [],
    offsets: [],
    wordIds: [],
    specialTokensMask: [],
  };
  for (const [i, word] of words.entries()) {
    const encoded = converted(await tokenizer.encode(word, null, { addSpecialTokens: false }), word, '');
    all.inputIds.push(...encoded.inputIds);
    all.tokens.push(...encoded.tokens);
    all.tokenTypeIds.push(...encoded.tokenTypeIds);
    all.attentionMask.push(...encoded.attentionMask);
    all.offsets.push(...encoded.offsets);
    all.wordIds.push(...encoded.wordIds.map(() => i));
    all.specialTokensMask.push(...encoded.specialTokensMask);
  }
  return all;
}

/** What the Rust tokenizer makes of a text, or a pair of texts, as one of our encodings. */
export async function rustEncode(tokenizer: RustTokenizer, text: string, pair?: string): Promise<Encoding> {
  const [encoding] = await rustWindows(tokenizer, text, pair);
  if (encoding === undefined) throw new TypeError('the Rust tokenizer gave no encoding');
  return encoding;
}

const codePoint = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((code) => String.fromCodePoint(code));

/** A piece of text in which something is odd about the characters. */
const piece: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('the', 'unaffable', 'playing', 'Hello', 'abc', 'TOKENIZERS', 'straßes', 'don'),
  },
  { weight: 4, arbitrary: codePoint(0x20, 0x7e) },
  { weight: 2, arbitrary: codePoint(0x00, 0xff) },
  { weight: 2, arbitrary: codePoint(0x100, 0x24f) },
  // Combining marks, with those whose order in a run shows: they outlive accent stripping.
  { weight: 3, arbitrary: codePoint(0x300, 0x36f) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '\u302e',
      '\u302f',
      '\u{1d165}',
      '\u{1d16d}',
      '\u1b44',
      '\u08d4',
      '\u1dfb',
      '\u0344',
      '\u0f73',
    ),
  },
  { weight: 2, arbitrary: codePoint(0x370, 0xfff) },
  { weight: 2, arbitrary: fc.constantFrom('Σ', 'ς', 'İ', 'ﬁ', 'Å', '\u1e9e', '한', '\u1100\u1161', '豈', '\u{2f800}') },
  { weight: 2, arbitrary: codePoint(0x2000, 0x206f) },
  { weight: 2, arbitrary: codePoint(0x4dfe, 0x4e20) },
  { weight: 1, arbitrary: codePoint(0xac00, 0xd7a3) },
  { weight: 1, arbitrary: codePoint(0xe000, 0xffff) },
  { weight: 2, arbitrary: codePoint(0x10000, 0x10ffff) },
  { weight: 2, arbitrary: fc.constantFrom(' ', '\t', '\n', '\u3000', '\u200d', '\u00ad', '\u0001', '\ufffd') },
  { weight: 1, arbitrary: fc.constantFrom('[MASK]', '[CLS]', '[SEP]', '[PAD]', '[UNK]', '[MASK', '##ing') },
);

/** Text with every kind of oddity, without lone surrogates (which the reference cannot be given). */
export const anyText: fc.Arbitrary<string> = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''));
