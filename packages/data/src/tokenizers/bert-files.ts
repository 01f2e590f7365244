/**
 * A BERT tokenizer on disk, as Hugging Face keeps it: `tokenizer.json` (everything), or `vocab.txt` (a token a line), and
 * beside either `tokenizer_config.json`, whose word counts where the two differ, as in `transformers`.
 */
import { FormatError } from '@course/tensor';
import { JsonNode } from '../text-file.js';
import type { BertTokenizerOptions, BertTokenizerOverrides, ResolvedBertOptions } from './bert-options.js';
import type { PrintedSections } from './sections.js';
import { type PretrainedSource, readNamed, TokenizerFolder } from './source.js';
import type { Tokenizer } from './tokenizer.js';
import { configFiles, printJson, TokenizerConfig, withoutUndefined } from './tokenizer-config.js';
import { parseTokenizerJson, printTokenizerJson } from './tokenizer-json.js';
import type { Vocab } from './vocab.js';

/** What files say of a tokenizer. */
export interface LoadedBert {
  readonly options: BertTokenizerOptions;
  readonly additionalSpecialTokens: readonly string[];
}

/**
 * Reads a tokenizer from a folder or model id, a `tokenizer.json` or a `vocab.txt`.
 *
 * @throws FormatError when there is none, or it is malformed or of another kind.
 */
export async function loadBert(source: string, where: PretrainedSource): Promise<LoadedBert> {
  if (/\.(json|txt)$/.test(source)) {
    const { path, text } = await readNamed(source);
    const options = path.endsWith('.json')
      ? parseTokenizerJson(JsonNode.parse(text, path))
      : { vocab: parseVocab(text, path) };
    return { options, additionalSpecialTokens: [] };
  }
  const folder = await TokenizerFolder.open(source, where);
  const config = await TokenizerConfig.read(folder);
  return {
    options: { ...(await vocabulary(folder)), ...parseConfig(config) },
    additionalSpecialTokens: config.additionalSpecialTokens(),
  };
}

async function vocabulary(folder: TokenizerFolder): Promise<BertTokenizerOptions> {
  const json = await folder.readJson('tokenizer.json');
  if (json !== undefined) return parseTokenizerJson(json);
  const lines = await folder.read('vocab.txt');
  if (lines !== undefined) return { vocab: parseVocab(lines.text, lines.path) };
  throw folder.nothingHere('tokenizer.json', 'vocab.txt');
}

/** One token a line; its id is the number of the line. Trailing white space is no part of a token, as in the reference. */
function parseVocab(text: string, file: string): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  if (lines.at(-1) === '') lines.pop();
  if (lines.every((line) => line === '')) throw new FormatError(`${file}: the vocabulary is empty`);
  return lines;
}

/** What `tokenizer_config.json` says. */
function parseConfig(config: TokenizerConfig): BertTokenizerOverrides {
  return withoutUndefined<BertTokenizerOverrides>({
    ...config.common(),
    lowercase: config.flag('do_lower_case'),
    stripAccents: config.flag('strip_accents'),
    handleChineseChars: config.flag('tokenize_chinese_chars'),
    unkToken: config.token('unk_token'),
    clsToken: config.token('cls_token'),
    sepToken: config.token('sep_token'),
    padToken: config.token('pad_token'),
    maskToken: config.token('mask_token'),
  });
}

/** The files of a tokenizer by name. */
export function saveBert(
  tokenizer: Tokenizer,
  vocab: Vocab,
  options: ResolvedBertOptions,
  sections: PrintedSections,
): Record<string, string> {
  const modelSize = vocab.model.reduce((size, [, id]) => Math.max(size, id + 1), 0);
  // A hole in the ids becomes an empty line, so that every token keeps its line.
  const lines = Array.from({ length: modelSize }, () => '');
  for (const [token, id] of vocab.model) lines[id] = token;
  return {
    'vocab.txt': `${lines.join('\n')}\n`,
    'tokenizer.json': printJson(printTokenizerJson(vocab, options, sections)),
    ...configFiles(tokenizer, vocab, 'BertTokenizer', {
      do_lower_case: options.lowercase,
      strip_accents: options.stripAccents ?? null,
      tokenize_chinese_chars: options.handleChineseChars,
    }),
  };
}
