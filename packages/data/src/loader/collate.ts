/**
 * From rows to a batch: plain columns by default, padded int32 tensors for tokenized text. A batch owns its tensors; whoever
 * consumes it frees them, by a `scope` or by letting them go.
 */
import { ArgumentError, type Tensor } from '@course/tensor';
import { hostTensor } from '../host-array.js';
import {
  type CollateRecipe,
  type EncodedRow,
  type HostBatch,
  hostCollate,
  type PaddingRecipe,
} from './host-collate.js';

export type { EncodedRow };

/** Makes a batch of some rows. */
export interface Collator<in Row, out Batch> {
  /** The batch of some rows. */
  collate(rows: readonly Row[]): Batch | Promise<Batch>;
}

/**
 * A `Collator`, its function, or the URL of a module whose default export is such a function. What a module's function returns has plain
 * fields; those of the form `{ data, shape }` become tensors.
 */
export type Collate<Row, Batch> = Collator<Row, Batch> | ((rows: readonly Row[]) => Batch | Promise<Batch>) | URL;

/**
 * A collator in two parts: one on the host, which a worker can do, and one that makes tensors and draws random numbers, which is done where
 * the program runs, batch after batch. So the batches are the same with workers and without.
 *
 * @internal
 */
export interface TwoPartCollator<Batch> {
  /** The first part, as plain data. */
  recipe(): CollateRecipe;
  /** The second part. */
  finish(prepared: HostBatch): Batch;
}

/** A padded batch: int32 tensors of shape [batch, length]. */
export interface PaddedBatch {
  readonly inputIds: Tensor;
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

/** A padded batch with labels: [batch], or [batch, length] where rows have one for each token (-100 at padding). */
export interface LabelledBatch extends PaddedBatch {
  readonly labels: Tensor;
}

/** The batch that rows of a type become: with labels, without, or with labels perhaps where rows may have them. */
export type BatchOf<Row> = Row extends { readonly label: number } | { readonly labels: number | ArrayLike<number> }
  ? LabelledBatch
  : Extract<keyof Row, 'label' | 'labels'> extends never
    ? PaddedBatch
    : PaddedBatch & Partial<LabelledBatch>;

/** What padding needs to know of a tokenizer. */
export interface PaddingTokenizer {
  readonly padTokenId: number;
  readonly paddingSide: 'left' | 'right';
}

/** Options of `DataCollatorWithPadding`. */
export interface PaddingOptions {
  /** The padded length is a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Pad every batch to this length instead of to its longest row. */
  readonly maxLength?: number;
}

/**
 * Pads tokenized rows to the longest of their batch ("dynamic padding"), after
 * [DataCollatorWithPadding](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorWithPadding).
 * Columns other than `inputIds`, `attentionMask`, `tokenTypeIds`, `label` and `labels` are left out.
 *
 * @example
 * const loader = new DataLoader(tokenized, { batchSize: 16, collate: new DataCollatorWithPadding(tokenizer) });
 * for await (const batch of loader) batch.inputIds.shape; // [16, longest]
 */
export class DataCollatorWithPadding<Row extends EncodedRow = EncodedRow>
  implements Collator<Row, BatchOf<Row>>, TwoPartCollator<BatchOf<Row>>
{
  readonly #padding: () => PaddingRecipe;

  /** @throws ArgumentError when an option is not a positive whole number. */
  constructor(tokenizer: PaddingTokenizer, options: PaddingOptions = {}) {
    this.#padding = paddingOf(tokenizer, options);
  }

  /**
   * The padded batch of some rows.
   *
   * @throws ArgumentError when there are no rows, some have labels and some do not, or a row is longer than `maxLength`.
   */
  collate(rows: readonly Row[]): BatchOf<Row> {
    return this.finish(hostCollate(this.recipe(), rows) as HostBatch);
  }

  /** @internal */
  recipe(): CollateRecipe {
    return { kind: 'padding', padding: this.#padding() };
  }

  /** @internal */
  finish(prepared: HostBatch): BatchOf<Row> {
    return hostTensors(prepared) as unknown as BatchOf<Row>;
  }
}

/**
 * How a tokenizer's rows are padded: asked at each batch, for a tokenizer may be given a padding token later.
 *
 * @throws ArgumentError when an option is not a positive whole number.
 */
export function paddingOf(tokenizer: PaddingTokenizer, options: PaddingOptions): () => PaddingRecipe {
  const { padToMultipleOf, maxLength } = options;
  for (const [name, value] of Object.entries({ padToMultipleOf, maxLength })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new ArgumentError(`DataCollatorWithPadding: ${name} must be a positive whole number, got ${value}`);
    }
  }
  return () => ({ padTokenId: tokenizer.padTokenId, side: tokenizer.paddingSide, padToMultipleOf, maxLength });
}

/** The tensors of arrays on the host, by name. */
export function hostTensors(batch: HostBatch): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(batch).map(([name, array]) => [name, hostTensor(array)]));
}
