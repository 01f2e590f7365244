/**
 * WordPiece: a word becomes the longest token that it starts with, then the longest continuation (`##…`) of the rest, and
 * so on; a word that cannot be covered, or is too long, becomes one unknown token. As the `WordPiece` model of the Rust
 * tokenizers, but over a trie: a word costs one pass instead of one look-up for each of its substrings.
 */
import { DoubleArrayTrie, NO_NODE, type TrieMatch } from './double-array-trie.js';
import type { NormalizedText } from './normalized-text.js';
import type { TokenBuffer } from './token-buffer.js';
import { isLowSurrogate } from './utf16.js';

/** What a `WordPiece` model needs beside its vocabulary. */
export interface WordPieceOptions {
  /** Id of the token for words that the vocabulary cannot spell. */
  readonly unkId: number;
  /** What a token starts with that continues a word. */
  readonly continuingSubwordPrefix: string;
  /** Words of more characters are unknown. */
  readonly maxCharsPerWord: number;
}

/** Greedy longest-match-first segmentation of words (Wu et al. 2016, <https://arxiv.org/abs/1609.08144>; Devlin et al. 2018). */
export class WordPiece {
  readonly #trie: DoubleArrayTrie;
  readonly #continuation: number;
  readonly #options: WordPieceOptions;
  readonly #match: TrieMatch = { end: -1, value: -1 };

  constructor(vocab: Iterable<readonly [token: string, id: number]>, options: WordPieceOptions) {
    this.#trie = new DoubleArrayTrie(vocab);
    this.#continuation = this.#trie.walk(options.continuingSubwordPrefix);
    this.#options = options;
  }

  /** Appends the tokens of the word `text.units[from, to)`, with their places in the original text, as one word. */
  tokenizeWord(text: NormalizedText, from: number, to: number, out: TokenBuffer): void {
    const { units } = text;
    const before = out.length;
    let start = from;
    if (this.#fits(units, from, to)) {
      let node = this.#trie.root;
      while (start < to && node !== NO_NODE && this.#trie.longestMatch(node, units, start, to, this.#match)) {
        const { end, value } = this.#match;
        out.push(value, text.startOf(start), text.endOf(end - 1));
        start = end;
        node = this.#continuation;
      }
    }
    if (start < to) {
      out.length = before;
      out.push(this.#options.unkId, text.startOf(from), text.endOf(to - 1));
    }
    out.endWord();
  }

  /** Whether a word has at most the allowed number of characters; a surrogate pair counts as one. */
  #fits(units: Uint16Array, from: number, to: number): boolean {
    const { maxCharsPerWord } = this.#options;
    if (to - from <= maxCharsPerWord) return true;
    if (to - from > 2 * maxCharsPerWord) return false;
    let chars = 0;
    for (let i = from; i < to; i++) if (!isLowSurrogate(units[i] as number)) chars++;
    return chars <= maxCharsPerWord;
  }
}
