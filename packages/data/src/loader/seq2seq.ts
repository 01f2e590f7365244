/** Batches for models that read one text and write another. */
import type { Tensor } from '@course/tensor';
import {
  type Collator,
  hostTensors,
  type PaddedBatch,
  type PaddingOptions,
  type PaddingTokenizer,
  paddingOf,
  type TwoPartCollator,
} from './collate.js';
import {
  type CollateRecipe,
  type EncodedRow,
  type HostBatch,
  hostCollate,
  IGNORED_LABEL,
  type PaddingRecipe,
} from './host-collate.js';

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
export class DataCollatorForSeq2Seq implements Collator<Seq2SeqRow, Seq2SeqBatch>, TwoPartCollator<Seq2SeqBatch> {
  readonly #padding: () => PaddingRecipe;
  readonly #options: Seq2SeqOptions;

  /** @throws ArgumentError when an option is out of range. */
  constructor(tokenizer: PaddingTokenizer, options: Seq2SeqOptions = {}) {
    this.#padding = paddingOf(tokenizer, options);
    this.#options = options;
  }

  /**
   * The batch of some rows.
   *
   * @throws ArgumentError when there are no rows, or a row has no labels.
   */
  collate(rows: readonly Seq2SeqRow[]): Seq2SeqBatch {
    return this.finish(hostCollate(this.recipe(), rows) as HostBatch);
  }

  /** @internal */
  recipe(): CollateRecipe {
    const { labelPadTokenId = IGNORED_LABEL, decoderStartTokenId } = this.#options;
    return { kind: 'seq2seq', padding: this.#padding(), labelPadTokenId, decoderStartTokenId };
  }

  /** @internal */
  finish(prepared: HostBatch): Seq2SeqBatch {
    return hostTensors(prepared) as unknown as Seq2SeqBatch;
  }
}
