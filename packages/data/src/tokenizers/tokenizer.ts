/**
 * What every tokenizer does alike from text to ids: options and their defaults, padding, batches, calls, files. A subclass says how text becomes
 * tokens (its `TextModel`), how tokens become text and which files it has.
 */
import { ArgumentError } from '@course/tensor';
import { writeTexts } from '#platform';
import { BatchEncoding } from './batch-encoding.js';
import { type CallInput, type CallOptions, type CallResult, callTokenizer, type ModelInputName } from './call.js';
import { resolvePadding, resolveRows, sectionsOf } from './call-options.js';
import { describeTokenizer } from './describe.js';
import { Encoder, type EncoderParts, type RowOptions } from './encoder.js';
import type { EncodeBatchOptions, EncodeOptions, Encoding } from './encoding.js';
import { EncodingTable, type RowPadding } from './encoding-table.js';
import { type ParallelOptions, ParallelTokenizer } from './parallel-tokenizer.js';
import type { EncoderRecipe } from './recipe.js';
import { type PrintedSections, printSections, type TokenizerSections } from './sections.js';
import type { SpecialTokens } from './special-tokens.js';
import type { Side } from './template.js';
import { type TextOrPair, textOf, textsOf } from './texts.js';
import { TokenDecoder } from './token-decoder.js';

/** What all tokenizers can be told. */
export interface TokenizerOptions {
  /** Longest input of the model, in tokens: what `truncation` and `padding: 'max_length'` use without a `maxLength`. */
  readonly modelMaxLength?: number;
  /** The side that padding goes to; 'right' by default. */
  readonly paddingSide?: Side;
  /** The side that truncation takes tokens from; 'right' by default. */
  readonly truncationSide?: Side;
  /** The token type of padding; 0 by default. */
  readonly padTokenTypeId?: number;
  /** What `decode` does without a `cleanUp` of its own. */
  readonly cleanUpTokenizationSpaces?: boolean;
  /** What the model reads, which is what `call` returns when it is not told. */
  readonly modelInputNames?: readonly ModelInputName[];
  /** What `tokenizer.json` says to libraries that go by it: read from it, written into it, no option of calls here. */
  readonly sections?: TokenizerSections;
}

/** The base of all tokenizers. Names and meanings follow Hugging Face's `PreTrainedTokenizerFast`. */
export abstract class Tokenizer extends TokenDecoder {
  readonly modelMaxLength: number | undefined;
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  readonly padTokenTypeId: number;
  /** What the model reads: token types are no input of GPT-2 and DistilBERT. */
  readonly modelInputNames: readonly ModelInputName[];
  readonly #sections: TokenizerSections;
  readonly #encoder: Encoder;
  readonly #scratch = new EncodingTable();

  protected constructor(
    parts: EncoderParts,
    specialTokens: SpecialTokens,
    options: TokenizerOptions & Required<Pick<TokenizerOptions, 'cleanUpTokenizationSpaces' | 'modelInputNames'>>,
  ) {
    super(parts.vocab, specialTokens, options.cleanUpTokenizationSpaces);
    const { modelMaxLength } = options;
    if (modelMaxLength !== undefined && !(Number.isInteger(modelMaxLength) && modelMaxLength > 0)) {
      throw new ArgumentError(`modelMaxLength must be a positive whole number, got ${modelMaxLength}`);
    }
    this.#encoder = new Encoder(parts);
    this.modelMaxLength = modelMaxLength;
    this.paddingSide = options.paddingSide ?? 'right';
    this.truncationSide = options.truncationSide ?? 'right';
    this.padTokenTypeId = options.padTokenTypeId ?? 0;
    this.modelInputNames = options.modelInputNames;
    this.#sections = options.sections ?? {};
  }

  /** How to make this tokenizer's encoder elsewhere. */
  protected abstract recipe(): EncoderRecipe;

  /** The files by name, with these sections in `tokenizer.json`. */
  protected abstract files(sections: PrintedSections): Record<string, string>;

  /**
   * The files of this tokenizer by name, as Hugging Face's libraries read them: `tokenizer.json`, `tokenizer_config.json`,
   * `special_tokens_map.json`, and the older `vocab.txt` of BERT, `vocab.json` and `merges.txt` of GPT-2.
   *
   * @param options As in `save`.
   */
  toFiles(options?: EncodeBatchOptions): Record<string, string> {
    const sections = options === undefined ? this.#sections : sectionsOf(options, this);
    const token = sections.padding === undefined ? undefined : this.padToken;
    return this.files(printSections(sections, this, token === undefined ? undefined : { token, id: this.padTokenId }));
  }

  /**
   * Writes the files of this tokenizer into a folder, which is made if need be.
   *
   * @param options How libraries that go by `tokenizer.json` alone (the Rust tokenizers, servers built on them) are to truncate and pad; by
   * default as the file that this tokenizer was read from says.
   * @throws ArgumentError for options that do not fit together; FormatError when the folder cannot be written.
   */
  async save(folder: string, options?: EncodeBatchOptions): Promise<void> {
    await writeTexts(folder, this.toFiles(options));
  }

  /**
   * Splits a text into tokens, without special tokens around it.
   *
   * @example
   * tokenizer.tokenize('unravel'); // ['un', '##rave', '##l']: that is bert-base-cased
   */
  tokenize(text: string): string[] {
    const buffer = this.#encoder.tokenize(text);
    const tokens: string[] = [];
    for (let i = 0; i < buffer.length; i++) tokens.push(this.vocab.tokens[buffer.ids[i] ?? 0] ?? '');
    return tokens;
  }

  /**
   * Encodes a text, or a text and its pair, as a model reads it.
   *
   * @throws ArgumentError for options that do not fit together, or a `maxLength` that leaves no room for special tokens.
   * @example
   * const { inputIds } = tokenizer.encode('Transformer models are powerful.'); // [101, 13809, 23763, 3584, 1132, 3110, 119, 102]
   * tokenizer.encode('a question', { pair: 'a context', maxLength: 10, truncation: 'only_second', padding: 'max_length' });
   */
  encode(text: string | readonly string[], options: EncodeOptions = {}): Encoding {
    const { pair, isSplitIntoWords = false } = options;
    const first = textOf(text, isSplitIntoWords);
    const table = this.#scratch;
    table.reset();
    this.#encoder.encode(
      table,
      0,
      pair === undefined ? [first] : [first, textOf(pair, isSplitIntoWords)],
      this.rowOptions(options),
    );
    const padding = this.#paddingOf(table, options);
    const encoding = table.encoding(0, this.vocab.tokens, padding);
    if (options.returnOverflowingTokens === true) {
      encoding.overflowing = [];
      for (let row = 1; row < table.rows; row++) {
        encoding.overflowing.push(table.encoding(row, this.vocab.tokens, padding));
      }
    }
    return encoding;
  }

  /**
   * Encodes several texts, or pairs of texts. With `returnOverflowingTokens` a text may have several rows.
   *
   * @throws ArgumentError as `encode`.
   * @example
   * const { inputIds } = tokenizer.encodeBatch(['one', 'two or three'], { padding: 'longest' }).toTensors(); // int32 [2, 5]
   */
  encodeBatch(texts: readonly TextOrPair[], options: EncodeBatchOptions = {}): BatchEncoding {
    const table = new EncodingTable();
    const row = this.rowOptions(options);
    for (const [i, entry] of texts.entries()) {
      this.#encoder.encode(table, i, textsOf(entry, options.isSplitIntoWords ?? false), row);
    }
    return this.batchOf(table, options);
  }

  /**
   * What a model reads of one text, a pair, or a batch: Hugging Face's `tokenizer(text, …)`. Lists for one text, lists of lists for several;
   * with `returnTensors: 'pt'` tensors, with `'np'` arrays on the host. Which columns there are, the model decides (`modelInputNames`) unless
   * `returnTokenTypeIds` or `returnAttentionMask` say it.
   *
   * @param text A text, a list of texts, or a list of pairs; with `isSplitIntoWords` lists of words in place of texts.
   * @throws ArgumentError as `encode`, and for lists that differ in length; ShapeError when rows that are to be tensors do.
   * @see <https://huggingface.co/docs/transformers/main_classes/tokenizer#transformers.PreTrainedTokenizerBase.__call__>
   * @example
   * tokenizer.call('two or three').inputIds.length; // 5
   * tokenizer.call('a question', 'a context', { truncation: 'only_second', maxLength: 10 }).attentionMask;
   * const batch = tokenizer.call(['one', 'two or three'], { padding: true, returnTensors: 'pt' });
   * batch.inputIds.shape; // [2, 5]
   */
  call<const Input extends CallInput, const Options extends CallOptions = Record<never, never>>(
    text: Input,
    options?: Options,
  ): CallResult<Input, Options>;
  /**
   * The same, of texts that have second texts beside them.
   *
   * @param text A text, or a list of texts.
   * @param textPair The second text, or as many as there are texts.
   */
  call<const Input extends CallInput, const Options extends CallOptions = Record<never, never>>(
    text: Input,
    textPair: CallInput | undefined,
    options?: Options,
  ): CallResult<Input, Options>;
  call(text: CallInput, second?: CallInput | CallOptions, third?: CallOptions): unknown {
    return callTokenizer(this, text, second, third);
  }

  /**
   * This tokenizer on worker threads, for data sets rather than single texts. It knows the tokens of this moment: those added later
   * are not in it.
   *
   * @throws ArgumentError when `threads` is not a positive whole number.
   * @example
   * const parallel = tokenizer.parallel({ threads: 2 });
   * const { inputIds } = await parallel.encodeBatch(['one', 'two']);
   * parallel.close();
   */
  parallel(options: ParallelOptions = {}): ParallelTokenizer {
    return new ParallelTokenizer(
      {
        recipe: this.recipe(),
        rowOptions: (each) => this.rowOptions(each),
        batchOf: (table, each) => this.batchOf(table, each),
      },
      options,
    );
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return String(this);
  }

  /** A tokenizer in a few lines: sizes, what is its own, special tokens with their ids. */
  protected describe(name: string, own: Readonly<Record<string, unknown>>): string {
    return describeTokenizer(name, this, own);
  }

  /** The options of rows with every default filled in. */
  protected rowOptions(options: EncodeBatchOptions): RowOptions {
    return resolveRows(options, this);
  }

  /** The rows of a table, padded as the options say. */
  protected batchOf(table: EncodingTable, options: EncodeBatchOptions): BatchEncoding {
    return new BatchEncoding(table, this.vocab.tokens, this.#paddingOf(table, options));
  }

  protected override tokensAdded(): void {
    this.#encoder.refreshAddedTokens();
  }

  #paddingOf(table: EncodingTable, options: EncodeBatchOptions): RowPadding | undefined {
    const length = resolvePadding(options, this, () => table.longestRow());
    if (length === undefined) return undefined;
    const { padTokenId: id, padToken: token, padTokenTypeId: typeId } = this;
    return { length, side: options.paddingSide ?? this.paddingSide, id, token, typeId };
  }
}
