/**
 * A byte-level BPE tokenizer on disk: `tokenizer.json` (everything), or `vocab.json` and `merges.txt` (one merge a line, first
 * learned first), and beside either `tokenizer_config.json`.
 */
import { JsonNode } from '../text-file.js';
import { checkedMerge } from './bpe/merges.js';
import { parseGPT2Json, printGPT2Json } from './gpt2-json.js';
import type { GPT2TokenizerOptions, GPT2TokenizerOverrides, ResolvedGPT2Options } from './gpt2-options.js';
import type { PrintedSections } from './sections.js';
import { type PretrainedSource, readNamed, TokenizerFolder } from './source.js';
import { ROLES, type SpecialTokenRole } from './special-tokens.js';
import type { Tokenizer } from './tokenizer.js';
import { configFiles, printJson, TokenizerConfig, withoutUndefined } from './tokenizer-config.js';
import type { Vocab } from './vocab.js';

/** What files say of a tokenizer. */
export interface LoadedGPT2 {
  readonly options: GPT2TokenizerOptions;
  readonly additionalSpecialTokens: readonly string[];
}

/**
 * Reads a tokenizer from a folder or model id, or from a `tokenizer.json`.
 *
 * @throws FormatError when there is none, or it is malformed or of another kind.
 */
export async function loadGPT2(source: string, where: PretrainedSource): Promise<LoadedGPT2> {
  if (source.endsWith('.json')) {
    const { path, text } = await readNamed(source);
    return { options: parseGPT2Json(JsonNode.parse(text, path)), additionalSpecialTokens: [] };
  }
  const folder = await TokenizerFolder.open(source, where);
  const config = await TokenizerConfig.read(folder);
  return {
    options: { ...(await vocabulary(folder)), ...parseConfig(config) },
    additionalSpecialTokens: config.additionalSpecialTokens(),
  };
}

async function vocabulary(folder: TokenizerFolder): Promise<GPT2TokenizerOptions> {
  const json = await folder.readJson('tokenizer.json');
  if (json !== undefined) return parseGPT2Json(json);
  const [vocabFile, mergesFile] = [await folder.readJson('vocab.json'), await folder.read('merges.txt')];
  if (vocabFile === undefined || mergesFile === undefined) {
    throw folder.nothingHere('tokenizer.json', 'vocab.json with merges.txt');
  }
  const vocab = vocabFile.numbers();
  return { vocab, merges: parseMerges(mergesFile.text, mergesFile.path, vocab) };
}

/** `merges.txt`: two tokens a line, after a line with the version. */
function parseMerges(text: string, file: string, vocab: ReadonlyMap<string, number>): [string, string][] {
  const merges: [string, string][] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const merge = line.replace(/\r$/, '');
    if (merge === '' || (i === 0 && merge.startsWith('#version'))) continue;
    merges.push(checkedMerge(merge, vocab, `${file}, line ${i + 1}`));
  }
  return merges;
}

/** What `tokenizer_config.json` says. */
function parseConfig(config: TokenizerConfig): GPT2TokenizerOverrides {
  const roles = Object.fromEntries(
    (Object.keys(ROLES) as SpecialTokenRole[]).map((role) => [role, config.token(ROLES[role])]),
  );
  return withoutUndefined<GPT2TokenizerOverrides>({
    ...config.common(),
    ...roles,
    addPrefixSpace: config.flag('add_prefix_space'),
  });
}

/** The files of a tokenizer by name. */
export function saveGPT2(
  tokenizer: Tokenizer,
  vocab: Vocab,
  options: ResolvedGPT2Options,
  sections: PrintedSections,
): Record<string, string> {
  const merges = options.merges.map(([first, second]) => `${first} ${second}\n`);
  return {
    'vocab.json': `${JSON.stringify(Object.fromEntries(vocab.model))}\n`,
    'merges.txt': `#version: 0.2\n${merges.join('')}`,
    'tokenizer.json': printJson(printGPT2Json(vocab, options, sections)),
    ...configFiles(tokenizer, vocab, 'GPT2Tokenizer', { add_prefix_space: options.addPrefixSpace }),
  };
}
