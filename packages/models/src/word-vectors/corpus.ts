/**
 * Sentences as numbers. Training runs over the text many times, so words are looked up once: a corpus is one array of word numbers and the
 * places where its sentences end. Words are numbered by falling frequency, as gensim numbers them.
 */
import { ArgumentError } from '@course/tensor';

/** Text as training takes it: sentences, each a list of words. */
export type Sentences = Iterable<readonly string[]>;

/** The words of a model, the most frequent first. */
export interface Vocabulary {
  readonly words: readonly string[];
  /** How often each word occurs. */
  readonly counts: readonly number[];
  readonly index: ReadonlyMap<string, number>;
}

/** Sentences in word numbers: sentence `s` is `tokens[ends[s - 1]]` up to, not including, `tokens[ends[s]]`. */
export interface Corpus {
  readonly tokens: Int32Array;
  readonly ends: Int32Array;
}

/** Which words of a text become the vocabulary. */
export interface VocabularyOptions {
  /** Words that occur less often are left out. */
  readonly minCount: number;
  /** At most so many words, the most frequent. */
  readonly maxFinalVocab?: number;
}

/** An Int32Array that grows. */
class Int32List {
  #values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  toArray(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}

/**
 * The vocabulary of some sentences, and the sentences in it; read in one pass, so a generator will do.
 *
 * @throws ArgumentError when a sentence is no list of words, or no word is left.
 */
export function readCorpus(
  owner: string,
  sentences: Sentences,
  { minCount, maxFinalVocab = Number.POSITIVE_INFINITY }: VocabularyOptions,
): { readonly vocabulary: Vocabulary; readonly corpus: Corpus } {
  const seen = new Map<string, number>();
  const counts: number[] = [];
  const { tokens, ends } = collect(owner, sentences, (word) => {
    let id = seen.get(word);
    if (id === undefined) {
      id = seen.size;
      seen.set(word, id);
      counts.push(0);
    }
    counts[id] = (counts[id] ?? 0) + 1;
    return id;
  });
  const all = [...seen.keys()];
  // Equally frequent words stay in the order of the text: sorting is stable.
  const order = all.map((_, id) => id).filter((id) => (counts[id] ?? 0) >= minCount);
  order.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
  if (order.length > maxFinalVocab) order.length = maxFinalVocab;
  if (order.length === 0)
    throw new ArgumentError(
      `${owner}: no word is left for the vocabulary: of ${all.length} words the most frequent occurs ${counts.reduce((a, b) => Math.max(a, b), 0)} times, and minCount is ${minCount}`,
    );
  const words = order.map((id) => all[id] ?? '');
  const place = new Int32Array(all.length).fill(-1);
  for (const [at, id] of order.entries()) place[id] = at;
  const vocabulary: Vocabulary = {
    words,
    counts: order.map((id) => counts[id] ?? 0),
    index: new Map(words.map((word, at) => [word, at])),
  };
  return { vocabulary, corpus: renumber(tokens, ends, place) };
}

/** Sentences in the words of a vocabulary; others are left out, as if they were not there. */
export function encodeCorpus(owner: string, sentences: Sentences, { index }: Vocabulary): Corpus {
  return collect(owner, sentences, (word) => index.get(word) ?? -1);
}

function collect(owner: string, sentences: Sentences, numberOf: (word: string) => number): Corpus {
  const [tokens, ends] = [new Int32List(), new Int32List()];
  for (const sentence of sentences) {
    // A string is iterable too, by its letters: the commonest mistake.
    if (!Array.isArray(sentence))
      throw new ArgumentError(
        `${owner}: each sentence must be a list of words, got ${typeof sentence === 'string' ? `the string ${JSON.stringify((sentence as string).slice(0, 40))}: split it into words` : typeof sentence}`,
      );
    for (const word of sentence as readonly string[]) {
      if (typeof word !== 'string') throw new ArgumentError(`${owner}: a word must be a string, got ${typeof word}`);
      const id = numberOf(word);
      if (id >= 0) tokens.push(id);
    }
    ends.push(tokens.length);
  }
  return { tokens: tokens.toArray(), ends: ends.toArray() };
}

/** The corpus with other word numbers; words with -1 are left out. */
function renumber(tokens: Int32Array, ends: Int32Array, place: Int32Array): Corpus {
  let [from, kept] = [0, 0];
  for (let s = 0; s < ends.length; s++) {
    const to = ends[s] ?? 0;
    for (; from < to; from++) {
      const id = place[tokens[from] ?? 0] ?? -1;
      if (id >= 0) tokens[kept++] = id;
    }
    ends[s] = kept;
  }
  return { tokens: tokens.slice(0, kept), ends };
}
