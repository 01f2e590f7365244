// Tokenizers on worker threads: the same rows as on one, errors that arrive, and an end that is one.
import { BertTokenizer, type TextOrPair, trainByteLevelBpe } from '@course/data';
import { ArgumentError, DisposedError } from '@course/tensor';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { anyText } from './support/oracle.js';
import { smallVocab } from './support/vocabulary.js';

const bert = new BertTokenizer({ vocab: smallVocab, modelMaxLength: 32 });
bert.addTokens(['New York']);
const gpt = trainByteLevelBpe(['the quick brown fox', 'naïve 😀 tokens'], {
  vocabSize: 300,
  minFrequency: 1,
  addPrefixSpace: true,
  trimOffsets: true,
  padToken: '<pad>',
});
const entry: fc.Arbitrary<TextOrPair> = fc.oneof(anyText, fc.tuple(anyText, anyText));
const texts = fc.sample(fc.array(entry, { minLength: 150, maxLength: 150 }), { numRuns: 1, seed: 31 })[0] ?? [];

describe.each([
  ['WordPiece', bert],
  ['byte-level BPE', gpt],
])('%s', (_, tokenizer) => {
  const parallel = tokenizer.parallel({ threads: 2 });
  afterAll(() => parallel.close());

  it.each([
    ['whole texts', {}],
    ['padded texts', { padding: true, padToMultipleOf: 8 }],
    [
      'windows',
      {
        truncation: true,
        maxLength: 9,
        stride: 2,
        returnOverflowingTokens: true,
        padding: 'max_length',
        paddingSide: 'left',
      },
    ],
  ] as const)('encodes %s as one thread does', async (_name, options) => {
    const [ours, expected] = [await parallel.encodeBatch(texts, options), tokenizer.encodeBatch(texts, options)];
    expect(ours.encodings).toEqual(expected.encodings);
    expect(ours.overflowToSampleMapping).toEqual(expected.overflowToSampleMapping);
  });

  it('takes several batches at a time, lists of words, and nothing', async () => {
    const words = [['a', 'the token'], ['b']];
    const [first, second, none] = await Promise.all([
      parallel.encodeBatch(words, { isSplitIntoWords: true }),
      parallel.encodeBatch(texts.slice(0, 20)),
      parallel.encodeBatch([]),
    ]);
    expect(first.encodings).toEqual(tokenizer.encodeBatch(words, { isSplitIntoWords: true }).encodings);
    expect(second.encodings).toEqual(tokenizer.encodeBatch(texts.slice(0, 20)).encodings);
    expect(none.length).toBe(0);
  });

  it('reports what one thread would throw, and goes on', async () => {
    const options = { truncation: 'only_second', maxLength: 8 } as const;
    const long = ['the '.repeat(40)];
    await expect(parallel.encodeBatch(long, options)).rejects.toThrow(ArgumentError);
    await expect(parallel.encodeBatch(long, options)).rejects.toThrow('needs a second text');
    expect((await parallel.encodeBatch(['the'])).encodings).toEqual(tokenizer.encodeBatch(['the']).encodings);
  });
});

it('is refused without a thread, and ends when closed', async () => {
  expect(() => bert.parallel({ threads: 0 })).toThrow('threads must be a positive whole number, got 0');
  const parallel = bert.parallel({ threads: 1 });
  expect(parallel.threads).toBe(1);
  const pending = parallel.encodeBatch(texts);
  parallel.close();
  await expect(pending).rejects.toThrow(DisposedError);
  await expect(parallel.encodeBatch(['a'])).rejects.toThrow('encodeBatch was called after close');
});
