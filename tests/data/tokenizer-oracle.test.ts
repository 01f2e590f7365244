// Equality with the Rust tokenizers: every Unicode character, and random text of the odd kinds, through clean-up, splitting,
// WordPiece, pairs, truncation, padding, added tokens and decoding. The Rust side reads the tokenizer.json that we write.
import type { TruncationStrategy } from '@anush008/tokenizers';
import { BertTokenizer, type BertTokenizerOptions } from '@course/data';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText, numRuns, rust, rustEncode, twinOf } from './support/oracle.js';
import { smallVocab } from './support/vocabulary.js';

const variants: readonly [name: string, options: Partial<BertTokenizerOptions>][] = [
  ['uncased', {}],
  ['cased', { lowercase: false }],
  ['cased without accents', { lowercase: false, stripAccents: true }],
  ['uncased with accents', { lowercase: true, stripAccents: false }],
  ['raw', { cleanText: false, handleChineseChars: false, lowercase: false, maxCharsPerWord: 6 }],
];

// Lower case follows the Unicode version of whoever runs: these letters got theirs in 16 and 17, which the Rust binary knows and
// an engine may not.
const laterCases =
  Number.parseInt(process.versions.unicode ?? '0', 10) >= 17
    ? /[^\s\S]/u
    : /[\u1c89\ua7cb-\ua7dc\u{10d50}-\u{10d65}\u{16ea0}-\u{16eb8}]/u;

describe.skipIf(rust === undefined)('as the Rust tokenizers', () => {
  describe.each(variants)('%s', (_, options) => {
    const tokenizer = new BertTokenizer({ vocab: smallVocab, ...options });
    const twin = rust && twinOf(tokenizer);

    it('every Unicode character is cleaned and split alike', () => {
      const { cleanText, handleChineseChars, stripAccents, lowercase } = tokenizer.options;
      const normalizer = rust?.bertNormalizer({
        cleanText,
        handleChineseChars,
        stripAccents: stripAccents ?? lowercase,
        lowercase,
      });
      const preTokenizer = rust?.bertPreTokenizer();
      const different: string[] = [];
      for (let first = 0; first < 0x110000; first += 0x400) {
        // Surrogates are no characters; planes 4 to 13, and all but the beginnings of the last three, hold none or private ones.
        if ((first >= 0xd800 && first < 0xe000) || (first > 0x40000 && first % 0x10000 > 0x1000)) continue;
        const characters = Array.from({ length: 0x400 }, (_, i) => String.fromCodePoint(first + i)).filter(
          (character) => !laterCases.test(character) && character !== '|',
        );
        // Apart from each other, or marks would be reordered across them.
        const text = characters.join(' |');
        const theirs = normalizer?.normalizeString(text) ?? '';
        const [ours, expected] = [tokenizer.normalize(text).split('|'), theirs.split('|')];
        for (const [i, character] of characters.entries()) {
          if (ours[i] !== expected[i]) different.push(`U+${character.codePointAt(0)?.toString(16)}`);
        }
        // Where words start and end shows in the numbers of words.
        const words = preTokenizer?.preTokenizeString(theirs) ?? [];
        expect(new Set(tokenizer.encode(text, { addSpecialTokens: false }).wordIds).size).toBe(words.length);
      }
      expect(different).toEqual([]);
    });

    it('any text has the same ids, offsets, words and masks', async () => {
      await fc.assert(
        fc.asyncProperty(anyText, async (text) => {
          if (twin) expect(tokenizer.encode(text)).toEqual(await rustEncode(twin, text));
        }),
        { numRuns, seed: 1 },
      );
    });

    it('any pair has the same ids, offsets, words and masks', async () => {
      await fc.assert(
        fc.asyncProperty(anyText, anyText, async (text, pair) => {
          if (twin) expect(tokenizer.encode(text, { pair })).toEqual(await rustEncode(twin, text, pair));
        }),
        { numRuns: numRuns / 4, seed: 2 },
      );
    });
  });

  it('truncation and padding keep the same tokens', async () => {
    // The binding declares a `const enum`, which does not exist at run time; these are its values.
    const strategies = [
      ['longest_first', 'LongestFirst' as TruncationStrategy],
      ['only_first', 'OnlyFirst' as TruncationStrategy],
      ['only_second', 'OnlySecond' as TruncationStrategy],
    ] as const;
    const length = fc.integer({ min: 3, max: 30 });
    const sides = ['left', 'right'] as const;
    const tokenizers = sides.flatMap((truncationSide) =>
      sides.map((paddingSide) => new BertTokenizer({ vocab: smallVocab, truncationSide, paddingSide })),
    );
    const twins = new Map(rust ? tokenizers.map((tokenizer) => [tokenizer, twinOf(tokenizer)]) : []);
    await fc.assert(
      fc.asyncProperty(
        anyText,
        fc.option(anyText, { nil: undefined }),
        fc.constantFrom(...strategies),
        length,
        fc.constantFrom(...tokenizers),
        fc.integer({ min: 1, max: 9 }),
        async (text, pair, [truncation, strategy], maxLength, tokenizer, padToMultipleOf) => {
          const twin = twins.get(tokenizer);
          if (!twin) return;
          const { truncationSide, paddingSide } = tokenizer;
          twin.setTruncation(maxLength, { strategy, direction: truncationSide });
          twin.setPadding({
            maxLength: Math.ceil(maxLength / padToMultipleOf) * padToMultipleOf,
            direction: paddingSide,
            padToken: '[PAD]',
          });
          const ours = attempt(() =>
            tokenizer.encode(text, {
              ...(pair === undefined ? {} : { pair }),
              truncation,
              maxLength,
              padding: 'max_length',
              padToMultipleOf,
            }),
          );
          const theirs = await rustEncode(twin, text, pair).catch(() => 'error');
          expect(ours).toEqual(theirs);
        },
      ),
      { numRuns: numRuns / 4, seed: 3 },
    );
  });

  it('added tokens are found in raw and in normalized text alike', async () => {
    const plain = { singleWord: false, lstrip: false, rstrip: false, normalized: false, special: false };
    const next = smallVocab.length;
    const tokenizer = new BertTokenizer({
      vocab: smallVocab,
      addedTokens: [
        { ...plain, id: next, content: 'New York', normalized: true },
        { ...plain, id: smallVocab.indexOf('the'), content: 'the', singleWord: true },
        { ...plain, id: next + 1, content: '<mid>', lstrip: true },
        { ...plain, id: next + 2, content: '<end>', rstrip: true, special: true },
        { ...plain, id: next + 3, content: '<en' },
        { ...plain, id: next + 4, content: 'élan', normalized: true },
        { ...plain, id: next + 5, content: 'c++', singleWord: true, lstrip: true, rstrip: true },
      ],
    });
    const twin = twinOf(tokenizer);
    const text = fc
      .array(
        fc.oneof(
          anyText,
          fc.constantFrom(
            'New York',
            'new york',
            'NEW YÖRK',
            'the',
            'then',
            '<mid>',
            '<end>',
            '<en',
            'Élan',
            ' c++ ',
            '  ',
            '\u2003',
            'é',
            '_',
          ),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (mixed) => {
        // Whether a character is a part of words, which tokens marked singleWord ask, depends on the Unicode version of each side.
        const sample = mixed.replace(
          /[\u1acf-\u1aff]|\u0897|[\u088f\u0c5c\u0cdc\u1c89\u1c8a\ua7cb-\ua7f4\u{10000}-\u{10ffff}]/gu,
          '',
        );
        const theirs = await rustEncode(twin, sample);
        // The Rust side lists an added token as the text it matched, blanks included; here a token is that of its id.
        const tokens = theirs.inputIds.map((id) => twin.idToToken(id));
        expect(tokenizer.encode(sample)).toEqual({ ...theirs, tokens });
      }),
      { numRuns, seed: 4 },
    );
  });

  it('decoding gives the same text', async () => {
    const tokenizer = new BertTokenizer({ vocab: smallVocab });
    const twin = twinOf(tokenizer);
    const ids = fc.array(fc.integer({ min: 0, max: smallVocab.length - 1 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(ids, fc.boolean(), async (sample, skipSpecialTokens) => {
        expect(tokenizer.decode(sample, { skipSpecialTokens, cleanUp: false })).toBe(
          await twin.decode(sample, skipSpecialTokens),
        );
      }),
      { numRuns, seed: 5 },
    );
  });
});

function attempt<T>(run: () => T): T | 'error' {
  try {
    return run();
  } catch {
    return 'error';
  }
}
