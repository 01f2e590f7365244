// The WordPiece trainer: a case worked out by hand, the Rust trainer as reference, and what it promises about order.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BertTokenizer, trainWordPiece } from '@course/data';
import { ArgumentError } from '@course/tensor';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BertNormalizer } from '../../packages/data/src/tokenizers/normalizer.js';
import { mergePairs } from '../../packages/data/src/tokenizers/trainer/merge-pairs.js';
import { countWords, spellWords } from '../../packages/data/src/tokenizers/trainer/wordpiece-trainer.js';
import { temporaryFolder } from './support/files.js';
import { rust } from './support/oracle.js';

const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const vocabOf = (tokenizer: BertTokenizer): string[] => [...tokenizer.getVocab().keys()];

describe('trainWordPiece', () => {
  // Words: hug 10, pug 5, pun 12, bun 4, hugs 5 (the example of the Hugging Face course). Pairs of letters: ##u ##g 20, ##u ##n 16,
  // h ##u 15, p ##u 17, b ##u 4, ##g ##s 5. First ##ug (20): then p ##u is 12, h ##u 0, h ##ug 15, p ##ug 5, ##ug ##s 5. Next ##un (16):
  // p ##un 12, b ##un 4. Then hug (15), pun (12), and at 5 each pug (p < hug), hugs; bun with 4 last.
  const corpus = ['hug '.repeat(10), 'pug '.repeat(5), 'pun '.repeat(12), 'bun '.repeat(4), 'hugs '.repeat(5)];
  const letters = ['b', 'g', 'h', 'n', 'p', 's', 'u', '##g', '##n', '##s', '##u'];

  it('joins the most frequent pairs first', () => {
    const all = trainWordPiece(corpus, { minFrequency: 1 });
    expect(vocabOf(all)).toEqual([...specials, ...letters, '##ug', '##un', 'hug', 'pun', 'pug', 'hugs', 'bun']);
    expect(vocabOf(trainWordPiece(corpus, { vocabSize: 19 }))).toEqual(vocabOf(all).slice(0, 19));
    expect(vocabOf(trainWordPiece(corpus, { minFrequency: 5 }))).toEqual(vocabOf(all).slice(0, -1));
    expect(all.tokenize('Hugs bugs')).toEqual(['hugs', 'b', '##ug', '##s']);
  });

  it('gives a tokenizer with the options asked for', () => {
    const tokenizer = trainWordPiece(['Ünder', 'under', 'Under'], {
      lowercase: false,
      modelMaxLength: 16,
      minFrequency: 1,
    });
    expect(tokenizer.lowercase).toBe(false);
    expect(tokenizer.modelMaxLength).toBe(16);
    expect(tokenizer.tokenize('Ünder')).toEqual(['Ünder']);
    expect(trainWordPiece(['Ünder', 'under'], {}).tokenize('ÜNDER')).toEqual(['under']);
  });

  it('keeps the most frequent letters, and at least those', () => {
    const tokenizer = trainWordPiece(['aaa aab abc'], { limitAlphabet: 2, minFrequency: 1 });
    expect(vocabOf(tokenizer).filter((token) => token.includes('c'))).toEqual([]);
    expect(tokenizer.tokenize('c')).toEqual(['[UNK]']);
    expect(vocabOf(trainWordPiece(['abc'], { vocabSize: 1 }))).toEqual([...specials, 'a', 'b', 'c', '##b', '##c']);
  });

  it('does not depend on the order of the texts', async () => {
    const text = fc
      .array(fc.constantFrom('ab', 'abc', 'bca', 'cab', 'aaa', 'é', 'b', 'abab'), { maxLength: 6 })
      .map((w) => w.join(' '));
    await fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 10 }), (texts) => {
        fc.pre(texts.some((each) => each !== ''));
        const forwards = trainWordPiece(texts, { minFrequency: 1 });
        expect(vocabOf(trainWordPiece([...texts].reverse(), { minFrequency: 1 }))).toEqual(vocabOf(forwards));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('reports its progress up to the end', () => {
    const steps: [number, number][] = [];
    trainWordPiece(corpus, { vocabSize: 20, onProgress: (done, total) => steps.push([done, total]) });
    expect(steps).toEqual([17, 18, 19, 20].map((done) => [done, 20]));
  });

  it('refuses texts without words, and options that are no whole numbers', () => {
    expect(() => trainWordPiece([])).toThrow(ArgumentError);
    expect(() => trainWordPiece([' ', '\u0000'])).toThrow('the texts hold no words');
    expect(() => trainWordPiece(['a'], { vocabSize: 1.5 })).toThrow('vocabSize must be a whole number, got 1.5');
    expect(() => trainWordPiece(['a'], { minFrequency: -1 })).toThrow(ArgumentError);
  });
});

describe.skipIf(rust === undefined)('as the Rust trainer', () => {
  const { folder } = temporaryFolder();

  /** The vocabulary that the Rust trainer learns, in order, with its defaults: 30,000 tokens, any frequency, no special tokens. */
  function rustVocab(lines: readonly string[]): string[] {
    if (!rust) return [];
    const file = join(folder, 'corpus.txt');
    writeFileSync(file, lines.join('\n'));
    const tokenizer = new rust.Tokenizer(rust.WordPiece.init({ '[UNK]': 0 }, { unkToken: '[UNK]' }));
    tokenizer.setNormalizer(rust.bertNormalizer());
    tokenizer.setPreTokenizer(rust.bertPreTokenizer());
    tokenizer.train([file]);
    return Object.entries(tokenizer.getVocab())
      .sort(([, a], [, b]) => a - b)
      .map(([token]) => token);
  }

  const normalizer = new BertNormalizer({
    cleanText: true,
    handleChineseChars: true,
    stripAccents: true,
    lowercase: true,
  });
  const isLetter = (token: string): boolean =>
    [...token].length === (token.startsWith('##') && token.length > 2 ? 3 : 1);

  // The Rust trainer numbers the ## letters in the order of a hash map, another one every run, and ties are broken by number. Given its
  // letters, everything that follows is fixed and must be the same, token by token.
  it('joins the same pairs in the same order', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'é', '中', '😀'), minLength: 1, maxLength: 9 });
    const line = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
    await fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
        const theirs = rustVocab(lines);
        const ours = theirs.filter(isLetter);
        expect(theirs.slice(0, ours.length)).toEqual(ours);
        const words = spellWords(countWords(lines, normalizer), ours, '##');
        mergePairs(ours, words, { vocabSize: 30_000, minFrequency: 0, continuingSubwordPrefix: '##' });
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('starts from the same letters', () => {
    const lines = ['the quick brown fox', 'Über Straße 中文 naïve', 'a-b c!'];
    const ours = vocabOf(trainWordPiece(lines, { minFrequency: 0, specialTokens: [...specials] })).slice(
      specials.length,
    );
    const theirs = rustVocab(lines);
    expect(ours.filter(isLetter).filter((token) => !token.startsWith('##'))).toEqual(
      theirs.filter(isLetter).filter((token) => !token.startsWith('##')),
    );
    expect(new Set(ours.filter(isLetter))).toEqual(new Set(theirs.filter(isLetter)));
  });
});
