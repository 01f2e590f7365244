/**
 * What every tokenizer does alike: framing with special tokens, truncation, padding, batches, and the way back from ids
 * to tokens. A subclass says how a text becomes tokens and how tokens become text; the rest is here, once.
 */
import { ArgumentError } from '@course/tensor';
import {
  BatchEncoding,
  type EncodeBatchOptions,
  type EncodeOptions,
  type Encoding,
  type Truncation,
} from './encoding.js';
import { frame, pad, type Side, type Template, type TokenSlice, truncate, withoutSpecials } from './template.js';
import { TokenBuffer } from './token-buffer.js';
import type { Vocab } from './vocab.js';

/** A text, or a pair of texts that go into one encoding. */
export type TextOrPair = string | readonly [text: string, pair: string];

/** What all tokenizers can be told. */
export interface TokenizerOptions {
  /** Longest input of the model, in tokens: what `truncation` and `padding: 'max_length'` use without a `maxLength`. */
  readonly modelMaxLength?: number;
  /** The side that padding goes to; 'right' by default. */
  readonly paddingSide?: Side;
  /** The side that truncation takes tokens from; 'right' by default. */
  readonly truncationSide?: Side;
  /** What `decode` does without a `cleanUp` of its own; true by default. */
  readonly cleanUpTokenizationSpaces?: boolean;
}

/** Options of `decode`. */
export interface DecodeOptions {
  /** Leave special tokens such as [CLS] and [PAD] out; false by default. */
  readonly skipSpecialTokens?: boolean;
  /** Remove the blanks that tokenization put before punctuation and into English contractions; by default as the tokenizer says. */
  readonly cleanUp?: boolean;
}

/** The base of all tokenizers. Names and meanings follow Hugging Face's `PreTrainedTokenizerFast`. */
export abstract class Tokenizer {
  readonly modelMaxLength: number | undefined;
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  readonly cleanUpTokenizationSpaces: boolean;
  /** The tokens by id, added tokens included. */
  protected readonly vocab: Vocab;
  readonly #template: Template;
  readonly #bareTemplate: Template;
  readonly #padToken: string;
  // Filled again for every text; a pair needs two.
  readonly #buffers: readonly [TokenBuffer, TokenBuffer] = [new TokenBuffer(), new TokenBuffer()];

  protected constructor(vocab: Vocab, template: Template, padToken: string, options: TokenizerOptions) {
    const { modelMaxLength } = options;
    if (modelMaxLength !== undefined && !(Number.isInteger(modelMaxLength) && modelMaxLength > 0)) {
      throw new ArgumentError(`modelMaxLength must be a positive whole number, got ${modelMaxLength}`);
    }
    this.vocab = vocab;
    this.modelMaxLength = modelMaxLength;
    this.paddingSide = options.paddingSide ?? 'right';
    this.truncationSide = options.truncationSide ?? 'right';
    this.cleanUpTokenizationSpaces = options.cleanUpTokenizationSpaces ?? true;
    this.#template = template;
    this.#bareTemplate = withoutSpecials(template);
    this.#padToken = padToken;
  }

  /** Appends the tokens of a text, without special tokens, to `out`. */
  protected abstract tokenizeInto(text: string, out: TokenBuffer): void;

  /** Joins tokens to text. */
  protected abstract joinTokens(tokens: readonly string[], cleanUp: boolean): string;

  /** Number of tokens, added tokens included: one more than the largest id. */
  get vocabSize(): number {
    return this.vocab.size;
  }

  /** Id of the padding token. */
  get padTokenId(): number {
    return this.vocab.idOf(this.#padToken);
  }

  /** The padding token. */
  get padToken(): string {
    return this.#padToken;
  }

  /** Ids of all special tokens, ascending. */
  get allSpecialIds(): number[] {
    return [...this.vocab.specialIds].sort((a, b) => a - b);
  }

  /**
   * Splits a text into tokens, without special tokens around it.
   *
   * @example
   * tokenizer.tokenize('unravel'); // ['un', '##rave', '##l']: that is bert-base-cased
   */
  tokenize(text: string): string[] {
    const buffer = this.#tokenizeToBuffer(text, 0);
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
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const encoding = this.#encodeOne(text, options.pair, options);
    this.#padAll([encoding], options);
    return encoding;
  }

  /**
   * Encodes several texts, or pairs of texts.
   *
   * @throws ArgumentError as `encode`.
   * @example
   * const { inputIds } = tokenizer.encodeBatch(['one', 'two or three'], { padding: 'longest' }).toTensors(); // int32 [2, 5]
   */
  encodeBatch(texts: readonly TextOrPair[], options: EncodeBatchOptions = {}): BatchEncoding {
    const encodings = texts.map((text) =>
      typeof text === 'string' ? this.#encodeOne(text, undefined, options) : this.#encodeOne(text[0], text[1], options),
    );
    this.#padAll(encodings, options);
    return new BatchEncoding(encodings);
  }

  /**
   * The text of a sequence of token ids.
   *
   * @throws ArgumentError for an id outside of the vocabulary.
   * @example
   * tokenizer.decode([101, 13809, 23763, 3584, 102], { skipSpecialTokens: true }); // 'Transformer models'
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false, cleanUp = this.cleanUpTokenizationSpaces } = options;
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1;
      const token = this.convertIdsToTokens(id);
      if (!(skipSpecialTokens && this.vocab.specialIds.has(id))) tokens.push(token);
    }
    return this.joinTokens(tokens, cleanUp);
  }

  /** The texts of several sequences of token ids. */
  batchDecode(sequences: readonly ArrayLike<number>[], options: DecodeOptions = {}): string[] {
    return sequences.map((ids) => this.decode(ids, options));
  }

  /** The id of a token, or the ids of several; that of the unknown token for those outside of the vocabulary. */
  convertTokensToIds(token: string): number;
  convertTokensToIds(tokens: readonly string[]): number[];
  convertTokensToIds(tokens: string | readonly string[]): number | number[] {
    return typeof tokens === 'string' ? this.vocab.idOf(tokens) : tokens.map((token) => this.vocab.idOf(token));
  }

  /**
   * The token of an id, or the tokens of several.
   *
   * @throws ArgumentError for an id outside of the vocabulary.
   */
  convertIdsToTokens(id: number): string;
  convertIdsToTokens(ids: ArrayLike<number>): string[];
  convertIdsToTokens(ids: number | ArrayLike<number>): string | string[] {
    if (typeof ids !== 'number') return Array.from(ids, (id) => this.convertIdsToTokens(id));
    const token = this.vocab.tokens[ids];
    if (token === undefined) {
      throw new ArgumentError(`token id ${ids} is outside of the vocabulary, whose ids are 0 to ${this.vocabSize - 1}`);
    }
    return token;
  }

  #tokenizeToBuffer(text: string, which: 0 | 1): TokenBuffer {
    if (typeof text !== 'string') throw new ArgumentError(`a tokenizer encodes strings, got ${typeof text}`);
    const buffer = this.#buffers[which];
    buffer.reset();
    this.tokenizeInto(text, buffer);
    return buffer;
  }

  #encodeOne(text: string, pair: string | undefined, options: EncodeBatchOptions): Encoding {
    const template = options.addSpecialTokens === false ? this.#bareTemplate : this.#template;
    const pieces = pair === undefined ? template.single : template.pair;
    const slices: TokenSlice[] = [text, ...(pair === undefined ? [] : [pair])].map((part, i) => {
      const tokens = this.#tokenizeToBuffer(part, i === 0 ? 0 : 1);
      return { tokens, from: 0, to: tokens.length };
    });
    const strategy = truncationStrategy(options);
    if (strategy !== undefined) {
      const maxLength = this.#maxLength(options, 'truncation');
      const specials = pieces.filter((piece) => 'special' in piece).length;
      if (maxLength < specials) {
        throw new ArgumentError(`encode: maxLength ${maxLength} leaves no room for the ${specials} special tokens`);
      }
      truncate(slices, maxLength - specials, strategy, this.truncationSide);
    }
    return frame(pieces, slices, this.vocab.tokens);
  }

  #padAll(encodings: readonly Encoding[], options: EncodeBatchOptions): void {
    const { padding = false, padToMultipleOf: multiple = 1 } = options;
    if (!(Number.isInteger(multiple) && multiple > 0)) {
      throw new ArgumentError(`encode: padToMultipleOf must be a positive whole number, got ${multiple}`);
    }
    if (padding === false) return;
    const longest =
      padding === 'max_length'
        ? this.#maxLength(options, "padding 'max_length'")
        : encodings.reduce((length, encoding) => Math.max(length, encoding.inputIds.length), 0);
    const length = Math.ceil(longest / multiple) * multiple;
    for (const encoding of encodings) pad(encoding, length, this.padTokenId, this.#padToken, this.paddingSide);
  }

  #maxLength(options: EncodeBatchOptions, what: string): number {
    const maxLength = options.maxLength ?? this.modelMaxLength;
    if (maxLength === undefined) {
      throw new ArgumentError(`encode: ${what} needs maxLength, for this tokenizer has no modelMaxLength`);
    }
    if (!(Number.isInteger(maxLength) && maxLength >= 0)) {
      throw new ArgumentError(`encode: maxLength must be a whole number, got ${maxLength}`);
    }
    return maxLength;
  }
}

function truncationStrategy(options: EncodeBatchOptions): Exclude<Truncation, boolean> | undefined {
  const { truncation = options.maxLength !== undefined && options.padding !== 'max_length' } = options;
  if (truncation === true) return 'longest_first';
  return truncation === false ? undefined : truncation;
}
