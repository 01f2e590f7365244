/** Tokens and their ids, for models that have no published vocabulary: counted, cut and numbered. */
import { ArgumentError } from '@course/tensor';

/** Options of `Vocabulary.fromTokens`. */
export interface VocabularyOptions {
  /** Ids at most, the reserved ones included; all by default. */
  readonly maxSize?: number;
  /** Leave out tokens that occur less often; 1 by default. */
  readonly minFrequency?: number;
  /** Tokens with the first ids, in order; `['<pad>', '<unk>']` by default. */
  readonly reserved?: readonly string[];
  /** The reserved token that stands for all that are not known; `<unk>` by default, if it is reserved. */
  readonly unkToken?: string;
}

/**
 * The tokens of a corpus with their ids: reserved ones first, then the most frequent, and of those with the same frequency the one that
 * came first, which is the order of `collections.Counter.most_common` in Python.
 *
 * @example
 * const vocabulary = Vocabulary.fromTokens([['to', 'be'], ['or', 'not', 'to', 'be']], { maxSize: 4 });
 * vocabulary.tokens; // ['<pad>', '<unk>', 'to', 'be']
 * vocabulary.encode(['to', 'see']); // [2, 1]
 */
export class Vocabulary {
  /** The tokens by id. */
  readonly tokens: readonly string[];
  /** How often each token occurred; 0 for reserved ones that did not. */
  readonly counts: ReadonlyMap<string, number>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #unkId: number | undefined;

  private constructor(tokens: readonly string[], counts: ReadonlyMap<string, number>, unkToken: string | undefined) {
    this.tokens = tokens;
    this.counts = counts;
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    this.#unkId = unkToken === undefined ? undefined : this.#ids.get(unkToken);
  }

  /**
   * Counts the tokens of texts.
   *
   * @throws ArgumentError when the reserved tokens do not fit, occur twice, or do not hold `unkToken`.
   */
  static fromTokens(texts: Iterable<readonly string[]>, options: VocabularyOptions = {}): Vocabulary {
    const { maxSize = Infinity, minFrequency = 1, reserved = ['<pad>', '<unk>'] } = options;
    const { unkToken = reserved.includes('<unk>') ? '<unk>' : undefined } = options;
    if (new Set(reserved).size < reserved.length) throw new ArgumentError('Vocabulary: a reserved token occurs twice');
    if (!(maxSize >= reserved.length && minFrequency >= 1))
      throw new ArgumentError(
        `Vocabulary: maxSize must hold the ${reserved.length} reserved tokens and minFrequency be at least 1, got ${maxSize} and ${minFrequency}`,
      );
    if (unkToken !== undefined && !reserved.includes(unkToken))
      throw new ArgumentError(`Vocabulary: unkToken ${JSON.stringify(unkToken)} must be one of the reserved tokens`);
    const counts = new Map<string, number>();
    for (const tokens of texts) for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    const isReserved = new Set(reserved);
    const known = mostCommon(counts)
      .filter(([token, count]) => count >= minFrequency && !isReserved.has(token))
      .slice(0, maxSize - reserved.length)
      .map(([token]) => token);
    const tokens = [...reserved, ...known];
    return new Vocabulary(tokens, new Map(tokens.map((token) => [token, counts.get(token) ?? 0])), unkToken);
  }

  /** Number of ids. */
  get size(): number {
    return this.tokens.length;
  }

  /** Whether a token has an id of its own. */
  has(token: string): boolean {
    return this.#ids.has(token);
  }

  /**
   * The id of a token; that of `unkToken` for one that is not known.
   *
   * @throws ArgumentError for one that is not known where there is no `unkToken`.
   */
  id(token: string): number {
    const id = this.#ids.get(token) ?? this.#unkId;
    if (id !== undefined) return id;
    throw new ArgumentError(`Vocabulary: no token ${JSON.stringify(token)}, and no unkToken to stand for it`);
  }

  /** The ids of tokens. */
  encode(tokens: readonly string[]): number[] {
    return tokens.map((token) => this.id(token));
  }

  /**
   * The tokens of ids.
   *
   * @throws ArgumentError for an id that is none.
   */
  decode(ids: Iterable<number>): string[] {
    return Array.from(ids, (id) => {
      const token = this.tokens[id];
      if (token !== undefined) return token;
      throw new ArgumentError(`Vocabulary: no id ${id}; there are ${this.size}`);
    });
  }

  /** The size and the first tokens. */
  toString(): string {
    const first = this.tokens.slice(0, 5).map((token) => `'${token}'`);
    return `Vocabulary(size: ${this.size}, tokens: [${first.join(', ')}${this.size > 5 ? ', …' : ''}])`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** Tokens and their counts, most frequent first; those that are as frequent in the order in which they came. */
export function mostCommon(counts: ReadonlyMap<string, number>): [token: string, count: number][] {
  return [...counts].sort(([, a], [, b]) => b - a);
}
