// Texts as numbers, as lecture 8 makes them: words in lower case, numbered by how common they are; 0 is every other word, and padding.
import { wordTokenize } from '@course/data';

/** The words of a text: runs of letters, digits and underscores, in lower case, as Python's `\b\w+\b` finds them. */
export function tokenize(text: string): string[] {
  return wordTokenize(text);
}

/** The most common words and their numbers, from 1. */
export class Vocabulary {
  readonly #indices: ReadonlyMap<string, number>;
  readonly #words: readonly string[];

  /** Counts the words of `texts` and keeps so many that, with 0, there are `size` numbers; the more common of two has the lower one. */
  constructor(texts: Iterable<string>, size: number) {
    const counts = new Map<string, number>();
    for (const text of texts) for (const word of tokenize(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    // The order of words that are equally common is that of their first occurrence, as in Python's Counter.
    const common = [...counts].sort(([, a], [, b]) => b - a).slice(0, size - 1);
    this.#words = ['[UNK]', ...common.map(([word]) => word)];
    this.#indices = new Map(common.map(([word], i) => [word, i + 1]));
  }

  /** How many numbers there are, 0 among them. */
  get size(): number {
    return this.#words.length;
  }

  /** The words, the most common first. */
  get words(): readonly string[] {
    return this.#words.slice(1);
  }

  /** A text as the numbers of its words. */
  encode(text: string): number[] {
    return tokenize(text).map((word) => this.#indices.get(word) ?? 0);
  }

  /** Numbers as words. */
  decode(sequence: readonly number[]): string {
    return sequence.map((index) => this.#words[index] ?? '[UNK]').join(' ');
  }
}
