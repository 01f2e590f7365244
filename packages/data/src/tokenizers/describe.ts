/** A tokenizer in a few lines, as `transformers` prints its own. */
import type { SpecialTokenRole, SpecialTokens } from './special-tokens.js';

/** What is told of a tokenizer. */
export interface Described {
  readonly vocabSize: number;
  readonly modelMaxLength: number | undefined;
  readonly paddingSide: string;
  readonly truncationSide: string;
  readonly specialTokens: SpecialTokens;
  getVocab(): ReadonlyMap<string, number>;
}

/** The order in which special tokens are printed there. */
const PRINT_ORDER: readonly SpecialTokenRole[] = [
  'bosToken',
  'eosToken',
  'unkToken',
  'sepToken',
  'padToken',
  'clsToken',
  'maskToken',
];

/**
 * Sizes, what is its own, special tokens with their ids.
 *
 * @param own What a kind of tokenizer has beside what all have.
 */
export function describeTokenizer(name: string, tokenizer: Described, own: Readonly<Record<string, unknown>>): string {
  const ids = tokenizer.getVocab();
  const specials = PRINT_ORDER.flatMap((role) => {
    const token = tokenizer.specialTokens[role];
    const id = token === undefined ? undefined : ids.get(token);
    return id === undefined ? [] : [`${role}: '${token}' (${id})`];
  });
  const fields = [
    `vocabSize: ${tokenizer.vocabSize}`,
    `modelMaxLength: ${tokenizer.modelMaxLength ?? 'none'}`,
    ...Object.entries(own).map(([key, value]) => `${key}: ${value}`),
    `paddingSide: '${tokenizer.paddingSide}'`,
    `truncationSide: '${tokenizer.truncationSide}'`,
  ];
  const shown = specials.length > 0 ? `{ ${specials.join(', ')} }` : 'none';
  return `${name}(${fields.join(', ')},\n  specialTokens: ${shown})`;
}
