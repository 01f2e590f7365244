/**
 * `tokenizer.json`, the one-file format of Hugging Face's tokenizers, as far as BERT's kind goes. A file that asks for
 * anything else is refused by name: a tokenizer that silently did something similar would give wrong ids. The truncation and
 * padding that such files carry are those of whoever saved them last; `transformers` does not use them, nor does this.
 */
import { FormatError } from '@course/tensor';
import type { JsonNode } from '../text-file.js';
import type { AddedToken } from './added-tokens.js';
import type { BertTokenizerOptions, ResolvedBertOptions } from './bert-options.js';
import type { Template, TemplatePiece } from './template.js';
import type { Vocab } from './vocab.js';

/** The kind of model that a `tokenizer.json` describes, such as 'WordPiece' or 'BPE'. */
export function modelKind(root: JsonNode): string {
  return kindOf(root.get('model'));
}

function kindOf(node: JsonNode): string {
  return node.isPresent ? node.get('type').string() : 'none';
}

function requireKind(node: JsonNode, ...supported: readonly string[]): string {
  const kind = kindOf(node);
  if (supported.includes(kind)) return kind;
  throw new FormatError(
    `${node.where}: unsupported type ${JSON.stringify(kind)}; a BERT tokenizer has ${supported.join(' or ')}`,
  );
}

/**
 * Reads the options of a BERT tokenizer.
 *
 * @throws FormatError when the file is malformed or describes another kind of tokenizer.
 */
export function parseTokenizerJson(root: JsonNode): BertTokenizerOptions {
  const model = root.get('model');
  requireKind(model, 'WordPiece');
  const normalizer = root.get('normalizer');
  requireKind(normalizer, 'BertNormalizer');
  requireKind(root.get('pre_tokenizer'), 'BertPreTokenizer');
  const addedTokens = root.get('added_tokens').isPresent
    ? root
        .get('added_tokens')
        .array()
        .map((node) => addedTokenFromJson(node, node.get('id').number()))
    : [];
  const vocab = model.get('vocab').numbers();
  const decoder = root.get('decoder');
  const decoderCleanUp = requireKind(decoder, 'WordPiece', 'none') === 'none' || decoder.get('cleanup').value !== false;
  const stripAccents = normalizer.get('strip_accents');
  return {
    vocab,
    addedTokens,
    decoderCleanUp,
    lowercase: normalizer.get('lowercase').boolean(),
    cleanText: normalizer.get('clean_text').boolean(),
    handleChineseChars: normalizer.get('handle_chinese_chars').boolean(),
    ...(stripAccents.isPresent ? { stripAccents: stripAccents.boolean() } : {}),
    unkToken: model.get('unk_token').string(),
    continuingSubwordPrefix: model.get('continuing_subword_prefix').string(),
    maxCharsPerWord: model.get('max_input_chars_per_word').number(),
    ...parsePostProcessor(root.get('post_processor')),
  };
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

/** The frame around texts; nothing where the file has none, which leaves BERT's own. */
function parsePostProcessor(node: JsonNode): Pick<BertTokenizerOptions, 'template' | 'clsToken' | 'sepToken'> {
  const kind = requireKind(node, 'TemplateProcessing', 'BertProcessing', 'none');
  if (kind === 'none') return {};
  if (kind === 'BertProcessing') {
    const [cls, sep] = [node.get('cls').array(), node.get('sep').array()];
    const clsToken = cls[0]?.string();
    const sepToken = sep[0]?.string();
    return { ...(clsToken === undefined ? {} : { clsToken }), ...(sepToken === undefined ? {} : { sepToken }) };
  }
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
  return { template: { single: pieces('single'), pair: pieces('pair') } satisfies Template };
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

/** The contents of `tokenizer.json` for a BERT tokenizer. */
export function printTokenizerJson(vocab: Vocab, options: ResolvedBertOptions): unknown {
  const { template } = options;
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
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: vocab.added.map((token) => ({ id: token.id, ...addedTokenToJson(token) })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: options.cleanText,
      handle_chinese_chars: options.handleChineseChars,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: template.single.map(piece),
      pair: template.pair.map(piece),
      special_tokens: Object.fromEntries(specialTokens),
    },
    decoder: { type: 'WordPiece', prefix: options.continuingSubwordPrefix, cleanup: options.decoderCleanUp },
    model: {
      type: 'WordPiece',
      unk_token: options.unkToken,
      continuing_subword_prefix: options.continuingSubwordPrefix,
      max_input_chars_per_word: options.maxCharsPerWord,
      vocab: Object.fromEntries(vocab.model),
    },
  };
}
