/**
 * `tokenizer.json` of byte-level BPE: GPT-2's kind, RoBERTa's and BART's, and others that split as GPT-2 does. A file that asks for
 * anything else is refused by name.
 */
import { FormatError } from '@course/tensor';
import type { JsonNode } from '../text-file.js';
import { checkedMerge, type Merge } from './bpe/merges.js';
import type { GPT2TokenizerOptions, ResolvedGPT2Options } from './gpt2-options.js';
import { type PrintedSections, parseSections } from './sections.js';
import type { Template, TemplatePiece } from './template.js';
import {
  addedTokenToJson,
  kindOf,
  parseAddedTokens,
  parseTemplate,
  printTemplate,
  requireKind as requireKindOf,
} from './template-json.js';
import type { Vocab } from './vocab.js';

function requireKind(node: JsonNode, ...supported: readonly string[]): string {
  return requireKindOf(node, 'byte-level BPE', ...supported);
}

/** A flag of the model that must not be set to anything that this tokenizer does not do. */
function requireUnset(model: JsonNode, ...keys: readonly string[]): void {
  for (const key of keys) {
    const { value, where } = model.get(key);
    if (value === undefined || value === null || value === false || value === '' || value === 0) continue;
    throw new FormatError(`${where}: unsupported value ${JSON.stringify(value)}; a byte-level BPE tokenizer has none`);
  }
}

/**
 * Reads the options of a byte-level BPE tokenizer.
 *
 * @throws FormatError when the file is malformed or describes another kind of tokenizer.
 */
export function parseGPT2Json(root: JsonNode): GPT2TokenizerOptions {
  const model = root.get('model');
  requireKind(model, 'BPE');
  requireUnset(model, 'dropout', 'continuing_subword_prefix', 'end_of_word_suffix', 'fuse_unk', 'byte_fallback');
  requireKind(root.get('normalizer'), 'none');
  const preTokenizer = root.get('pre_tokenizer');
  requireKind(preTokenizer, 'ByteLevel');
  requireKind(root.get('decoder'), 'ByteLevel');
  const flag = (node: JsonNode, key: string, usual: boolean): boolean =>
    node.get(key).isPresent ? node.get(key).boolean() : usual;
  const vocab = model.get('vocab').numbers();
  const unk = model.get('unk_token');
  return {
    ...parseSections(root),
    vocab,
    merges: model
      .get('merges')
      .array()
      .map((node) => checkedMerge(mergeOf(node), vocab, node.where)),
    addedTokens: parseAddedTokens(root),
    addPrefixSpace: flag(preTokenizer, 'add_prefix_space', true),
    useRegex: flag(preTokenizer, 'use_regex', true),
    ignoreMerges: flag(model, 'ignore_merges', false),
    ...(unk.isPresent && unk.value !== '' ? { modelUnkToken: unk.string() } : {}),
    ...parsePostProcessor(root.get('post_processor')),
  };
}

/** A merge: text of old, a pair since version 0.20 of the library. */
function mergeOf(node: JsonNode): Merge {
  if (typeof node.value === 'string') return node.value;
  const [first, second, ...rest] = node.array();
  if (first === undefined || second === undefined || rest.length > 0) {
    throw new FormatError(`${node.where}: expected two tokens`);
  }
  return [first.string(), second.string()];
}

type FromPostProcessor = Pick<GPT2TokenizerOptions, 'template' | 'trimOffsets' | 'trimWithPrefixSpace'>;

function parsePostProcessor(node: JsonNode): FromPostProcessor {
  switch (requireKind(node, 'ByteLevel', 'RobertaProcessing', 'TemplateProcessing', 'Sequence', 'none')) {
    case 'ByteLevel':
      return trimming(node);
    case 'RobertaProcessing':
      return { ...trimming(node), template: robertaTemplate(node) };
    case 'TemplateProcessing':
      return { template: parseTemplate(node) };
    case 'Sequence':
      return sequence(node.get('processors').array());
    default:
      return {};
  }
}

function trimming(node: JsonNode): FromPostProcessor {
  const flag = (key: string): boolean => !node.get(key).isPresent || node.get(key).boolean();
  return { trimOffsets: flag('trim_offsets'), trimWithPrefixSpace: flag('add_prefix_space') };
}

/** Several processors: those that a tokenizer of this kind can have, each once, offsets before frames. */
function sequence(processors: readonly JsonNode[]): FromPostProcessor {
  const kinds = processors.map(kindOf).join(', ');
  if (kinds !== 'ByteLevel, TemplateProcessing' && kinds !== 'ByteLevel') {
    const where = processors[0]?.where ?? 'post_processor';
    throw new FormatError(
      `${where}: unsupported sequence of ${kinds || 'nothing'}; supported: ByteLevel, TemplateProcessing`,
    );
  }
  return Object.assign({}, ...processors.map(parsePostProcessor));
}

/** `<s> A </s>` and `<s> A </s></s> B </s>`, all of type 0. */
function robertaTemplate(node: JsonNode): Template {
  const special = (key: string): TemplatePiece => {
    const [, id] = node.get(key).array();
    if (id === undefined) throw new FormatError(`${node.get(key).where}: expected a token and its id`);
    return { special: id.number(), typeId: 0 };
  };
  const [cls, sep] = [special('cls'), special('sep')];
  const single: TemplatePiece[] = [cls, { sequence: 0, typeId: 0 }, sep];
  return { single, pair: [...single, sep, { sequence: 1, typeId: 0 }, sep] };
}

/** The contents of `tokenizer.json` for a byte-level BPE tokenizer. */
export function printGPT2Json(vocab: Vocab, options: ResolvedGPT2Options, sections: PrintedSections): unknown {
  const { template, addPrefixSpace, useRegex } = options;
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: options.trimWithPrefixSpace,
    trim_offsets: options.trimOffsets,
    use_regex: useRegex,
  };
  const isBare = [...template.single, ...template.pair].every(
    (piece) => 'sequence' in piece && piece.typeId === piece.sequence,
  );
  return {
    version: '1.0',
    ...sections,
    added_tokens: vocab.added.map((token) => ({ id: token.id, ...addedTokenToJson(token) })),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space: addPrefixSpace, trim_offsets: true },
    post_processor: isBare ? byteLevel : { type: 'Sequence', processors: [byteLevel, printTemplate(template, vocab)] },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: options.modelUnkToken ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: options.ignoreMerges,
      vocab: Object.fromEntries(vocab.model),
      merges: options.merges.map(([first, second]) => `${first} ${second}`),
    },
  };
}
