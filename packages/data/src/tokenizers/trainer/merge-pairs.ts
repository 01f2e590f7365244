/**
 * The heart of WordPiece and BPE training: join the most frequent pair of neighbouring tokens, again and again, until the
 * vocabulary is full (Sennrich et al. 2016, <https://arxiv.org/abs/1508.07909>). The order of merges, ties included, is that of
 * `BpeTrainer` in the Rust tokenizers: a heap of pairs whose counts may be out of date, corrected when they come up, and for
 * every pair the words that it is in, so that a merge touches only those.
 */
import { PairQueue, type QueuedPair } from './pair-queue.js';

/** When to stop, and how tokens are joined. */
export interface MergeOptions {
  /** Stop when there are this many tokens. */
  readonly vocabSize: number;
  /** Stop when no pair is as frequent as this. */
  readonly minFrequency: number;
  /** What a token that continues a word starts with; a joined token keeps that of its first half only. */
  readonly continuingSubwordPrefix: string;
  /** Called with the number of tokens so far and the number wanted. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A word of the training text. */
export interface CountedWord {
  /** Ids of its tokens; merging shortens it in place. */
  readonly tokens: number[];
  /** How often it occurs. */
  readonly count: number;
}

// A pair as one map key; ids stay far below 2^26.
const PAIR_BASE = 2 ** 26;

/**
 * Adds joined tokens to a vocabulary until it is full.
 *
 * @param vocab The tokens by id, letters at first; joined tokens are appended.
 * @param words The words of the text, spelled in ids of `vocab`.
 * @returns The pairs that were joined, in order.
 */
export function mergePairs(
  vocab: string[],
  words: readonly CountedWord[],
  options: MergeOptions,
): [first: number, second: number][] {
  const { vocabSize, minFrequency, continuingSubwordPrefix: prefix, onProgress } = options;
  const ids = new Map(vocab.map((token, id) => [token, id]));
  const merges: [number, number][] = [];
  const counts = new Map<number, number>();
  const queue = new PairQueue();
  // For each pair that a change touched: the words in which it is new.
  let places = new Map<number, number[]>();
  const add = (first: number, second: number, count: number, word: number): void => {
    const pair = first * PAIR_BASE + second;
    counts.set(pair, (counts.get(pair) ?? 0) + count);
    if (count <= 0) return;
    const words = places.get(pair);
    // Words come one after the other, so a word that is listed already is listed last.
    if (words === undefined) places.set(pair, [word]);
    else if (words.at(-1) !== word) words.push(word);
  };
  const enqueue = (): void => {
    for (const [pair, words] of places) {
      const count = counts.get(pair) ?? 0;
      if (count > 0) queue.push({ first: Math.floor(pair / PAIR_BASE), second: pair % PAIR_BASE, count, words });
    }
    places = new Map();
  };
  for (const [w, { tokens, count }] of words.entries()) {
    for (let i = 1; i < tokens.length; i++) add(tokens[i - 1] as number, tokens[i] as number, count, w);
  }
  enqueue();
  while (vocab.length < vocabSize) {
    const top: QueuedPair | undefined = queue.pop();
    if (top === undefined) break;
    const { first, second } = top;
    const count = counts.get(first * PAIR_BASE + second) ?? 0;
    if (top.count !== count) {
      queue.push({ ...top, count });
      continue;
    }
    if (count < 1 || count < minFrequency) break;
    const tail = vocab[second] as string;
    const token =
      (vocab[first] as string) + (prefix !== '' && tail.startsWith(prefix) ? tail.slice(prefix.length) : tail);
    let id = ids.get(token);
    if (id === undefined) {
      id = vocab.length;
      vocab.push(token);
      ids.set(token, id);
      onProgress?.(vocab.length, vocabSize);
    }
    merges.push([first, second]);
    for (const w of top.words) {
      const word = words[w] as CountedWord;
      const joined = id;
      mergeWord(word.tokens, first, second, joined, (a, b, sign) => add(a, b, sign * word.count, w));
    }
    enqueue();
  }
  return merges;
}

/** Joins every (first, second) in a word, left to right, and reports the pairs that this breaks (-1) and makes (+1). */
function mergeWord(
  tokens: number[],
  first: number,
  second: number,
  joined: number,
  change: (a: number, b: number, sign: 1 | -1) => void,
): void {
  let kept = 0;
  for (let i = 0; i < tokens.length; kept++) {
    const token = tokens[i] as number;
    if (token !== first || i + 1 >= tokens.length || tokens[i + 1] !== second) {
      tokens[kept] = token;
      i++;
      continue;
    }
    i += 2;
    if (kept > 0) {
      const before = tokens[kept - 1] as number;
      change(before, first, -1);
      change(before, joined, 1);
    }
    tokens[kept] = joined;
    if (i < tokens.length) {
      const after = tokens[i] as number;
      change(second, after, -1);
      change(joined, after, 1);
    }
  }
  tokens.length = kept;
}
