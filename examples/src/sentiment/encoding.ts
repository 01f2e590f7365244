// From texts to batches: a WordPiece vocabulary learned from the training texts, their ids, and batches of texts of similar
// length, so that little is padded.
import {
  type BertTokenizer,
  DataCollatorWithPadding,
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  type LabelledBatch,
  trainWordPiece,
} from '@course/data';
import type { Example } from './data.js';
import { breathe } from './interruption.js';

/** A text as the model reads it. */
export interface EncodedExample {
  readonly inputIds: readonly number[];
  /** The number of its class. */
  readonly label: number;
}

/** Batches of encoded texts. */
export type Batches = DataLoader<EncodedExample, LabelledBatch>;

/** A tokenizer in lower case, learned from texts; `maxLength` is the longest input of the model that it is for. */
export function learnTokenizer(
  texts: Dataset<Example>,
  { vocabSize, maxLength }: { readonly vocabSize: number; readonly maxLength: number },
): BertTokenizer {
  return trainWordPiece(texts.column('text'), { vocabSize, lowercase: true, modelMaxLength: maxLength });
}

/** Encodes texts, cut to `maxLength` tokens. */
export function encodeTexts(
  texts: Dataset<Example>,
  tokenizer: BertTokenizer,
  { labels, maxLength }: { readonly labels: readonly string[]; readonly maxLength: number },
  signal: AbortSignal,
): Promise<Dataset<EncodedExample>> {
  const classes = new Map(labels.map((label, number) => [label, number]));
  const encode = ({ text, label }: Example): EncodedExample => ({
    inputIds: tokenizer.encode(text, { truncation: true, maxLength }).inputIds,
    label: classes.get(label) ?? -1,
  });
  return texts.map((example, i) => (i % 1000 === 0 ? breathe(signal).then(() => encode(example)) : encode(example)));
}

/** Batches of similar length: shuffled anew every epoch to learn from, or all in a fixed order. */
export function batchesOf(
  texts: Dataset<EncodedExample>,
  tokenizer: BertTokenizer,
  options: Pick<DataLoaderOptions<EncodedExample, LabelledBatch>, 'batchSize' | 'shuffle' | 'seed'>,
): Batches {
  return new DataLoader<EncodedExample, LabelledBatch>(texts, {
    ...options,
    collate: new DataCollatorWithPadding<EncodedExample>(tokenizer),
    bucketByLength: { key: ({ inputIds }) => inputIds.length },
  });
}

/** Tokens of an epoch, padding left out. */
export function countTokens(batches: Batches): number {
  let tokens = 0;
  for (const { inputIds } of batches.dataset) tokens += inputIds.length;
  return tokens;
}
