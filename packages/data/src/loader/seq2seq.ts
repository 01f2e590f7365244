/** Batches for models that read one text and write another. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { hostTensor } from '../host-array.js';
import {
  type Collator,
  DataCollatorWithPadding,
  type EncodedRow,
  type PaddedBatch,
  type PaddingOptions,
  type PaddingTokenizer,
} from './collate.js';
import { padToMatrix } from './pad-sequences.js';

/** A text and the text that it becomes, tokenized. */
export interface Seq2SeqRow extends EncodedRow {
  /** The tokens to write, with what ends them. */
  readonly labels: ArrayLike<number>;
}

/** A batch of such pairs. */
export interface Seq2SeqBatch extends PaddedBatch {
  /** [batch, target length], int32: -100 at padding. */
  readonly labels: Tensor;
  /** [batch, target length], int32: the labels behind the first token, where there is a `decoderStartTokenId`. */
  readonly decoderInputIds?: Tensor;
}

/** Options of {@link DataCollatorForSeq2Seq}. */
export interface Seq2SeqOptions extends PaddingOptions {
  /** What labels are padded with; -100, which losses leave out, by default. */
  readonly labelPadTokenId?: number;
  /** What the decoder begins with. With it, batches have `decoderInputIds`: the labels, one place later. */
  readonly decoderStartTokenId?: number;
}

/**
 * Pads inputs and labels, each to the longest of their batch, after
 * [DataCollatorForSeq2Seq](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorForSeq2Seq).
 *
 * @example
 * const collator = new DataCollatorForSeq2Seq(tokenizer, { decoderStartTokenId: 101 });
 * const { labels } = collator.collate([{ ...tokenizer.encode('good'), labels: [1160, 102] }]);
 * labels.shape; // [1, 2]
 */
export class DataCollatorForSeq2Seq implements Collator<Seq2SeqRow, Seq2SeqBatch> {
  readonly #tokenizer: PaddingTokenizer;
  readonly #padding: DataCollatorWithPadding<EncodedRow>;
  readonly #options: Seq2SeqOptions;

  /** @throws ArgumentError when an option is out of range. */
  constructor(tokenizer: PaddingTokenizer, options: Seq2SeqOptions = {}) {
    const { labelPadTokenId: _, decoderStartTokenId: __, ...padding } = options;
    this.#tokenizer = tokenizer;
    this.#padding = new DataCollatorWithPadding(tokenizer, padding);
    this.#options = options;
  }

  /**
   * The batch of some rows.
   *
   * @throws ArgumentError when there are no rows, or a row has no labels.
   */
  collate(rows: readonly Seq2SeqRow[]): Seq2SeqBatch {
    const { labelPadTokenId = -100, decoderStartTokenId, padToMultipleOf: multiple = 1 } = this.#options;
    for (const [i, row] of rows.entries()) {
      if (typeof row.labels !== 'object')
        throw new ArgumentError(`DataCollatorForSeq2Seq: row ${i} of the batch has no labels`);
    }
    const inputs = rows.map(({ inputIds, attentionMask, tokenTypeIds }) => ({
      inputIds,
      ...(attentionMask && { attentionMask }),
      ...(tokenTypeIds && { tokenTypeIds }),
    }));
    const batch = this.#padding.collate(inputs) as PaddedBatch;
    const longest = rows.reduce((most, { labels }) => Math.max(most, labels.length), 0);
    const length = Math.ceil(longest / multiple) * multiple;
    const shape = [rows.length, length];
    const labels = padToMatrix(
      rows.map((row) => row.labels),
      length,
      labelPadTokenId,
      this.#tokenizer.paddingSide,
    );
    if (decoderStartTokenId === undefined) return { ...batch, labels: hostTensor({ data: labels, shape }) };
    const shifted = labels.map((_, i) => {
      if (i % length === 0) return decoderStartTokenId;
      const before = labels[i - 1] ?? 0;
      return before === labelPadTokenId ? this.#tokenizer.padTokenId : before;
    });
    return {
      ...batch,
      labels: hostTensor({ data: labels, shape }),
      decoderInputIds: hostTensor({ data: shifted, shape }),
    };
  }
}
