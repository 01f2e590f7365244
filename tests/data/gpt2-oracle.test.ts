// Byte-level BPE against the Rust tokenizers: the classes of every Unicode character, and random text of the odd kinds, on a
// vocabulary learned here. The Rust side reads the tokenizer.json that we write.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GPT2TokenizerOverrides, trainByteLevelBpe } from '@course/data';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeByteLevel } from '../../packages/data/src/tokenizers/bpe/bytes.js';
import { splitByteLevelWords } from '../../packages/data/src/tokenizers/bpe/splitter.js';
import { temporaryFolder } from './support/files.js';
import { anyText, numRuns, rust, rustEncode, rustWindows, twinOf } from './support/oracle.js';

const corpus = [
  "The quick brown fox jumps over the lazy dog. It's what they're here for; we'll see, he'd say, I'm sure you've don't.",
  'the unaffable token playing Hello world   \n\n  indented\tcode 1234 5678 12 56 straßes naïve café',
  'Смысл жизни 你好世界 こんにちは 한국어 😀😀 👩‍👩‍👧 ééé aaaaaaaa aaaa aa aaaaaa',
  '!!! ... --- ??? ,,, (a) [b] {c} $1.00 +2% #tag @user http://example.com/a?b=c&d=e',
];
const options = {
  vocabSize: 600,
  minFrequency: 1,
  specialTokens: ['<|endoftext|>', '<pad>'],
  padToken: '<pad>',
} as const;

/** Text in which words of the vocabulary and blanks of every kind meet what `anyText` has. */
const text = fc
  .array(
    fc.oneof(
      anyText,
      fc.constantFrom(
        "'s",
        "'re",
        "'LL",
        "'",
        ' ',
        '  ',
        '\n',
        '\n\n',
        '\t',
        '\u00a0',
        '\u0085',
        '\ufeff',
        '12',
        '½',
        '٣',
      ),
      fc.constantFrom(' the', 'The', ' fox', 'aaaaaa', ' 😀', '<|endoftext|>', ' <pad> ', '你好'),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

const variants: readonly [name: string, options: GPT2TokenizerOverrides][] = [
  ['as GPT-2', {}],
  ['with a blank before the text', { addPrefixSpace: true }],
  ['with trimmed offsets', { trimOffsets: true }],
  ['as RoBERTa', { addPrefixSpace: true, trimOffsets: true, template: undefined }],
  ['not split into words', { useRegex: false }],
  ['with whole words first', { ignoreMerges: true }],
];

describe.skipIf(rust === undefined)('as the Rust tokenizers', () => {
  it('every Unicode character is of the same class', () => {
    const preTokenizer = rust?.byteLevelPreTokenizer(false, true);
    // A line of words each; 'Ċ' stands for the byte of a line end.
    const ours = (sample: string): string => {
      let lines = '';
      splitByteLevelWords(sample, (from, to) => {
        lines += `${sample.slice(from, to)}\n`;
      });
      return lines;
    };
    const theirs = (sample: string): string =>
      decodeByteLevel([(preTokenizer?.preTokenizeString(sample) ?? []).map(([word]) => `${word}Ċ`).join('')]);
    for (let first = 0; first < 0x110000; first += 0x100) {
      if ((first >= 0xd800 && first < 0xe000) || (first > 0x40000 && first % 0x10000 > 0x1000)) continue;
      // A character sticks to a letter, a number or a sign, and takes the blank before it or not.
      const samples = Array.from({ length: 0x100 }, (_, i) => {
        const character = String.fromCodePoint(first + i);
        return `a${character} 1${character} !${character} ${character}`;
      });
      const text = samples.join('|');
      expect(ours(text)).toBe(theirs(text));
    }
  });

  describe.each(variants)('%s', (name, overrides) => {
    const trained = trainByteLevelBpe(corpus, options);
    const end = trained.eosTokenId;
    const template =
      name === 'as RoBERTa'
        ? {
            single: [
              { special: end, typeId: 0 },
              { sequence: 0, typeId: 0 },
              { special: end, typeId: 0 },
            ] as const,
            pair: [
              { special: end, typeId: 0 },
              { sequence: 0, typeId: 0 },
              { special: end, typeId: 0 },
              { special: end, typeId: 0 },
              { sequence: 1, typeId: 0 },
              { special: end, typeId: 0 },
            ] as const,
          }
        : undefined;
    const tokenizer = trainByteLevelBpe(corpus, { ...options, ...overrides, ...(template ? { template } : {}) });
    const twin = rust && twinOf(tokenizer);

    it('any text and any pair have the same ids, offsets, words and masks', async () => {
      await fc.assert(
        fc.asyncProperty(text, fc.option(text, { nil: undefined }), async (sample, pair) => {
          const theirs = twin && (await rustEncode(twin, sample, pair));
          expect(tokenizer.encode(sample, pair === undefined ? {} : { pair })).toEqual(theirs);
        }),
        { numRuns: numRuns / 2, seed: 21 },
      );
    });

    it('windows are the same', async () => {
      await fc.assert(
        fc.asyncProperty(
          text,
          fc.integer({ min: 6, max: 12 }),
          fc.integer({ min: 0, max: 2 }),
          async (sample, maxLength, stride) => {
            const { overflowing = [], ...first } = tokenizer.encode(sample, {
              truncation: true,
              maxLength,
              stride,
              returnOverflowingTokens: true,
            });
            twin?.setTruncation(maxLength, { stride });
            expect([first, ...overflowing]).toEqual(twin && (await rustWindows(twin, sample)));
            twin?.disableTruncation();
          },
        ),
        { numRuns: numRuns / 8, seed: 22 },
      );
    });

    it('decoding gives the same text', async () => {
      const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(ids, fc.boolean(), async (sample, skipSpecialTokens) => {
          expect(tokenizer.decode(sample, { skipSpecialTokens })).toBe(await twin?.decode(sample, skipSpecialTokens));
        }),
        { numRuns: numRuns / 8, seed: 23 },
      );
    });
  });

  it('added tokens are found alike', async () => {
    const tokenizer = trainByteLevelBpe(corpus, options);
    tokenizer.addTokens([
      'New York',
      { content: ' x', normalized: false },
      { content: 'the', singleWord: true },
      { content: '<l>', lstrip: true },
    ]);
    tokenizer.addSpecialTokens(['<en', { content: '<end>', rstrip: true }]);
    const twin = twinOf(tokenizer);
    const pieces = fc.constantFrom(
      'New York',
      ' x',
      'the',
      'then',
      '<l>',
      '<en',
      '<end>',
      ' ',
      '  ',
      '\n',
      'a',
      'é',
      '😀',
      '.',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
        const sample = parts.join('');
        const theirs = await rustEncode(twin, sample);
        expect(tokenizer.encode(sample)).toEqual({
          ...theirs,
          tokens: theirs.inputIds.map((id) => twin.idToToken(id)),
        });
      }),
      { numRuns: numRuns / 2, seed: 24 },
    );
  });
});

describe.skipIf(rust === undefined)('as the Rust trainer', () => {
  const { folder } = temporaryFolder();

  it('joins the same pairs in the same order', async () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', 'd', 'é', '中', '😀', '1', "'s"),
      minLength: 1,
      maxLength: 9,
    });
    const line = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
    await fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
        if (!rust) return;
        const file = join(folder, 'corpus.txt');
        writeFileSync(file, lines.join('\n'));
        const theirs = new rust.Tokenizer(rust.BPE.empty());
        theirs.setPreTokenizer(rust.byteLevelPreTokenizer(false, true));
        theirs.train([file]);
        const vocabulary = Object.entries(theirs.getVocab())
          .sort(([, a], [, b]) => a - b)
          .map(([token]) => token);
        // The Rust trainer takes a line with its end; it starts from the bytes that occur, ours from all, in the same order.
        const lengthOfAlphabet = vocabulary.filter((token) => [...token].length === 1).length;
        const texts = lines.map((each, i) => (i + 1 < lines.length ? `${each}\n` : each)).filter((each) => each !== '');
        if (texts.length === 0) return;
        const ours = trainByteLevelBpe(texts, { minFrequency: 0, specialTokens: [] });
        expect([...ours.getVocab().keys()].slice(256)).toEqual(vocabulary.slice(lengthOfAlphabet));
      }),
      { numRuns: 300, seed: 25 },
    );
  });
});
