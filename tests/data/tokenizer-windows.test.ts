// Long texts and given words: windows over what truncation cuts off, lists of words in place of texts, tokens added later. What the
// Rust tokenizers make of the same is the reference; a few cases by hand say what is meant.
import type { TruncationStrategy } from '@anush008/tokenizers';
import { BertTokenizer } from '@course/data';
import { ArgumentError } from '@course/tensor';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { anyText, numRuns, rust, rustEncode, rustWindows, rustWords, twinOf } from './support/oracle.js';
import { smallVocab } from './support/vocabulary.js';

const fresh = (options = {}): BertTokenizer => new BertTokenizer({ vocab: smallVocab, modelMaxLength: 32, ...options });
const tokenizer = fresh();

describe('windows', () => {
  it('share `stride` tokens, and together hold the whole text', () => {
    const options = { maxLength: 5, stride: 1, truncation: true, returnOverflowingTokens: true } as const;
    const { tokens, overflowing } = tokenizer.encode('a b c d e f', options);
    expect([tokens, ...(overflowing ?? []).map((each) => each.tokens)]).toEqual([
      ['[CLS]', 'a', 'b', 'c', '[SEP]'],
      ['[CLS]', 'c', 'd', 'e', '[SEP]'],
      ['[CLS]', 'e', 'f', '[SEP]'],
    ]);
    expect(tokenizer.encode('a b', options).overflowing).toEqual([]);
    expect('overflowing' in tokenizer.encode('a b c d e f', { ...options, returnOverflowingTokens: false })).toBe(
      false,
    );
  });

  it('can be picked, and are padded to the longest of those picked', () => {
    const windows = { maxLength: 5, truncation: true, returnOverflowingTokens: true } as const;
    const all = tokenizer.encodeBatch(['a b c d', 'e', ['f', 'a']], { ...windows, padding: 'longest' });
    expect(all.lengths).toEqual([5, 3, 3, 5]);
    const some = all.select([2, 1]);
    expect([...some].map(({ tokens }) => tokens)).toEqual([
      ['[CLS]', 'e', '[SEP]'],
      ['[CLS]', 'd', '[SEP]'],
    ]);
    expect(some.overflowToSampleMapping).toEqual([1, 0]);
    expect(some.sequenceIds(0)).toEqual([null, 0, null]);
    expect(all.select([3]).at(0)).toEqual(all.at(3));
    expect(all.select([1, 0]).attentionMask).toEqual([
      [1, 1, 1, 0, 0],
      [1, 1, 1, 1, 1],
    ]);
    expect(all.select([]).length).toBe(0);
    expect(() => all.select([4])).toThrow(ArgumentError);
  });

  it('are rows of a batch, each with the number of its text', () => {
    const batch = tokenizer.encodeBatch(['a b c d', ['a', 'b c d e'], 'a'], {
      maxLength: 5,
      truncation: 'longest_first',
      returnOverflowingTokens: true,
      padding: true,
    });
    expect(batch.overflowToSampleMapping).toEqual([0, 0, 1, 1, 1, 1, 2]);
    expect([...batch].map((each) => each.tokens.join(' '))).toEqual([
      '[CLS] a b c [SEP]',
      '[CLS] d [SEP] [PAD] [PAD]',
      '[CLS] a [SEP] b [SEP]',
      '[CLS] a [SEP] c [SEP]',
      '[CLS] a [SEP] d [SEP]',
      '[CLS] a [SEP] e [SEP]',
      '[CLS] a [SEP] [PAD] [PAD]',
    ]);
  });

  it('must advance', () => {
    expect(() => tokenizer.encode('a b c d e f', { maxLength: 5, stride: 3 })).toThrow(ArgumentError);
    expect(() => tokenizer.encode('a b c d e f', { maxLength: 5, stride: 3 })).toThrow(
      'stride 3 must be less than the 3 tokens',
    );
    expect(() => tokenizer.encode('a', { stride: -1 })).toThrow('stride must be a whole number, got -1');
  });

  it.skipIf(rust === undefined)('are those of the Rust tokenizers, for texts and pairs', async () => {
    const strategies = [
      ['longest_first', 'LongestFirst' as TruncationStrategy],
      ['only_first', 'OnlyFirst' as TruncationStrategy],
      ['only_second', 'OnlySecond' as TruncationStrategy],
    ] as const;
    const twin = twinOf(tokenizer);
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        anyText,
        fc.option(anyText, { nil: undefined }),
        fc.constantFrom(...strategies),
        fc.integer({ min: 4, max: 20 }),
        fc.integer({ min: 0, max: 6 }),
        fc.constantFrom('left' as const, 'right' as const),
        async (text, pair, [truncation, strategy], maxLength, stride, truncationSide) => {
          // The reference ends the process where a window could not advance.
          fc.pre(stride < maxLength - 2);
          const options = { truncation, maxLength, stride, truncationSide, returnOverflowingTokens: true };
          let ours: ReturnType<BertTokenizer['encode']>;
          try {
            ours = tokenizer.encode(text, { ...options, ...(pair === undefined ? {} : { pair }) });
          } catch {
            // What we refuse, the reference refuses with an error or a panic, which would end this process.
            return;
          }
          compared++;
          twin.setTruncation(maxLength, { strategy, direction: truncationSide, stride });
          const { overflowing = [], ...first } = ours;
          expect([first, ...overflowing]).toEqual(await rustWindows(twin, text, pair));
        },
      ),
      { numRuns: numRuns / 4, seed: 11 },
    );
    expect(compared).toBeGreaterThan(numRuns / 10);
  });
});

describe('lists of words', () => {
  it('keep their numbers, and offsets count within a word', () => {
    const { tokens, wordIds, offsets } = tokenizer.encode(['unaffable', 'a-b', '', 'the'], { isSplitIntoWords: true });
    expect(tokens).toEqual(['[CLS]', 'un', '##affable', 'a', '-', 'b', 'the', '[SEP]']);
    expect(wordIds).toEqual([null, 0, 0, 1, 1, 1, 3, null]);
    expect(offsets).toEqual([
      [0, 0],
      [0, 2],
      [2, 9],
      [0, 1],
      [1, 2],
      [2, 3],
      [0, 3],
      [0, 0],
    ]);
    const batch = tokenizer.encodeBatch(
      [
        ['a', 'b'],
        [['a'], ['b', 'c']],
      ],
      { isSplitIntoWords: true },
    );
    expect([...batch].map((each) => each.tokens.join(' '))).toEqual(['[CLS] a b [SEP]', '[CLS] a [SEP] b c [SEP]']);
    expect(batch.sequenceIds(1)).toEqual([null, 0, null, 1, 1, null]);
  });

  it('are told from texts', () => {
    expect(() => tokenizer.encode(['a', 'b'])).toThrow('pass isSplitIntoWords for a list of words');
    expect(() => tokenizer.encode('a b', { isSplitIntoWords: true })).toThrow('needs a list of words');
    expect(() => tokenizer.encodeBatch([['a', 'b', 'c']])).toThrow('a pair has two texts, got 3');
  });

  it.skipIf(rust === undefined)('become what the Rust tokenizers make of them', async () => {
    const twin = twinOf(tokenizer);
    await fc.assert(
      fc.asyncProperty(fc.array(anyText, { maxLength: 6 }), async (words) => {
        const ours = tokenizer.encode(words, { isSplitIntoWords: true, addSpecialTokens: false });
        expect(ours).toEqual(await rustWords(twin, words));
      }),
      { numRuns: numRuns / 4, seed: 12 },
    );
  });
});

describe('added later', () => {
  it('tokens are matched whole and have the next ids', () => {
    const added = fresh();
    expect(added.tokenize('<b>the')).toEqual(['<', 'b', '>', 'the']);
    expect(added.addTokens(['<b>', 'the', { content: 'AI', singleWord: true, normalized: false }])).toBe(3);
    expect(added.addTokens(['<b>', ''])).toBe(0);
    expect(added.vocabSize).toBe(smallVocab.length + 2);
    expect(added.convertTokensToIds(['<b>', 'the', 'AI'])).toEqual([
      smallVocab.length,
      smallVocab.indexOf('the'),
      smallVocab.length + 1,
    ]);
    expect(added.tokenize('<b>the AI <B>')).toEqual(['<b>', 'the', 'AI', '<b>']);
    expect(added.decode(added.encode('<b>the AI').inputIds, { skipSpecialTokens: true })).toBe('<b> the AI');
  });

  it('special tokens take a part, and decoding can leave them out', () => {
    const added = fresh();
    expect(added.addSpecialTokens({ padToken: '<fill>', eosToken: '[SEP]', additionalSpecialTokens: ['<user>'] })).toBe(
      2,
    );
    expect([added.padToken, added.padTokenId]).toEqual(['<fill>', smallVocab.length]);
    expect(added.specialTokens.eosToken).toBe('[SEP]');
    const { inputIds, tokens } = added.encode('<user> the', { maxLength: 6, padding: 'max_length' });
    expect(tokens).toEqual(['[CLS]', '<user>', 'the', '[SEP]', '<fill>', '<fill>']);
    expect(added.decode(inputIds, { skipSpecialTokens: true })).toBe('the');
    const nonsense: object = { nonsense: 'x' };
    expect(() => added.addSpecialTokens(nonsense)).toThrow('there is no special token "nonsense"');
  });

  it.skipIf(rust === undefined)('tokens get the ids that the Rust tokenizers give them', async () => {
    const added = fresh();
    const twin = twinOf(added);
    const contents = ['<a>', 'the', '<ab>', 'New York', '<a>'];
    twin.addTokens(contents);
    added.addTokens(contents);
    for (const content of contents) expect(added.convertTokensToIds(content)).toBe(twin.tokenToId(content));
    const text = 'the <ab><a>New York new york';
    expect(added.encode(text)).toEqual({ ...(await rustEncode(twin, text)), tokens: added.encode(text).tokens });
    expect(added.encode(text).inputIds).toEqual((await rustEncode(twin, text)).inputIds);
    // What is saved afterwards has them too.
    expect(await rustEncode(twinOf(added), text)).toEqual(await rustEncode(twin, text));
  });
});

onEachDevice('tensors of a padded batch', () => {
  it('hold the padding on the side asked for', async () => {
    const batch = tokenizer.encodeBatch(['a', ['a b', 'c']], { padding: true, paddingSide: 'left' });
    const { inputIds, attentionMask, tokenTypeIds } = batch.toTensors();
    expect(await inputIds.toArray()).toEqual(batch.inputIds);
    expect(await attentionMask.toArray()).toEqual([
      [0, 0, 0, 1, 1, 1],
      [1, 1, 1, 1, 1, 1],
    ]);
    expect(await tokenTypeIds.toArray()).toEqual([
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 1, 1],
    ]);
    expect(batch.at(-1)?.inputIds).toEqual(batch.inputIds[1]);
    expect(batch.at(2)).toBeUndefined();
    expect(batch.sequenceIds(0)).toEqual([null, null, null, null, 0, null]);
  });
});
