/**
 * The call of a tokenizer in Hugging Face's form. `encode` and `encodeBatch` give all that is known of a text; this gives the columns that a
 * model reads, as lists, arrays or tensors, one row deep for one text. It is what goes into `map` with `batched`, and into a model.
 */
import { ArgumentError, type Tensor } from '@course/tensor';
import { type HostArray, hostTensor } from '../host-array.js';
import type { BatchEncoding, NumberColumn } from './batch-encoding.js';
import type { EncodeBatchOptions } from './encoding.js';
import type { TextOrPair } from './texts.js';

/** The columns that a model may read. */
export type ModelInputName = 'inputIds' | 'tokenTypeIds' | 'attentionMask';

/** A text, a list of texts or pairs of texts; with `isSplitIntoWords`, lists of words in place of texts. */
export type CallInput = string | readonly TextOrPair[];

/** Options of `Tokenizer.call`; names and meanings are those of Hugging Face. */
export interface CallOptions extends EncodeBatchOptions {
  /** 'pt': int32 tensors. 'np': arrays on the host with their shape, which travel between threads. Left out: lists. */
  readonly returnTensors?: 'pt' | 'np';
  /** Return `tokenTypeIds`; by default where the model reads them. */
  readonly returnTokenTypeIds?: boolean;
  /** Return `attentionMask`; by default where the model reads it. */
  readonly returnAttentionMask?: boolean;
  /** Return `specialTokensMask`: 1 for special tokens and padding. */
  readonly returnSpecialTokensMask?: boolean;
  /** Return `offsetMapping`: where each token stands in its text, in UTF-16 units. */
  readonly returnOffsetsMapping?: boolean;
  /** Return `length`: the number of tokens of each row, padding included. */
  readonly returnLength?: boolean;
}

/** Whether the result is of one text rather than of several rows. */
type IsOne<Input, Options> = Options extends { readonly returnOverflowingTokens: true }
  ? false
  : Options extends { readonly isSplitIntoWords: true }
    ? Input extends readonly string[]
      ? true
      : false
    : Input extends string
      ? true
      : false;

/** A column as it is asked for: lists of `Item`, or numbers as an array or a tensor. */
type Column<Item, Input, Options> = Options extends { readonly returnTensors: 'pt' }
  ? Tensor
  : Options extends { readonly returnTensors: 'np' }
    ? HostArray
    : IsOne<Input, Options> extends true
      ? Item[]
      : Item[][];

/** One number for each row. */
type PerRow<Options> = Options extends { readonly returnTensors: 'pt' }
  ? Tensor
  : Options extends { readonly returnTensors: 'np' }
    ? HostArray
    : number[];

/** A column that is there, or is not, or that the model decides about. */
type Chosen<Name extends string, Option extends string, Type, Options> = Options extends {
  readonly [O in Option]: infer Choice;
}
  ? Choice extends true
    ? { [N in Name]: Type }
    : Choice extends false
      ? unknown
      : { [N in Name]?: Type }
  : { [N in Name]?: Type };

/** A column that is there only when it is asked for. */
type Asked<Name extends string, Option extends string, Type, Options> = Options extends { readonly [O in Option]: true }
  ? { [N in Name]: Type }
  : unknown;

/** What `Tokenizer.call` returns. */
export type CallResult<Input, Options> = {
  inputIds: Column<number, Input, Options>;
} & Chosen<'tokenTypeIds', 'returnTokenTypeIds', Column<number, Input, Options>, Options> &
  (Options extends { readonly returnAttentionMask: false }
    ? unknown
    : { attentionMask: Column<number, Input, Options> }) &
  Asked<'specialTokensMask', 'returnSpecialTokensMask', Column<number, Input, Options>, Options> &
  Asked<'offsetMapping', 'returnOffsetsMapping', Column<[start: number, end: number], Input, Options>, Options> &
  Asked<'length', 'returnLength', PerRow<Options>, Options> &
  Asked<'overflowToSampleMapping', 'returnOverflowingTokens', PerRow<Options>, Options>;

/** What a call needs of a tokenizer. */
export interface Callable {
  readonly modelInputNames: readonly ModelInputName[];
  encodeBatch(texts: readonly TextOrPair[], options: EncodeBatchOptions): BatchEncoding;
}

/** Calls a tokenizer; see `Tokenizer.call`. */
export function callTokenizer(
  tokenizer: Callable,
  text: CallInput,
  second: CallInput | CallOptions | undefined,
  third: CallOptions | undefined,
): Record<string, unknown> {
  const hasPair = typeof second === 'string' || Array.isArray(second);
  const textPair = hasPair ? (second as CallInput) : undefined;
  const options = (hasPair || second === undefined ? third : (second as CallOptions)) ?? {};
  const isOne = !isBatch(text, options);
  const batch = tokenizer.encodeBatch(entriesOf(text, textPair, options), options);
  const { returnTensors } = options;
  if (returnTensors !== undefined) {
    const finish = returnTensors === 'pt' ? hostTensor : (array: HostArray): HostArray => array;
    return columnsOf(tokenizer, options, batch, {
      column: (name) => finish(batch.hostColumn(name)),
      offsets: () => finish(batch.hostOffsets()),
      perRow: (values) => finish({ data: Int32Array.from(values), shape: [values.length] }),
    });
  }
  // Windows make rows of one text too.
  const only = <Row>(rows: readonly Row[]): unknown =>
    isOne && options.returnOverflowingTokens !== true ? rows[0] : rows;
  return columnsOf(tokenizer, options, batch, {
    column: (name) => only(batch[name]),
    offsets: () => only(batch.offsets),
    perRow: (values) => values,
  });
}

/** How columns are given out. */
interface Form {
  column(name: NumberColumn): unknown;
  offsets(): unknown;
  perRow(values: number[]): unknown;
}

function columnsOf(
  tokenizer: Callable,
  options: CallOptions,
  batch: BatchEncoding,
  form: Form,
): Record<string, unknown> {
  const reads = (name: ModelInputName): boolean => tokenizer.modelInputNames.includes(name);
  const columns: Record<string, unknown> = { inputIds: form.column('inputIds') };
  if (options.returnTokenTypeIds ?? reads('tokenTypeIds')) columns.tokenTypeIds = form.column('tokenTypeIds');
  if (options.returnAttentionMask ?? reads('attentionMask')) columns.attentionMask = form.column('attentionMask');
  if (options.returnSpecialTokensMask) columns.specialTokensMask = form.column('specialTokensMask');
  if (options.returnOffsetsMapping) columns.offsetMapping = form.offsets();
  if (options.returnLength) columns.length = form.perRow(batch.inputIds.map((row) => row.length));
  if (options.returnOverflowingTokens) columns.overflowToSampleMapping = form.perRow(batch.overflowToSampleMapping);
  return columns;
}

/** Whether a text is a list of texts; with words, a list of lists of words. */
function isBatch(text: unknown, { isSplitIntoWords = false }: CallOptions): boolean {
  return Array.isArray(text) && (!isSplitIntoWords || Array.isArray(text[0]));
}

/** The entries of a batch: texts, or texts with their pairs. */
function entriesOf(text: CallInput, textPair: CallInput | undefined, options: CallOptions): TextOrPair[] {
  if (!isBatch(text, options)) {
    if (textPair !== undefined && isBatch(textPair, options))
      throw new ArgumentError('call: one text has one text beside it, got a list of texts');
    return [(textPair === undefined ? text : [text, textPair]) as TextOrPair];
  }
  const texts = text as readonly TextOrPair[];
  if (textPair === undefined) return [...texts];
  if (!isBatch(textPair, options)) throw new ArgumentError('call: a list of texts needs a list of second texts');
  const pairs = textPair as readonly TextOrPair[];
  if (pairs.length !== texts.length)
    throw new ArgumentError(`call: ${texts.length} texts do not match ${pairs.length} second texts`);
  return texts.map((each, i) => [each, pairs[i]] as TextOrPair);
}
