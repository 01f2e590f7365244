/**
 * `@course/data/hub`: files of the Hugging Face hub, in the cache that Python's `huggingface_hub` has. Whatever loads models,
 * tokenizers or data sets by id goes through here.
 *
 * The environment variables `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`, `HF_HUB_CACHE` and `HF_HUB_OFFLINE` mean what they mean there.
 *
 * @packageDocumentation
 */
import { openRepo } from '#platform';
import { checkFileName } from './names.js';
import type { HubRepo, RepoOptions } from './options.js';

export { HubError, type HubFailure } from './errors.js';
export { isRepoId, type RepoType } from './names.js';
export type { DownloadProgress, HubOptions, HubRepo, RepoOptions } from './options.js';
export { openRepo };

/** Options of `snapshotDownload`. */
export interface SnapshotOptions extends RepoOptions {
  /** Only files that match one of these: `*` stands for any characters, `?` for one. */
  readonly allowPatterns?: readonly string[];
  /** No files that match one of these. */
  readonly ignorePatterns?: readonly string[];
}

/**
 * Fetches one file of a repository, unless the cache has it, as
 * [hf_hub_download](https://huggingface.co/docs/huggingface_hub/package_reference/file_download).
 *
 * @returns Its path in the cache; in a page, its URL.
 * @throws HubError that tells by its `kind` why it cannot be had.
 * @example
 * const path = await hfHubDownload('google-bert/bert-base-uncased', 'vocab.txt');
 */
export async function hfHubDownload(id: string, file: string, options: RepoOptions = {}): Promise<string> {
  checkFileName(file);
  return (await openRepo(id, options)).file(file);
}

/**
 * Fetches the files of a repository, several at once, as
 * [snapshot_download](https://huggingface.co/docs/huggingface_hub/package_reference/file_download).
 *
 * @returns The paths of the files by name; in a page, their URLs.
 * @throws HubError as `hfHubDownload`.
 * @example
 * const files = await snapshotDownload('google-bert/bert-base-uncased', { allowPatterns: ['*.json', 'vocab.txt'] });
 */
export async function snapshotDownload(id: string, options: SnapshotOptions = {}): Promise<Map<string, string>> {
  const repo = await openRepo(id, options);
  const allow = options.allowPatterns?.map(patternOf);
  const ignore = options.ignorePatterns?.map(patternOf) ?? [];
  const names = (await repo.names()).filter(
    (name) => (allow?.some((pattern) => pattern.test(name)) ?? true) && !ignore.some((pattern) => pattern.test(name)),
  );
  const paths = await repo.files(names);
  return new Map(names.map((name, i) => [name, paths[i] ?? '']));
}

/**
 * The names of the files of a repository.
 *
 * @throws HubError when there is no such repository or revision.
 */
export async function listRepoFiles(id: string, options: RepoOptions = {}): Promise<readonly string[]> {
  const repo: HubRepo = await openRepo(id, options);
  return repo.names();
}

/** A shell pattern of which `*` also crosses folders, as Python's `fnmatch` has it. */
function patternOf(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    // Several stars are as good as one, and could be driven into exponential time.
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's');
}
