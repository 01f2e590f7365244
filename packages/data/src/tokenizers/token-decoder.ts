/**
 * The half of a tokenizer that knows tokens and ids: the vocabulary, special tokens, tokens that are added, and the way back from ids to text.
 * `Tokenizer` adds the way from text to ids.
 */
import { ArgumentError } from '@course/tensor';
import {
  completeToken,
  isRole,
  type NewSpecialTokens,
  type NewToken,
  type SpecialTokenRole,
  type SpecialTokens,
} from './special-tokens.js';
import type { Vocab } from './vocab.js';

/** Options of `decode`. */
export interface DecodeOptions {
  /** Leave special tokens such as [CLS] and [PAD] out; false by default. */
  readonly skipSpecialTokens?: boolean;
  /** Remove the blanks that tokenization put before punctuation and into English contractions; by default as the tokenizer says. */
  readonly cleanUp?: boolean;
}

/** Tokens, ids, and the text that they stand for. */
export abstract class TokenDecoder {
  readonly cleanUpTokenizationSpaces: boolean;
  /** The tokens by id, added tokens included. */
  protected readonly vocab: Vocab;
  #specialTokens: SpecialTokens;

  protected constructor(vocab: Vocab, specialTokens: SpecialTokens, cleanUpTokenizationSpaces: boolean) {
    this.vocab = vocab;
    this.#specialTokens = specialTokens;
    this.cleanUpTokenizationSpaces = cleanUpTokenizationSpaces;
  }

  /** Takes note of tokens that were added. */
  protected abstract tokensAdded(): void;

  /** Joins tokens to text. */
  protected abstract joinTokens(tokens: readonly string[], cleanUp: boolean): string;

  /** Number of tokens, added tokens included: one more than the largest id. */
  get vocabSize(): number {
    return this.vocab.size;
  }

  /** The vocabulary: ids by token, added tokens included. */
  getVocab(): ReadonlyMap<string, number> {
    return this.vocab.ids;
  }

  /** The special tokens by the part they play. */
  get specialTokens(): SpecialTokens {
    return this.#specialTokens;
  }

  /**
   * The padding token.
   *
   * @throws ArgumentError when there is none, as in GPT-2: `addSpecialTokens({ padToken: … })` names one.
   */
  get padToken(): string {
    return this.#specialToken('padToken');
  }

  /**
   * Id of the padding token.
   *
   * @throws ArgumentError when there is none.
   */
  get padTokenId(): number {
    return this.specialTokenId('padToken');
  }

  /** Ids of all special tokens, ascending. */
  get allSpecialIds(): number[] {
    return [...this.vocab.specialIds].sort((a, b) => a - b);
  }

  /**
   * Adds tokens that are matched whole in a text, with the next free ids. A token that the vocabulary has keeps its id. A model
   * needs as many rows in its embedding: `vocabSize`.
   *
   * @returns How many were new, or changed their flags.
   * @example
   * tokenizer.addTokens(['new_word', { content: 'AI', singleWord: true }]); // 2
   */
  addTokens(tokens: readonly NewToken[]): number {
    return this.#add(tokens, false);
  }

  /**
   * Adds special tokens, which `decode` can leave out, and says which part they play.
   *
   * @returns How many were new, or changed their flags.
   * @throws ArgumentError for a part that there is not.
   * @example
   * tokenizer.addSpecialTokens({ padToken: '<pad>', additionalSpecialTokens: ['<user>'] }); // 2
   */
  addSpecialTokens(tokens: NewSpecialTokens | readonly NewToken[]): number {
    if (isList(tokens)) return this.#add(tokens, true);
    const { additionalSpecialTokens = [], ...byRole } = tokens;
    const roles = { ...this.#specialTokens };
    const added: NewToken[] = [];
    for (const [role, token] of Object.entries(byRole)) {
      if (!isRole(role)) throw new ArgumentError(`addSpecialTokens: there is no special token "${role}"`);
      if (token === undefined) continue;
      roles[role] = typeof token === 'string' ? token : token.content;
      added.push(token);
    }
    this.#specialTokens = roles;
    this.vocab.unkToken = roles.unkToken;
    return this.#add([...added, ...additionalSpecialTokens], true);
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

  /**
   * The id of a token, or the ids of several; that of the unknown token for those outside of the vocabulary.
   *
   * @throws ArgumentError for one outside of the vocabulary of a tokenizer without an unknown token.
   */
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

  /**
   * Tokens joined to text, as `decode` joins those of ids.
   *
   * @example
   * tokenizer.convertTokensToString(['un', '##rave', '##l']); // 'unravel'
   */
  convertTokensToString(tokens: readonly string[]): string {
    return this.joinTokens(tokens, false);
  }

  /** The id of a special token; throws an ArgumentError where there is none. */
  protected specialTokenId(role: SpecialTokenRole): number {
    return this.vocab.requireId(this.#specialToken(role));
  }

  /** Those of some tokens that are not among the special tokens yet. */
  protected unlisted(tokens: readonly string[]): string[] {
    const listed = new Set(this.vocab.added.filter((token) => token.special).map((token) => token.content));
    return tokens.filter((token) => !listed.has(token));
  }

  #add(tokens: readonly NewToken[], special: boolean): number {
    const changed = tokens.filter((token) => this.vocab.add(completeToken(token, special))).length;
    if (changed > 0) this.tokensAdded();
    return changed;
  }

  #specialToken(role: SpecialTokenRole): string {
    const token = this.#specialTokens[role];
    if (token !== undefined) return token;
    throw new ArgumentError(`this tokenizer has no ${role}: name one with addSpecialTokens({ ${role}: … })`);
  }
}

function isList(tokens: NewSpecialTokens | readonly NewToken[]): tokens is readonly NewToken[] {
  return Array.isArray(tokens);
}
