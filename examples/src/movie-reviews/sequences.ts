// Reviews as sequences of one length, for networks that begin with an embedding.
import { DataLoader, Dataset, padSequences } from '@course/data';
import { type Tensor, tensor } from '@course/tensor';
import type { Batch } from './classifier.js';
import type { Reviews } from './data.js';
import type { Vocabulary } from './words.js';
import type { Review } from './writer.js';

/** How reviews become batches. */
export interface SequenceOptions {
  /** Words of a review: longer ones keep their end, shorter ones get zeros in front, as Keras does it. */
  readonly maxLength: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** Texts as the numbers of their words, [texts, maxLength]. */
export function sequencesOf(texts: readonly string[], vocabulary: Vocabulary, maxLength: number): Tensor {
  return padSequences(
    texts.map((text) => vocabulary.encode(text)),
    { maxLength, padding: 'pre', truncating: 'pre' },
  );
}

/** Batches of padded sequences to learn from, in a new order every epoch, and to judge. */
export function sequenceLoaders(
  { train, test }: Reviews,
  vocabulary: Vocabulary,
  { maxLength, batchSize, seed }: SequenceOptions,
): { train: DataLoader<Row, Batch>; test: DataLoader<Row, Batch> } {
  const encode = (reviews: Dataset<Review>): Dataset<Row> =>
    Dataset.fromRows(Array.from(reviews, ({ text, label }) => ({ sequence: vocabulary.encode(text), label })));
  const collate = (rows: readonly Row[]): Batch => [
    padSequences(
      rows.map(({ sequence }) => sequence),
      { maxLength, padding: 'pre', truncating: 'pre' },
    ),
    tensor(rows.map(({ label }) => label)),
  ];
  return {
    train: new DataLoader(encode(train), { batchSize, shuffle: true, seed, collate }),
    test: new DataLoader(encode(test), { batchSize: 500, collate }),
  };
}

interface Row {
  readonly sequence: readonly number[];
  readonly label: number;
}
