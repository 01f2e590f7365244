/** The second task of BERT's pre-training, next-sentence prediction, made of documents (Devlin et al. 2018, 3.1). */
import { ArgumentError, Generator } from '@course/tensor';
import { Dataset } from './dataset.js';

/** Two sentences, and whether the second is the one behind the first. */
export interface SentencePair {
  readonly first: string;
  readonly second: string;
  /** 0: the second follows the first; 1: it comes from another document. As in transformers. */
  readonly nextSentenceLabel: 0 | 1;
}

/**
 * A pair for every sentence that has one behind it: in half of the cases (drawn) that one, else any sentence of another document.
 * The same seed (0 by default) draws the same pairs.
 *
 * @param documents The sentences of each document, in order.
 * @throws ArgumentError unless there are two documents with sentences, one of them with two.
 * @example
 * const pairs = nextSentencePairs([['It rained.', 'We stayed in.'], ['Whales are big.', 'They swim.']], { seed: 1 });
 * pairs.length; // 2
 */
export function nextSentencePairs(
  documents: readonly (readonly string[])[],
  { seed = 0 }: { readonly seed?: number } = {},
): Dataset<SentencePair> {
  const told = documents.filter((sentences) => sentences.length > 0);
  if (told.length < 2 || told.every(({ length }) => length < 2))
    throw new ArgumentError(
      `nextSentencePairs: two documents with sentences are needed, one of them with two; got ${documents.length} with ${documents.map(({ length }) => length).join(', ')}`,
    );
  const generator = new Generator().manualSeed(seed);
  const below = (bound: number): number => generator.random() % bound;
  const pairs = told.flatMap((sentences, at) =>
    sentences.slice(1).map((next, i): SentencePair => {
      const first = sentences[i] ?? '';
      if (below(2) === 0) return { first, second: next, nextSentenceLabel: 0 };
      const other = told[(at + 1 + below(told.length - 1)) % told.length] ?? [];
      return { first, second: other[below(other.length)] ?? '', nextSentenceLabel: 1 };
    }),
  );
  return Dataset.fromRows(pairs);
}
