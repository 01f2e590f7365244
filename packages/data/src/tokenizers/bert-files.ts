/**
 * A BERT tokenizer on disk, as Hugging Face keeps it: `tokenizer.json` (everything), or `vocab.txt` (a token a line), and
 * beside either `tokenizer_config.json`, whose word counts where the two differ, as in `transformers`.
 */
import { FormatError } from '@course/tensor';
import { pathKind } from '#platform';
import { JsonNode, readText } from '../text-file.js';
import type { AddedToken } from './added-tokens.js';
import type { BertTokenizerOptions, BertTokenizerOverrides, ResolvedBertOptions } from './bert-options.js';
import { addedTokenFromJson, addedTokenToJson, parseTokenizerJson, printTokenizerJson } from './tokenizer-json.js';
import type { Vocab } from './vocab.js';

/** `transformers` writes 1e30 where a model has no longest input. */
const NO_MAX_LENGTH = 1e20;

/**
 * Reads a tokenizer from a folder, a `tokenizer.json` or a `vocab.txt`.
 *
 * @throws FormatError when there is none, or it is malformed or of another kind.
 */
export async function loadBert(path: string): Promise<BertTokenizerOptions> {
  if (path.endsWith('.json')) {
    const text = await readText(path);
    if (text === undefined) throw new FormatError(`${path}: no such file`);
    return parseTokenizerJson(JsonNode.parse(text, path));
  }
  if (path.endsWith('.txt')) {
    const text = await readText(path);
    if (text === undefined) throw new FormatError(`${path}: no such file`);
    return { vocab: parseVocab(text, path) };
  }
  return loadFolder(path);
}

async function loadFolder(folder: string): Promise<BertTokenizerOptions> {
  const inside = (name: string): string => `${folder.replace(/[/\\]$/, '')}/${name}`;
  const configText = await readText(inside('tokenizer_config.json'));
  const config =
    configText === undefined ? {} : parseConfig(JsonNode.parse(configText, inside('tokenizer_config.json')));
  const tokenizerText = await readText(inside('tokenizer.json'));
  if (tokenizerText !== undefined) {
    return { ...parseTokenizerJson(JsonNode.parse(tokenizerText, inside('tokenizer.json'))), ...config };
  }
  const vocabText = await readText(inside('vocab.txt'));
  if (vocabText !== undefined) return { vocab: parseVocab(vocabText, inside('vocab.txt')), ...config };
  const kind = await pathKind(folder);
  if (kind === 'none') throw new FormatError(`${folder}: no such folder to load a tokenizer from`);
  throw new FormatError(`${folder}: no tokenizer here: neither tokenizer.json nor vocab.txt`);
}

/** One token a line; its id is the number of the line. Trailing white space is no part of a token, as in the reference. */
function parseVocab(text: string, file: string): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  if (lines.at(-1) === '') lines.pop();
  if (lines.every((line) => line === '')) throw new FormatError(`${file}: the vocabulary is empty`);
  return lines;
}

function parseConfig(config: JsonNode): BertTokenizerOverrides {
  const flag = (key: string): boolean | undefined => {
    const node = config.get(key);
    return node.isPresent ? node.boolean() : undefined;
  };
  const token = (key: string): string | undefined => {
    const node = config.get(key);
    if (!node.isPresent) return undefined;
    return typeof node.value === 'string' ? node.value : node.get('content').string();
  };
  const side = (key: string): 'left' | 'right' | undefined => {
    const node = config.get(key);
    if (!node.isPresent) return undefined;
    const value = node.string();
    if (value === 'left' || value === 'right') return value;
    throw new FormatError(`${node.where}: expected 'left' or 'right', found ${JSON.stringify(value)}`);
  };
  const maxLength = config.get('model_max_length');
  const added = config.get('added_tokens_decoder');
  return withoutUndefined({
    lowercase: flag('do_lower_case'),
    stripAccents: flag('strip_accents'),
    handleChineseChars: flag('tokenize_chinese_chars'),
    cleanUpTokenizationSpaces: flag('clean_up_tokenization_spaces'),
    unkToken: token('unk_token'),
    clsToken: token('cls_token'),
    sepToken: token('sep_token'),
    padToken: token('pad_token'),
    maskToken: token('mask_token'),
    paddingSide: side('padding_side'),
    truncationSide: side('truncation_side'),
    modelMaxLength: maxLength.isPresent && maxLength.number() < NO_MAX_LENGTH ? maxLength.number() : undefined,
    addedTokens: added.isPresent
      ? added.entries().map(([id, node]): AddedToken => addedTokenFromJson(node, Number(id)))
      : undefined,
  });
}

/** The entries that are there, so that spreading them overrides nothing by undefined. */
function withoutUndefined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The files of a tokenizer by name. */
export function saveBert(
  vocab: Vocab,
  options: ResolvedBertOptions,
  modelMaxLength: number | undefined,
): Record<string, string> {
  const specials = {
    cls_token: options.clsToken,
    mask_token: options.maskToken,
    pad_token: options.padToken,
    sep_token: options.sepToken,
    unk_token: options.unkToken,
  };
  const present = Object.fromEntries(Object.entries(specials).filter(([, token]) => vocab.ids.has(token)));
  const modelSize = vocab.model.reduce((size, [, id]) => Math.max(size, id + 1), 0);
  // A hole in the ids becomes an empty line, so that every token keeps its line.
  const lines = Array.from({ length: modelSize }, () => '');
  for (const [token, id] of vocab.model) lines[id] = token;
  const config = {
    added_tokens_decoder: Object.fromEntries(vocab.added.map((token) => [token.id, addedTokenToJson(token)])),
    clean_up_tokenization_spaces: options.cleanUpTokenizationSpaces,
    ...present,
    do_lower_case: options.lowercase,
    ...(modelMaxLength === undefined ? {} : { model_max_length: modelMaxLength }),
    padding_side: options.paddingSide,
    strip_accents: options.stripAccents ?? null,
    tokenize_chinese_chars: options.handleChineseChars,
    tokenizer_class: 'BertTokenizer',
    truncation_side: options.truncationSide,
  };
  const print = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'vocab.txt': `${lines.join('\n')}\n`,
    'tokenizer.json': print(printTokenizerJson(vocab, options)),
    'tokenizer_config.json': print(config),
    'special_tokens_map.json': print(present),
  };
}
