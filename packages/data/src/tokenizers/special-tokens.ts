/** The parts that special tokens play, by the names that Hugging Face's files and classes have for them. */
import type { AddedToken } from './added-tokens.js';

/** The names of the parts, as options and as the files have them. */
export const ROLES = {
  bosToken: 'bos_token',
  eosToken: 'eos_token',
  unkToken: 'unk_token',
  sepToken: 'sep_token',
  padToken: 'pad_token',
  clsToken: 'cls_token',
  maskToken: 'mask_token',
} as const;

/** A part that a special token plays: beginning and end of text, unknown, separator, padding, class, mask. */
export type SpecialTokenRole = keyof typeof ROLES;

/** The special tokens by part; those that a tokenizer lacks are left out. */
export type SpecialTokens = Readonly<Partial<Record<SpecialTokenRole, string>>>;

/** A token to be added, with the flags that differ from the usual ones. */
export type NewToken = string | (Pick<AddedToken, 'content'> & Partial<Omit<AddedToken, 'id' | 'content'>>);

/** Special tokens to be added: by part, or further ones. */
export type NewSpecialTokens = Readonly<Partial<Record<SpecialTokenRole, NewToken>>> & {
  readonly additionalSpecialTokens?: readonly NewToken[];
};

/** A token to be added with all its flags: looked for in normalized text unless it is special. */
export function completeToken(token: NewToken, special: boolean): Omit<AddedToken, 'id'> {
  const given = typeof token === 'string' ? { content: token } : token;
  return { singleWord: false, lstrip: false, rstrip: false, normalized: !special, special, ...given };
}

/** Whether a name is that of a part. */
export function isRole(name: string): name is SpecialTokenRole {
  return Object.hasOwn(ROLES, name);
}
