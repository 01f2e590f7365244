/**
 * Learns a WordPiece vocabulary from text, as `WordPieceTrainer` of the Rust tokenizers does behind
 * `BertWordPieceTokenizer.train`: count the words that BERT's clean-up leaves, start from their letters, join pairs.
 */
import { ArgumentError } from '@course/tensor';
import type { BertTokenizerOverrides } from '../bert-options.js';
import { BertTokenizer } from '../bert-tokenizer.js';
import { NormalizedText } from '../normalized-text.js';
import { BertNormalizer } from '../normalizer.js';
import { splitWords } from '../pre-tokenizer.js';
import { type CountedWord, mergePairs } from './merge-pairs.js';

/** Options of `trainWordPiece`; the defaults are those of `BertWordPieceTokenizer.train`. */
export interface WordPieceTrainerOptions extends BertTokenizerOverrides {
  /** Number of tokens to learn, special tokens and letters included; 30,000 by default. Letters may exceed it. */
  readonly vocabSize?: number;
  /** Pairs of tokens that occur less often are not joined; 2 by default. */
  readonly minFrequency?: number;
  /** Keep only this many letters, the most frequent ones; 1,000 by default. */
  readonly limitAlphabet?: number;
  /** The first tokens of the vocabulary; [PAD], [UNK], [CLS], [SEP] and [MASK] by default. */
  readonly specialTokens?: readonly string[];
  /** Called now and then with the number of tokens learned and the number wanted. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Trains a WordPiece tokenizer. The result depends on the words and their counts only, not on the order of the texts: ties go to
 * the pair of the smallest ids, and letters are numbered by code point.
 *
 * @param texts The texts to learn from, taken one at a time.
 * @param options Of the trainer, and of the tokenizer that comes out (`lowercase`, `modelMaxLength`, …).
 * @throws ArgumentError when the texts hold no word, or an option is out of range.
 * @see <https://huggingface.co/docs/tokenizers/api/trainers#tokenizers.trainers.WordPieceTrainer>
 * @example
 * const tokenizer = trainWordPiece(['hug hugs hugging', 'hugged'], { vocabSize: 30 });
 * tokenizer.tokenize('Hugs'); // ['hug', '##s']
 */
export function trainWordPiece(texts: Iterable<string>, options: WordPieceTrainerOptions = {}): BertTokenizer {
  const {
    vocabSize = 30_000,
    minFrequency = 2,
    limitAlphabet = 1000,
    specialTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
    onProgress,
    ...tokenizerOptions
  } = options;
  for (const [name, value] of Object.entries({ vocabSize, minFrequency, limitAlphabet })) {
    if (!(Number.isInteger(value) && value >= 0)) {
      throw new ArgumentError(`trainWordPiece: ${name} must be a whole number, got ${value}`);
    }
  }
  const { lowercase = true, continuingSubwordPrefix: prefix = '##' } = tokenizerOptions;
  const normalizer = new BertNormalizer({
    cleanText: tokenizerOptions.cleanText ?? true,
    handleChineseChars: tokenizerOptions.handleChineseChars ?? true,
    stripAccents: tokenizerOptions.stripAccents ?? lowercase,
    lowercase,
  });
  const counts = countWords(texts, normalizer);
  if (counts.size === 0) throw new ArgumentError('trainWordPiece: the texts hold no words to learn from');
  const alphabet = new Set(commonLetters(counts, limitAlphabet));
  const continuations = new Set<string>();
  for (const word of counts.keys()) {
    for (const letter of [...word].slice(1)) if (alphabet.has(letter)) continuations.add(letter);
  }
  const vocab = [
    ...new Set([
      ...specialTokens,
      ...[...alphabet].sort(byCodePoint),
      ...[...continuations].sort(byCodePoint).map((letter) => prefix + letter),
    ]),
  ];
  const words = spellWords(counts, vocab, prefix);
  mergePairs(vocab, words, {
    vocabSize,
    minFrequency,
    continuingSubwordPrefix: prefix,
    ...(onProgress ? { onProgress } : {}),
  });
  return new BertTokenizer({ ...tokenizerOptions, vocab });
}

/** How often each word occurs after clean-up. */
export function countWords(texts: Iterable<string>, normalizer: BertNormalizer): Map<string, number> {
  const counts = new Map<string, number>();
  const text = new NormalizedText();
  for (const original of texts) {
    text.reset(original);
    normalizer.normalize(text, 0, original.length);
    splitWords(text.units, 0, text.length, (from, to) => {
      const word = text.slice(from, to);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    });
  }
  return counts;
}

/** The most frequent characters of some words; of equally frequent ones the lower code points. */
function commonLetters(words: ReadonlyMap<string, number>, limit: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const letter of word) counts.set(letter, (counts.get(letter) ?? 0) + count);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || byCodePoint(a, b))
    .slice(0, limit)
    .map(([letter]) => letter);
}

/** The words in ids of letters. Letters that the vocabulary lacks are left out, as in the reference. */
export function spellWords(
  words: ReadonlyMap<string, number>,
  vocab: readonly string[],
  continuingSubwordPrefix: string,
): CountedWord[] {
  const ids = new Map(vocab.map((token, id) => [token, id]));
  return [...words].map(([word, count]) => {
    const tokens: number[] = [];
    for (const [i, letter] of [...word].entries()) {
      const id = ids.get(i === 0 ? letter : continuingSubwordPrefix + letter);
      if (id !== undefined) tokens.push(id);
    }
    return { tokens, count };
  });
}

function byCodePoint(a: string, b: string): number {
  return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
}
