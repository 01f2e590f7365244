/**
 * What a tokenizer returns, and the options that shape it. An `Encoding` is plain data, so it spreads into a dataset row
 * (`{ ...tokenizer.encode(text), label }`) and survives JSON; a `BatchEncoding` is a list of them that becomes tensors.
 */
import { ShapeError, type Tensor } from '@course/tensor';
import { intTensor } from '../int-tensor.js';

/** One tokenized text, or pair of texts: columns of one entry per token. */
export interface Encoding {
  /** Token ids. */
  inputIds: number[];
  /** The tokens as text. */
  tokens: string[];
  /** 0 for the first text and its special tokens, 1 for the second. */
  tokenTypeIds: number[];
  /** 1 for tokens, 0 for padding. */
  attentionMask: number[];
  /** Where each token stands in its text: UTF-16 indices, end exclusive, as `text.slice(start, end)`; [0, 0] for special tokens. */
  offsets: [start: number, end: number][];
  /** Number of the word that each token is a part of, counted within its text; null for special tokens. */
  wordIds: (number | null)[];
  /** 1 for special tokens and padding. */
  specialTokensMask: number[];
}

/** Which text loses tokens when there are too many: `true` is 'longest_first'. */
export type Truncation = boolean | 'longest_first' | 'only_first' | 'only_second';

/** How far to pad: `true` is 'longest'. */
export type Padding = boolean | 'longest' | 'max_length';

/** Options of `encodeBatch`; the names and meanings are those of Hugging Face tokenizers. */
export interface EncodeBatchOptions {
  /**
   * Cut down to `maxLength` tokens, special tokens included. Left out, texts are cut only where `maxLength` is given without
   * `padding: 'max_length'`.
   */
  readonly truncation?: Truncation;
  /** Length for truncation and for padding to 'max_length'; by default the tokenizer's `modelMaxLength`. */
  readonly maxLength?: number;
  /** Pad to the longest of the batch, or to `maxLength`. */
  readonly padding?: Padding;
  /** With `padding`: the padded length is a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Add the special tokens of the model, such as [CLS] and [SEP]; true by default. */
  readonly addSpecialTokens?: boolean;
}

/** Options of `encode`. */
export interface EncodeOptions extends EncodeBatchOptions {
  /** A second text, as in question and context. */
  readonly pair?: string;
}

/** The columns of a batch that a model reads, as int32 tensors of shape [batch, length]. */
export interface EncodedTensors {
  readonly inputIds: Tensor;
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

/** The encodings of several texts, in their order. */
export class BatchEncoding implements Iterable<Encoding> {
  constructor(
    /** One encoding per text. */
    readonly encodings: readonly Encoding[],
  ) {}

  /** Number of texts. */
  get length(): number {
    return this.encodings.length;
  }

  /** Token ids, a row per text. */
  get inputIds(): number[][] {
    return this.encodings.map((encoding) => encoding.inputIds);
  }

  /** 1 for tokens, 0 for padding; a row per text. */
  get attentionMask(): number[][] {
    return this.encodings.map((encoding) => encoding.attentionMask);
  }

  /** 0 for first texts, 1 for second ones; a row per text. */
  get tokenTypeIds(): number[][] {
    return this.encodings.map((encoding) => encoding.tokenTypeIds);
  }

  /** The encodings, in order. */
  [Symbol.iterator](): Iterator<Encoding> {
    return this.encodings[Symbol.iterator]();
  }

  /**
   * The batch as int32 tensors of shape [batch, length].
   *
   * @throws ShapeError when the texts differ in length: encode them with `padding`.
   */
  toTensors(): EncodedTensors {
    return {
      inputIds: stackRows(this.inputIds),
      attentionMask: stackRows(this.attentionMask),
      tokenTypeIds: stackRows(this.tokenTypeIds),
    };
  }
}

function stackRows(rows: readonly (readonly number[])[]): Tensor {
  const length = rows[0]?.length ?? 0;
  const data = new Int32Array(rows.length * length);
  for (const [i, row] of rows.entries()) {
    if (row.length !== length) {
      throw new ShapeError(
        `toTensors: texts of ${length} and ${row.length} tokens do not make a tensor; encode them with padding: 'longest'`,
      );
    }
    data.set(row, i * length);
  }
  return intTensor(data, [rows.length, length]);
}
