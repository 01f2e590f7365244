// The tokenizer by hand: what each option does, what is refused, what is printed. Equality with the reference on any text is
// tokenizer-oracle.test.ts.

import { BertTokenizer, type EncodeOptions } from '@course/data';
import { ArgumentError, FormatError, ShapeError } from '@course/tensor';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { smallVocab } from './support/vocabulary.js';

const tokenizer = new BertTokenizer({ vocab: smallVocab, modelMaxLength: 32 });
const id = (token: string): number => smallVocab.indexOf(token);

describe('tokenize', () => {
  it('takes the longest token first, and continues words with ##', () => {
    expect(tokenizer.tokenize('unaffable running')).toEqual(['un', '##affable', 'run', '##n', '##ing']);
    expect(tokenizer.tokenize('abcab')).toEqual(['abc', '##a', '##b']);
  });

  it('cleans, lowers and splits as BERT does', () => {
    expect(tokenizer.tokenize(' \tHÉLLO\u0000 wörld\u200d! ')).toEqual(['hello', 'world', '!']);
    expect(tokenizer.tokenize("don't")).toEqual(['don', "'", 't']);
    expect(tokenizer.tokenize('一丁in')).toEqual(['一', '丁', 'in']);
    expect(new BertTokenizer({ vocab: smallVocab, lowercase: false }).tokenize('Hello É')).toEqual(['Hello', 'É']);
  });

  it('makes words that it cannot spell, or that are too long, unknown', () => {
    expect(tokenizer.tokenize('ab\u2603')).toEqual(['[UNK]']);
    expect(tokenizer.tokenize('a'.repeat(100))).toHaveLength(100);
    expect(tokenizer.tokenize('a'.repeat(101))).toEqual(['[UNK]']);
    // A character beyond the Basic Multilingual Plane counts once.
    expect(tokenizer.tokenize('😀'.repeat(100))).toHaveLength(100);
    expect(tokenizer.tokenize('😀'.repeat(101))).toEqual(['[UNK]']);
  });

  it('never splits special tokens', () => {
    expect(tokenizer.tokenize('the [MASK].')).toEqual(['the', '[MASK]', '.']);
    expect(tokenizer.tokenize('[mask]')).toEqual(['[', 'm', '##a', '##s', '##k', ']']);
  });

  it('has no tokens for empty text and blanks', () => {
    expect(tokenizer.tokenize('')).toEqual([]);
    expect(tokenizer.tokenize(' \n\u3000')).toEqual([]);
    expect(tokenizer.encode('').tokens).toEqual(['[CLS]', '[SEP]']);
  });

  it('treats a lone surrogate as the replacement character that UTF-8 would make of it', () => {
    for (const text of ['a\ud800b', '\udc00', 'é\ud83d\u0301', 'ab\ud800']) {
      expect(tokenizer.encode(text)).toEqual(tokenizer.encode(text.replace(/\p{Surrogate}/gu, '\ufffd')));
    }
  });

  it('stays linear in the length of the text, whatever it consists of', () => {
    // A quadratic path takes minutes on these; the suite's time limit is the only clock.
    const length = 2 ** 20;
    for (const unit of [
      'a',
      ' ',
      '.',
      '#',
      '[',
      '一',
      'é',
      '\u0301',
      '\u302e',
      '\u{1d165}',
      '😀',
      '\u0001',
      '\u0001\u302e',
      '\ud800',
      '[MASK',
      '\u302e\u0334',
    ]) {
      const text = unit.repeat(length / unit.length);
      expect(tokenizer.encode(`é${text}`).inputIds.length).toBeGreaterThan(1);
    }
  });
});

describe('encode', () => {
  it('gives plain columns with offsets into the original text', () => {
    const text = 'Héllo unaffable 😀!';
    const encoding = tokenizer.encode(text);
    expect({ ...encoding }).toEqual({
      inputIds: [2, id('hello'), id('un'), id('##affable'), id('😀'), id('!'), 3],
      tokens: ['[CLS]', 'hello', 'un', '##affable', '😀', '!', '[SEP]'],
      tokenTypeIds: [0, 0, 0, 0, 0, 0, 0],
      attentionMask: [1, 1, 1, 1, 1, 1, 1],
      offsets: [
        [0, 0],
        [0, 5],
        [6, 8],
        [8, 15],
        [16, 18],
        [18, 19],
        [0, 0],
      ],
      wordIds: [null, 0, 1, 1, 2, 3, null],
      specialTokensMask: [1, 0, 0, 0, 0, 0, 1],
    });
    expect(encoding.offsets.map(([start, end]) => text.slice(start, end))).toEqual([
      '',
      'Héllo',
      'un',
      'affable',
      '😀',
      '!',
      '',
    ]);
    expectTypeOf(encoding.inputIds).toEqualTypeOf<number[]>();
  });

  it('frames pairs, cuts the second text and pads', () => {
    const encoding = tokenizer.encode('a b', {
      pair: 'the world in a token',
      maxLength: 8,
      truncation: 'only_second',
      padding: 'max_length',
    });
    expect(encoding.tokens).toEqual(['[CLS]', 'a', 'b', '[SEP]', 'the', 'world', 'in', '[SEP]']);
    expect(encoding.tokenTypeIds).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    const padded = tokenizer.encode('a', { pair: 'b', maxLength: 8, padding: 'max_length' });
    expect(padded.tokens).toEqual(['[CLS]', 'a', '[SEP]', 'b', '[SEP]', '[PAD]', '[PAD]', '[PAD]']);
    expect(padded.attentionMask).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
    expect(padded.specialTokensMask).toEqual([1, 0, 1, 0, 1, 1, 1, 1]);
    expect(padded.wordIds).toEqual([null, 0, null, 0, null, null, null, null]);
  });

  const lengths: readonly [string, EncodeOptions, number][] = [
    ['no option', {}, 12],
    ['truncation to modelMaxLength', { truncation: true }, 12],
    ['maxLength alone, which truncates', { maxLength: 5 }, 5],
    ['maxLength without truncation', { maxLength: 5, truncation: false }, 12],
    ['padding to a shorter maxLength, which does not truncate', { maxLength: 5, padding: 'max_length' }, 12],
    ['padding to modelMaxLength', { padding: 'max_length' }, 32],
    ['padding to a multiple', { padding: true, padToMultipleOf: 8 }, 16],
    ['padToMultipleOf without padding', { padToMultipleOf: 8 }, 12],
    ['no special tokens', { addSpecialTokens: false }, 10],
    ['no special tokens, truncated', { addSpecialTokens: false, truncation: true, maxLength: 4 }, 4],
  ];
  it.each(lengths)('with %s', (_, options, length) => {
    expect(tokenizer.encode('a b c d e f g h i j', options).inputIds).toHaveLength(length);
  });

  it('pads and cuts on the left when told to', () => {
    const left = new BertTokenizer({ vocab: smallVocab, paddingSide: 'left', truncationSide: 'left' });
    expect(left.encode('a b c d', { maxLength: 4, truncation: true }).tokens).toEqual(['[CLS]', 'c', 'd', '[SEP]']);
    expect(left.encode('a', { maxLength: 5, padding: 'max_length' }).tokens).toEqual([
      '[PAD]',
      '[PAD]',
      '[CLS]',
      'a',
      '[SEP]',
    ]);
  });

  it('refuses options that cannot be met', () => {
    const unlimited = new BertTokenizer({ vocab: smallVocab });
    const refused = (run: () => unknown, message: RegExp): void => {
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow(message);
    };
    refused(() => unlimited.encode('a', { truncation: true }), /truncation needs maxLength/);
    refused(() => unlimited.encode('a', { padding: 'max_length' }), /padding 'max_length' needs maxLength/);
    refused(
      () => tokenizer.encode('a', { truncation: true, maxLength: 1 }),
      /maxLength 1 leaves no room for the 2 special tokens/,
    );
    refused(
      () => tokenizer.encode('a', { truncation: true, maxLength: 2.5 }),
      /maxLength must be a whole number, got 2.5/,
    );
    refused(() => tokenizer.encode('a b', { truncation: 'only_second', maxLength: 3 }), /needs a second text/);
    refused(
      () => tokenizer.encode('a b', { pair: 'c d e', truncation: 'only_first', maxLength: 5 }),
      /'only_first' cannot remove 3 tokens from a text of 2/,
    );
    refused(() => tokenizer.encode('a', { padding: true, padToMultipleOf: 0 }), /padToMultipleOf must be a positive/);
    refused(() => tokenizer.encode(undefined as unknown as string), /encodes strings, got undefined/);
  });
});

describe('encodeBatch', () => {
  it('pads to the longest of the batch', () => {
    const batch = tokenizer.encodeBatch(['a', ['a b', 'c'], 'the world'], { padding: 'longest' });
    expect(batch.length).toBe(3);
    expect(batch.inputIds.map((row) => row.length)).toEqual([6, 6, 6]);
    expect(batch.attentionMask).toEqual([
      [1, 1, 1, 0, 0, 0],
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 0, 0],
    ]);
    expect(batch.tokenTypeIds[1]).toEqual([0, 0, 0, 0, 1, 1]);
    expect([...batch][2]?.tokens.slice(0, 4)).toEqual(['[CLS]', 'the', 'world', '[SEP]']);
  });

  onEachDevice('toTensors', () => {
    it('gives int32 tensors of shape [batch, length]', async () => {
      const { inputIds, attentionMask, tokenTypeIds } = tokenizer
        .encodeBatch(['a', 'the world'], { padding: true })
        .toTensors();
      expect([inputIds.dtype, attentionMask.dtype, tokenTypeIds.dtype]).toEqual(['int32', 'int32', 'int32']);
      expect(inputIds.shape).toEqual([2, 4]);
      expect(await inputIds.toArray()).toEqual([
        [2, id('a'), 3, 0],
        [2, id('the'), id('world'), 3],
      ]);
      expect(await attentionMask.toArray()).toEqual([
        [1, 1, 1, 0],
        [1, 1, 1, 1],
      ]);
      expect(await tokenTypeIds.toArray()).toEqual([
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ]);
    });

    it('refuses rows of different lengths', () => {
      expect(() => tokenizer.encodeBatch(['a', 'a b']).toTensors()).toThrow(ShapeError);
      expect(() => tokenizer.encodeBatch(['a', 'a b']).toTensors()).toThrow(
        /texts of 3 and 4 tokens.*padding: 'longest'/,
      );
    });
  });
});

describe('decode', () => {
  it('joins pieces and cleans up', () => {
    const { inputIds } = tokenizer.encode("Hello, world! I don't run.");
    expect(tokenizer.decode(inputIds)).toBe("[CLS] hello, world! i don't run. [SEP]");
    expect(tokenizer.decode(inputIds, { skipSpecialTokens: true })).toBe("hello, world! i don't run.");
    expect(tokenizer.decode(inputIds, { skipSpecialTokens: true, cleanUp: false })).toBe(
      "hello, world! i don ' t run.",
    );
    expect(tokenizer.decode(Int32Array.from(inputIds), { skipSpecialTokens: true })).toBe("hello, world! i don't run.");
    expect(tokenizer.batchDecode([[id('un'), id('##affable')], []])).toEqual(['unaffable', '']);
  });

  it('names an id that is none', () => {
    expect(() => tokenizer.decode([5, -100])).toThrow(ArgumentError);
    expect(() => tokenizer.decode([smallVocab.length])).toThrow(
      `token id ${smallVocab.length} is outside of the vocabulary, whose ids are 0 to ${smallVocab.length - 1}`,
    );
  });
});

describe('the vocabulary', () => {
  it('maps tokens to ids and back', () => {
    expect(tokenizer.vocabSize).toBe(smallVocab.length);
    expect(tokenizer.convertTokensToIds('the')).toBe(id('the'));
    expect(tokenizer.convertTokensToIds(['the', 'nowhere'])).toEqual([id('the'), 1]);
    expect(tokenizer.convertIdsToTokens(id('the'))).toBe('the');
    expect(tokenizer.convertIdsToTokens([0, 1])).toEqual(['[PAD]', '[UNK]']);
    const { padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId } = tokenizer;
    expect([padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId]).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.allSpecialIds).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.getVocab().get('the')).toBe(id('the'));
  });

  it('may be a list, a Map or an object', () => {
    const map = new Map(smallVocab.map((token, i) => [token, i]));
    for (const vocab of [map, Object.fromEntries(map)]) {
      expect(new BertTokenizer({ vocab }).encode('the 12 worlds')).toEqual(tokenizer.encode('the 12 worlds'));
    }
  });

  it('counts the last of repeated tokens, as the reference', () => {
    const repeated = new BertTokenizer({ vocab: [...smallVocab, 'the'] });
    expect(repeated.convertTokensToIds('the')).toBe(smallVocab.length);
    expect(repeated.encode('the').inputIds).toEqual([2, smallVocab.length, 3]);
  });

  it('must have the tokens that encoding needs', () => {
    for (const token of ['[UNK]', '[CLS]', '[SEP]', '[PAD]']) {
      const vocab = smallVocab.filter((each) => each !== token);
      expect(() => new BertTokenizer({ vocab })).toThrow(FormatError);
      expect(() => new BertTokenizer({ vocab })).toThrow(`"${token}" is not among the ${smallVocab.length - 1} tokens`);
    }
    const noMask = new BertTokenizer({ vocab: smallVocab.filter((token) => token !== '[MASK]') });
    expect(() => noMask.maskTokenId).toThrow('no token "[MASK]"');
    expect(
      () => new BertTokenizer({ vocab: { ...{ '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3 }, x: 1.5 } }),
    ).toThrow(FormatError);
    expect(() => new BertTokenizer({ vocab: smallVocab, modelMaxLength: 0 })).toThrow(ArgumentError);
  });

  it('refuses an added token whose id is not that of the model', () => {
    const token = {
      content: 'the',
      id: 9,
      singleWord: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: false,
    };
    expect(() => new BertTokenizer({ vocab: smallVocab, addedTokens: [token] })).toThrow(FormatError);
  });
});

it('prints itself', () => {
  expect(String(tokenizer)).toBe(
    `BertTokenizer(vocabSize: ${smallVocab.length}, modelMaxLength: 32, lowercase: true, paddingSide: 'right', truncationSide: 'right',\n` +
      "  specialTokens: { unkToken: '[UNK]' (1), sepToken: '[SEP]' (3), padToken: '[PAD]' (0), clsToken: '[CLS]' (2), maskToken: '[MASK]' (4) })",
  );
});
