/** The parts of `tokenizer.json` that all kinds of tokenizers share: added tokens, frames around texts, sides. */
import { FormatError } from '@course/tensor';
import type { JsonNode } from '../text-file.js';
import type { AddedToken } from './added-tokens.js';
import type { Side, Template, TemplatePiece } from './template.js';
import type { Vocab } from './vocab.js';

/** The kind that a part of the file has; 'none' where the part is null or missing. */
export function kindOf(node: JsonNode): string {
  return node.isPresent ? node.get('type').string() : 'none';
}

/**
 * The kind of a part, which must be a supported one.
 *
 * @throws FormatError that names the kind and those that would do.
 */
export function requireKind(node: JsonNode, family: string, ...supported: readonly string[]): string {
  const kind = kindOf(node);
  if (supported.includes(kind)) return kind;
  throw new FormatError(
    `${node.where}: unsupported type ${JSON.stringify(kind)}; a ${family} tokenizer has ${supported.join(' or ')}`,
  );
}

/** An added token with its flags, which are false where they are missing. */
export function addedTokenFromJson(node: JsonNode, id: number): AddedToken {
  const flag = (key: string): boolean => node.get(key).isPresent && node.get(key).boolean();
  return {
    id,
    content: node.get('content').string(),
    singleWord: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: flag('normalized'),
    special: flag('special'),
  };
}

/** The flags of an added token, as the files have them. */
export function addedTokenToJson(token: AddedToken): Record<string, unknown> {
  return {
    content: token.content,
    lstrip: token.lstrip,
    normalized: token.normalized,
    rstrip: token.rstrip,
    single_word: token.singleWord,
    special: token.special,
  };
}

/** The added tokens of the file; none where it has no list. */
export function parseAddedTokens(root: JsonNode): AddedToken[] {
  const node = root.get('added_tokens');
  return node.isPresent ? node.array().map((each) => addedTokenFromJson(each, each.get('id').number())) : [];
}

/** 'left' or 'right'. */
export function parseSide(node: JsonNode): Side | undefined {
  if (!node.isPresent) return undefined;
  const value = node.string();
  if (value === 'left' || value === 'right') return value;
  throw new FormatError(`${node.where}: expected 'left' or 'right', found ${JSON.stringify(value)}`);
}

/** Reads a `TemplateProcessing`. */
export function parseTemplate(node: JsonNode): Template {
  const specials = new Map(
    node
      .get('special_tokens')
      .entries()
      .map(([token, special]) => [
        token,
        special
          .get('ids')
          .array()
          .map((id) => id.number()),
      ]),
  );
  const pieces = (key: 'single' | 'pair'): TemplatePiece[] =>
    node
      .get(key)
      .array()
      .flatMap((piece) => parsePiece(piece, specials));
  return { single: pieces('single'), pair: pieces('pair') };
}

function parsePiece(piece: JsonNode, specials: ReadonlyMap<string, readonly number[]>): TemplatePiece[] {
  const sequence = piece.get('Sequence');
  if (sequence.isPresent) {
    const typeId = sequence.get('type_id').number();
    return [{ sequence: sequence.get('id').string() === 'A' ? 0 : 1, typeId }];
  }
  const special = piece.get('SpecialToken');
  const ids = specials.get(special.get('id').string());
  if (ids === undefined) throw new FormatError(`${special.where}: not one of the special tokens of the template`);
  return ids.map((id) => ({ special: id, typeId: special.get('type_id').number() }));
}

/** A frame as a `TemplateProcessing`. */
export function printTemplate(template: Template, vocab: Vocab): unknown {
  const piece = (part: TemplatePiece): unknown =>
    'special' in part
      ? { SpecialToken: { id: vocab.tokens[part.special] ?? '', type_id: part.typeId } }
      : { Sequence: { id: part.sequence === 0 ? 'A' : 'B', type_id: part.typeId } };
  const specialIds = new Set(
    [...template.single, ...template.pair].flatMap((part) => ('special' in part ? [part.special] : [])),
  );
  const specialTokens = [...specialIds].map((id) => {
    const token = vocab.tokens[id] ?? '';
    return [token, { id: token, ids: [id], tokens: [token] }] as const;
  });
  return {
    type: 'TemplateProcessing',
    single: template.single.map(piece),
    pair: template.pair.map(piece),
    special_tokens: Object.fromEntries(specialTokens),
  };
}
