/**
 * A vocabulary: tokens by id and ids by token, with the tokens that were added to a model's own and those that are
 * special. Ids need not be dense (a file may repeat a token), so the table by id may have holes.
 */
import { ArgumentError, FormatError } from '@course/tensor';
import type { AddedToken } from './added-tokens.js';

/** What a vocabulary can be given as: tokens in the order of their ids, or ids by token. */
export type VocabSource = readonly string[] | ReadonlyMap<string, number> | Readonly<Record<string, number>>;

/** Far more than any vocabulary has; keeps a corrupt id from making a table of gigabytes. */
const MAX_IDS = 2 ** 24;

/** The (token, id) pairs of a vocabulary in any form. */
export function vocabEntries(source: VocabSource): [token: string, id: number][] {
  if (Array.isArray(source)) return source.map((token, id) => [token, id]);
  return source instanceof Map ? [...source] : Object.entries(source);
}

/** Tokens and ids, both ways. */
export class Vocab {
  readonly #tokens: string[];
  readonly #ids: Map<string, number>;
  #added: readonly AddedToken[];
  #specialIds: ReadonlySet<number>;
  /** The model's own tokens, in the order given. */
  readonly model: readonly (readonly [token: string, id: number])[];
  /** The token that stands for strings that are none; undefined where there is none. */
  unkToken: string | undefined;

  /**
   * @param model The model's own tokens.
   * @param added Tokens matched whole; some may be among the model's own.
   * @param unkToken The token that stands for strings that are none.
   * @throws FormatError for an id that is no whole number, or an unknown token that is in neither.
   */
  constructor(
    model: readonly (readonly [token: string, id: number])[],
    added: readonly AddedToken[],
    unkToken: string | undefined,
  ) {
    const tokens: string[] = [];
    const ids = new Map<string, number>();
    const modelIds = new Map(model);
    for (const { content, id } of added) {
      const modelId = modelIds.get(content) ?? id;
      if (modelId === id) continue;
      throw new FormatError(
        `vocabulary: the added token ${JSON.stringify(content)} has id ${id}, but id ${modelId} in the model's own vocabulary`,
      );
    }
    for (const [token, id] of [...model, ...added.map(({ content, id }) => [content, id] as const)]) {
      if (!(Number.isInteger(id) && id >= 0 && id < MAX_IDS)) {
        throw new FormatError(
          `vocabulary: the id of ${JSON.stringify(token)} must be a whole number below ${MAX_IDS}, got ${id}`,
        );
      }
      tokens[id] = token;
      ids.set(token, id);
    }
    if (unkToken !== undefined && !ids.has(unkToken)) {
      throw new FormatError(
        `vocabulary: the unknown token ${JSON.stringify(unkToken)} is not among the ${ids.size} tokens`,
      );
    }
    this.#tokens = tokens;
    this.#ids = ids;
    this.#added = byId(added);
    this.#specialIds = specialIdsOf(added);
    this.model = model;
    this.unkToken = unkToken;
  }

  /** Tokens by id; holes where no token has the id. */
  get tokens(): readonly string[] {
    return this.#tokens;
  }

  /** Ids by token. Of a token that is listed twice the last id counts, as in the reference. */
  get ids(): ReadonlyMap<string, number> {
    return this.#ids;
  }

  /** Tokens that are matched whole, by ascending id. */
  get added(): readonly AddedToken[] {
    return this.#added;
  }

  /** Ids of the special tokens. */
  get specialIds(): ReadonlySet<number> {
    return this.#specialIds;
  }

  /**
   * Makes a token one that is matched whole, under its own id if it has one and else under the next. What was added under the
   * same text before is replaced.
   *
   * @returns Whether that changed anything.
   */
  add(token: Omit<AddedToken, 'id'>): boolean {
    const { content } = token;
    if (content === '') return false;
    const id = this.#ids.get(content) ?? this.#tokens.length;
    const before = this.#added.find((each) => each.content === content);
    const now: AddedToken = { ...token, id };
    if (before !== undefined && isSame(before, now)) return false;
    this.#tokens[id] = content;
    this.#ids.set(content, id);
    this.#added = byId([...this.#added.filter((each) => each !== before), now]);
    this.#specialIds = specialIdsOf(this.#added);
    return true;
  }

  /** One more than the largest id. */
  get size(): number {
    return this.tokens.length;
  }

  /**
   * The id of a token; that of the unknown token for any other string.
   *
   * @throws ArgumentError for any other string where there is no unknown token.
   */
  idOf(token: string): number {
    return this.#ids.get(token) ?? this.requireId(this.unkToken ?? token);
  }

  /**
   * The id of a token that must be there.
   *
   * @throws ArgumentError when it is not.
   */
  requireId(token: string): number {
    const id = this.ids.get(token);
    if (id === undefined) throw new ArgumentError(`vocabulary: no token ${JSON.stringify(token)}`);
    return id;
  }
}

function byId(tokens: readonly AddedToken[]): readonly AddedToken[] {
  return [...tokens].sort((a, b) => a.id - b.id);
}

function specialIdsOf(added: readonly AddedToken[]): ReadonlySet<number> {
  return new Set(added.filter((token) => token.special).map((token) => token.id));
}

function isSame(a: AddedToken, b: AddedToken): boolean {
  return (
    a.id === b.id &&
    a.singleWord === b.singleWord &&
    a.lstrip === b.lstrip &&
    a.rstrip === b.rstrip &&
    a.normalized === b.normalized &&
    a.special === b.special
  );
}
