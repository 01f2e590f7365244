/**
 * Learns byte-level BPE from text, as `BpeTrainer` of the Rust tokenizers does behind `ByteLevelBPETokenizer.train`: count the words
 * of GPT-2's split, start from all 256 bytes, join pairs.
 */
import { ArgumentError } from '@course/tensor';
import { BYTE_CHARS } from '../bpe/bytes.js';
import { splitByteLevelWords } from '../bpe/splitter.js';
import type { GPT2TokenizerOverrides } from '../gpt2-options.js';
import { GPT2Tokenizer } from '../gpt2-tokenizer.js';
import { completeToken } from '../special-tokens.js';
import { type CountedWord, mergePairs } from './merge-pairs.js';

/** Options of `trainByteLevelBpe`; the defaults are those of `ByteLevelBPETokenizer.train`, with GPT-2's special token. */
export interface ByteLevelBpeTrainerOptions extends GPT2TokenizerOverrides {
  /** Number of tokens to learn, special tokens and bytes included; 30,000 by default. Bytes may exceed it. */
  readonly vocabSize?: number;
  /** Pairs of tokens that occur less often are not joined; 2 by default. */
  readonly minFrequency?: number;
  /** The first tokens of the vocabulary; `<|endoftext|>` by default. */
  readonly specialTokens?: readonly string[];
  /** Called now and then with the number of tokens learned and the number wanted. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Trains a byte-level BPE tokenizer. The result depends on the words and their counts only, not on the order of the texts: ties go
 * to the pair of the smallest ids, and bytes are numbered by their characters.
 *
 * @param texts The texts to learn from, taken one at a time.
 * @param options Of the trainer, and of the tokenizer that comes out (`addPrefixSpace`, `modelMaxLength`, …).
 * @throws ArgumentError when the texts hold nothing, or an option is out of range.
 * @see <https://huggingface.co/docs/tokenizers/api/trainers#tokenizers.trainers.BpeTrainer>
 * @example
 * const gpt = trainByteLevelBpe(['hug hugs hugging', 'hugged'], { vocabSize: 270, minFrequency: 1 });
 * gpt.tokenize('hugs'); // ['hug', 's']
 */
export function trainByteLevelBpe(texts: Iterable<string>, options: ByteLevelBpeTrainerOptions = {}): GPT2Tokenizer {
  const {
    vocabSize = 30_000,
    minFrequency = 2,
    specialTokens = ['<|endoftext|>'],
    onProgress,
    ...tokenizerOptions
  } = options;
  for (const [name, value] of Object.entries({ vocabSize, minFrequency })) {
    if (!(Number.isInteger(value) && value >= 0)) {
      throw new ArgumentError(`trainByteLevelBpe: ${name} must be a whole number, got ${value}`);
    }
  }
  const { addPrefixSpace = false, useRegex = true } = tokenizerOptions;
  const counts = countWords(texts, addPrefixSpace, useRegex);
  if (counts.size === 0) throw new ArgumentError('trainByteLevelBpe: the texts hold nothing to learn from');
  const vocab = [...new Set([...specialTokens, ...[...BYTE_CHARS].sort()])];
  const learned = mergePairs(vocab, spellBytes(counts, vocab), {
    vocabSize,
    minFrequency,
    continuingSubwordPrefix: '',
    ...(onProgress ? { onProgress } : {}),
  });
  const ids = new Map(vocab.map((token, id) => [token, id]));
  return new GPT2Tokenizer({
    ...tokenizerOptions,
    vocab,
    merges: learned.map(([first, second]) => [vocab[first] ?? '', vocab[second] ?? '']),
    addedTokens: [
      ...specialTokens.map((token) => ({ ...completeToken(token, true), id: ids.get(token) ?? 0 })),
      ...(tokenizerOptions.addedTokens ?? []),
    ],
  });
}

/** How often each word occurs. */
function countWords(texts: Iterable<string>, addPrefixSpace: boolean, useRegex: boolean): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (word: string): void => {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  };
  for (const original of texts) {
    if (original === '') continue;
    const text = addPrefixSpace && !original.startsWith(' ') ? ` ${original}` : original;
    if (useRegex) splitByteLevelWords(text, (from, to) => count(text.slice(from, to)));
    else count(text);
  }
  return counts;
}

/** The words in ids of bytes. */
function spellBytes(words: ReadonlyMap<string, number>, vocab: readonly string[]): CountedWord[] {
  const ids = new Map(vocab.map((token, id) => [token, id]));
  const byteIds = BYTE_CHARS.map((char) => ids.get(char) ?? 0);
  const encoder = new TextEncoder();
  return [...words].map(([word, count]) => ({
    tokens: Array.from(encoder.encode(word), (byte) => byteIds[byte] ?? 0),
    count,
  }));
}
