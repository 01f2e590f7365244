/**
 * From texts to rows of an `EncodingTable`: added tokens, the text model, truncation into windows, the special tokens around
 * texts. This is all that a worker needs of a tokenizer; `Tokenizer` puts options, padding and results around it.
 */
import { ArgumentError } from '@course/tensor';
import { AddedTokenMatcher } from './added-tokens.js';
import type { EncodingTable } from './encoding-table.js';
import {
  combineWindows,
  type Side,
  type Span,
  type Template,
  type TruncationStrategy,
  truncatedLengths,
  windows,
  withoutSpecials,
} from './template.js';
import type { TextModel } from './text-model.js';
import { TokenBuffer } from './token-buffer.js';
import type { Vocab } from './vocab.js';

/** A text, or the words that it was split into. */
export type Text = string | readonly string[];

/** One text, or a pair of texts. */
export type Texts = readonly [text: Text] | readonly [text: Text, pair: Text];

/** The options of a row, resolved: nothing is left to defaults, and all of it crosses to a worker. */
export interface RowOptions {
  readonly addSpecialTokens: boolean;
  /** Undefined: texts stay whole. */
  readonly truncation: TruncationStrategy | undefined;
  /** Used with `truncation`. */
  readonly maxLength: number;
  readonly stride: number;
  /** Also make rows of what truncation cuts off. */
  readonly overflow: boolean;
  readonly truncationSide: Side;
}

/** Takes the blanks at the edges of tokens out of their offsets, in tokens [from, to) of a table. */
export type OffsetTrim = (table: EncodingTable, from: number, to: number) => void;

/** What an `Encoder` is put together from. */
export interface EncoderParts {
  readonly vocab: Vocab;
  readonly model: TextModel;
  readonly template: Template;
  readonly trimOffsets?: OffsetTrim | undefined;
}

/** Encodes texts into rows. */
export class Encoder {
  readonly #parts: EncoderParts;
  readonly #bareTemplate: Template;
  // Filled again for every text; a pair needs two.
  readonly #buffers: readonly [TokenBuffer, TokenBuffer] = [new TokenBuffer(), new TokenBuffer()];
  #raw = new AddedTokenMatcher([]);
  #normalized = new AddedTokenMatcher([]);

  constructor(parts: EncoderParts) {
    this.#parts = parts;
    this.#bareTemplate = withoutSpecials(parts.template);
    this.refreshAddedTokens();
  }

  /** Takes note of tokens that were added to the vocabulary. */
  refreshAddedTokens(): void {
    const { vocab, model } = this.#parts;
    this.#raw = new AddedTokenMatcher(
      vocab.added.filter((token) => !token.normalized).map((token) => [token.content, token]),
    );
    this.#normalized = new AddedTokenMatcher(
      vocab.added
        .filter((token) => token.normalized)
        .map((token): [string, typeof token] => [model.normalize(token.content), token])
        .filter(([content]) => content !== ''),
    );
  }

  /** The tokens of a text without special tokens; valid until the next call with the same `which`. */
  tokenize(text: Text, which: 0 | 1 = 0): TokenBuffer {
    const buffer = this.#buffers[which];
    buffer.reset();
    if (typeof text === 'string') {
      this.#tokenizeInto(text, buffer);
      return buffer;
    }
    for (const [i, word] of text.entries()) {
      const from = buffer.length;
      this.#tokenizeInto(word, buffer);
      buffer.numberAs(i, from);
    }
    return buffer;
  }

  /**
   * Appends the rows of a text or a pair: one, or with `overflow` one for each window.
   *
   * @throws ArgumentError for options that cannot be met.
   */
  encode(table: EncodingTable, sample: number, texts: Texts, options: RowOptions): void {
    const [text, pair] = texts;
    const template = options.addSpecialTokens ? this.#parts.template : this.#bareTemplate;
    const pieces = pair === undefined ? template.single : template.pair;
    const buffers = [this.tokenize(text, 0)];
    if (pair !== undefined) buffers.push(this.tokenize(pair, 1));
    const rows = options.truncation === undefined ? undefined : truncatedRows(buffers, pieces, options);
    for (const spans of rows ?? [undefined]) {
      for (const piece of pieces) {
        if ('special' in piece) {
          table.pushSpecial(piece.special, piece.typeId);
          continue;
        }
        const buffer = buffers[piece.sequence];
        if (buffer === undefined) continue;
        const [from, to] = spans?.[piece.sequence] ?? [0, buffer.length];
        const start = table.length;
        table.pushTokens(buffer, from, to, piece.typeId, piece.sequence);
        this.#parts.trimOffsets?.(table, start, table.length);
      }
      table.endRow(sample);
    }
  }

  #tokenizeInto(text: string, out: TokenBuffer): void {
    if (typeof text !== 'string') throw new ArgumentError(`a tokenizer encodes strings, got ${typeof text}`);
    const { model } = this.#parts;
    if (this.#raw.isEmpty) {
      if (text.length > 0) model.tokenize(text, 0, text.length, this.#normalized, out);
      return;
    }
    for (const { token, from, to } of this.#raw.split(text)) {
      if (token === undefined) {
        model.tokenize(text, from, to, this.#normalized, out);
      } else {
        out.push(token.id, from, to);
        out.endWord();
      }
    }
  }
}

/** The rows of texts that may be too long: for each, which tokens of each text. */
function truncatedRows(
  buffers: readonly TokenBuffer[],
  pieces: Template['single'],
  options: RowOptions,
): readonly (readonly Span[])[] {
  const { maxLength, stride, overflow, truncationSide } = options;
  const specials = pieces.reduce((count, piece) => count + ('special' in piece ? 1 : 0), 0);
  if (maxLength < specials) {
    throw new ArgumentError(`encode: maxLength ${maxLength} leaves no room for the ${specials} special tokens`);
  }
  const lengths = buffers.map((buffer) => buffer.length);
  const kept = truncatedLengths(lengths, maxLength - specials, options.truncation ?? 'longest_first');
  const spans = buffers.map((buffer, i) => windows(buffer.length, kept[i] ?? 0, stride, truncationSide));
  const rows = combineWindows(spans);
  return overflow ? rows : rows.slice(0, 1);
}
