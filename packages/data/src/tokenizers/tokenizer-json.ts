/**
 * `tokenizer.json`, the one-file format of Hugging Face's tokenizers, as far as BERT's kind goes. A file that asks for
 * anything else is refused by name: a tokenizer that silently did something similar would give wrong ids.
 */
import type { JsonNode } from '../text-file.js';
import type { BertTokenizerOptions, ResolvedBertOptions } from './bert-options.js';
import { type PrintedSections, parseSections } from './sections.js';
import {
  addedTokenToJson,
  kindOf,
  parseAddedTokens,
  parseTemplate,
  printTemplate,
  requireKind as requireKindOf,
} from './template-json.js';
import type { Vocab } from './vocab.js';

/** The kind of model that a `tokenizer.json` describes, such as 'WordPiece' or 'BPE'. */
export function modelKind(root: JsonNode): string {
  return kindOf(root.get('model'));
}

function requireKind(node: JsonNode, ...supported: readonly string[]): string {
  return requireKindOf(node, 'BERT', ...supported);
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
  const addedTokens = parseAddedTokens(root);
  const vocab = model.get('vocab').numbers();
  const decoder = root.get('decoder');
  const decoderCleanUp = requireKind(decoder, 'WordPiece', 'none') === 'none' || decoder.get('cleanup').value !== false;
  const stripAccents = normalizer.get('strip_accents');
  return {
    ...parseSections(root),
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
  return { template: parseTemplate(node) };
}

/** The contents of `tokenizer.json` for a BERT tokenizer. */
export function printTokenizerJson(vocab: Vocab, options: ResolvedBertOptions, sections: PrintedSections): unknown {
  return {
    version: '1.0',
    ...sections,
    added_tokens: vocab.added.map((token) => ({ id: token.id, ...addedTokenToJson(token) })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: options.cleanText,
      handle_chinese_chars: options.handleChineseChars,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: printTemplate(options.template, vocab),
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
