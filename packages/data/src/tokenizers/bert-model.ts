/** BERT's way from text to tokens: clean-up, split into words, WordPiece. */
import type { AddedTokenMatcher } from './added-tokens.js';
import { NormalizedText } from './normalized-text.js';
import { BertNormalizer, type BertNormalizerOptions } from './normalizer.js';
import { splitWords } from './pre-tokenizer.js';
import type { TextModel } from './text-model.js';
import type { TokenBuffer } from './token-buffer.js';
import { WordPiece, type WordPieceOptions } from './wordpiece.js';

/** What a `BertModel` is made from: plain data, so that it can be sent to a worker. */
export interface BertModelOptions extends BertNormalizerOptions, WordPieceOptions {
  /** The model's own tokens with their ids. */
  readonly tokens: readonly (readonly [token: string, id: number])[];
}

/** The text model of BERT and its family. */
export class BertModel implements TextModel {
  readonly #normalizer: BertNormalizer;
  readonly #wordPiece: WordPiece;
  // Filled again for every text.
  readonly #normalized = new NormalizedText();

  constructor(options: BertModelOptions) {
    this.#normalizer = new BertNormalizer(options);
    this.#wordPiece = new WordPiece(options.tokens, options);
  }

  normalize(text: string): string {
    const normalized = new NormalizedText();
    normalized.reset(text);
    this.#normalizer.normalize(normalized, 0, text.length);
    return normalized.slice(0, normalized.length);
  }

  tokenize(text: string, from: number, to: number, added: AddedTokenMatcher, out: TokenBuffer): void {
    const normalized = this.#normalized;
    normalized.reset(text);
    this.#normalizer.normalize(normalized, from, to);
    if (added.isEmpty) {
      this.#tokenizeWords(normalized, 0, normalized.length, out);
      return;
    }
    for (const { token, from: start, to: end } of added.split(normalized.slice(0, normalized.length))) {
      if (token === undefined) {
        this.#tokenizeWords(normalized, start, end, out);
      } else {
        out.push(token.id, normalized.startOf(start), normalized.endOf(end - 1));
        out.endWord();
      }
    }
  }

  #tokenizeWords(text: NormalizedText, from: number, to: number, out: TokenBuffer): void {
    splitWords(text.units, from, to, (start, end) => this.#wordPiece.tokenizeWord(text, start, end, out));
  }
}
