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
  /** Tokens by id; holes where no token has the id. */
  readonly tokens: readonly string[];
  /** Ids by token. Of a token that is listed twice the last id counts, as in the reference. */
  readonly ids: ReadonlyMap<string, number>;
  /** Ids of the special tokens. */
  readonly specialIds: ReadonlySet<number>;
  /** Tokens that are matched whole, by ascending id. */
  readonly added: readonly AddedToken[];
  /** The model's own tokens, in the order given. */
  readonly model: readonly (readonly [token: string, id: number])[];
  readonly #unkToken: string;

  /**
   * @param model The model's own tokens.
   * @param added Tokens matched whole; some may be among the model's own.
   * @throws FormatError for an id that is no whole number, or an unknown token that is in neither.
   */
  constructor(
    model: readonly (readonly [token: string, id: number])[],
    added: readonly AddedToken[],
    unkToken: string,
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
    if (!ids.has(unkToken)) {
      throw new FormatError(
        `vocabulary: the unknown token ${JSON.stringify(unkToken)} is not among the ${ids.size} tokens`,
      );
    }
    this.tokens = tokens;
    this.ids = ids;
    this.added = [...added].sort((a, b) => a.id - b.id);
    this.specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
    this.model = model;
    this.#unkToken = unkToken;
  }

  /** One more than the largest id. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token; that of the unknown token for any other string. */
  idOf(token: string): number {
    return this.ids.get(token) ?? this.ids.get(this.#unkToken) ?? 0;
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
