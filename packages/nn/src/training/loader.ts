/** The batches that a trainer makes of a data set. */
import {
  type Collate,
  DataCollatorWithPadding,
  DataLoader,
  type Dataset,
  type EncodedRow,
  type PaddingTokenizer,
} from '@course/data';
import { ArgumentError } from '@course/tensor';
import type { FilledArguments } from './arguments.js';
import type { TrainerOptions } from './trainer-options.js';

/** Batches for training, in an order drawn from the seed, or all rows in theirs for evaluation. */
export function makeLoader<Row, Batch>(
  dataset: Dataset<Row>,
  { tokenizer, dataCollator }: Pick<TrainerOptions<Row, Batch>, 'tokenizer' | 'dataCollator'>,
  args: FilledArguments,
  training: boolean,
): DataLoader<Row, Batch> {
  const { perDeviceTrainBatchSize, perDeviceEvalBatchSize, dataSeed, groupByLength, dataloaderDropLast } = args;
  if (!dataCollator && !tokenizer)
    throw new ArgumentError('Trainer: rows become batches by a dataCollator, or by a tokenizer that pads; give one');
  const collate =
    dataCollator ?? (new DataCollatorWithPadding(tokenizer as PaddingTokenizer) as unknown as Collate<Row, Batch>);
  const key = (row: Row): number => (row as EncodedRow).inputIds.length;
  return new DataLoader<Row, Batch>(dataset, {
    batchSize: training ? perDeviceTrainBatchSize : perDeviceEvalBatchSize,
    shuffle: training,
    seed: dataSeed,
    dropLast: training && dataloaderDropLast,
    collate,
    ...(training && groupByLength && { bucketByLength: { key } }),
  });
}
