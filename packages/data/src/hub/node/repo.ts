/**
 * A repository of the hub as Node has it: files in Python's cache, fetched when they are missing. A branch is asked for its commit
 * each time; where the hub cannot be reached, the commit of the last time serves.
 */
import { rename } from 'node:fs/promises';
import { mapConcurrently } from '../concurrency.js';
import { HubError } from '../errors.js';
import { listRemote, type RemoteFile, resolveCommit } from '../listing.js';
import { checkFileName, checkRepoId, checkRevision, isCommit, nameOf, type Subject } from '../names.js';
import { DEFAULT_ENDPOINT, type DownloadProgress, type HubRepo, type RepoOptions } from '../options.js';
import { type Network, networkOf } from '../requests.js';
import { drawBar, wantsBars } from './bars.js';
import { cacheFolder, isFile, RepoCache } from './cache.js';
import { claimPartial, releasePartial } from './partial.js';
import { transfer } from './transfer.js';

/** Files of one repository that are fetched at once. */
const AT_ONCE = 8;

/** Downloads under way in this process, by the path of the content: two callers share one. */
const underWay = new Map<string, Promise<void>>();

/**
 * Opens a repository.
 *
 * @throws HubError when there is no such repository or revision, or, offline, none in the cache.
 */
export async function openRepo(id: string, options: RepoOptions = {}): Promise<HubRepo> {
  const { revision = 'main', repoType: type = 'model' } = options;
  checkRepoId(id);
  checkRevision(revision);
  const { env } = process;
  const subject: Subject = { type, id, revision };
  const cache = new RepoCache(options.cacheDir ?? cacheFolder(env), type, id);
  const offline = options.localFilesOnly ?? /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? '');
  const endpoint = options.endpoint ?? (env.HF_ENDPOINT || DEFAULT_ENDPOINT);
  const network = networkOf(options, endpoint, options.token ?? (env.HF_TOKEN || undefined));
  const onProgress = options.onProgress ?? (wantsBars(env) ? drawBar : () => undefined);
  const { commit, online } = await findCommit(network, subject, cache, offline);
  return new CachedRepo(subject, commit, cache, online ? network : undefined, onProgress);
}

/** The commit of a revision, and whether the hub may be asked for its files. */
async function findCommit(
  network: Network,
  subject: Subject,
  cache: RepoCache,
  offline: boolean,
): Promise<{ commit: string; online: boolean }> {
  const { revision } = subject;
  if (isCommit(revision)) return { commit: revision, online: !offline };
  if (offline) {
    const commit = await cache.commitOf(revision);
    if (commit !== undefined) return { commit, online: false };
    throw new HubError(
      'offline',
      `${nameOf(subject)} is not in the cache (${cache.folder}), and the hub is not asked offline`,
    );
  }
  try {
    return { commit: await resolveCommit(network, subject), online: true };
  } catch (error) {
    const isPassing = error instanceof HubError && ['unreachable', 'server', 'rate-limited'].includes(error.kind);
    const commit = isPassing ? await cache.commitOf(revision) : undefined;
    if (commit === undefined) throw error;
    return { commit, online: true };
  }
}

class CachedRepo implements HubRepo {
  readonly id: string;
  readonly type;
  #listing: Promise<Map<string, RemoteFile>> | undefined;

  constructor(
    private readonly subject: Subject,
    readonly commit: string,
    private readonly cache: RepoCache,
    /** None: the cache is all there is. */
    private readonly network: Network | undefined,
    private readonly onProgress: (progress: DownloadProgress) => void,
  ) {
    this.id = subject.id;
    this.type = subject.type;
  }

  async names(): Promise<readonly string[]> {
    if (this.network === undefined) return this.cache.names(this.commit);
    return [...(await this.#remote(this.network)).keys()].sort();
  }

  async has(file: string): Promise<boolean> {
    checkFileName(file);
    if ((await this.cache.find(this.commit, file)) !== undefined) return true;
    return this.network !== undefined && (await this.#remote(this.network)).has(file);
  }

  async file(file: string): Promise<string> {
    checkFileName(file);
    const found = await this.cache.find(this.commit, file);
    if (found !== undefined) return found;
    if (this.network === undefined) {
      throw new HubError(
        'offline',
        `${nameOf(this.subject)}: ${file} is not in the cache (${this.cache.snapshot(this.commit)}), and the hub is not asked offline`,
      );
    }
    const remote = (await this.#remote(this.network)).get(file);
    if (remote === undefined) {
      throw new HubError('no-file', `${nameOf(this.subject)} has no file ${file}; it has ${await this.#some()}`, {
        status: 404,
      });
    }
    const blob = this.cache.blob(remote.sha256 ?? remote.oid);
    const download = underWay.get(blob) ?? this.#download(this.network, remote, blob);
    underWay.set(blob, download);
    try {
      await download;
    } finally {
      underWay.delete(blob);
    }
    const path = await this.cache.link(this.commit, file, blob);
    // Only now: offline, a branch leads to a commit that has files.
    await this.cache.noteCommit(this.subject.revision, this.commit);
    return path;
  }

  files(files: readonly string[]): Promise<string[]> {
    return mapConcurrently(files, AT_ONCE, (file) => this.file(file));
  }

  async #download(network: Network, remote: RemoteFile, blob: string): Promise<void> {
    if (await isFile(blob)) return;
    const partial = await claimPartial(blob);
    const report = (loaded: number): void =>
      this.onProgress({ repo: this.id, file: remote.name, loaded, total: remote.size });
    try {
      await transfer(network, { ...this.subject, revision: this.commit, file: remote.name }, remote, partial, report);
      await rename(partial, blob);
    } finally {
      releasePartial(partial);
    }
  }

  #remote(network: Network): Promise<Map<string, RemoteFile>> {
    this.#listing ??= listRemote(network, { ...this.subject, revision: this.commit }).catch((error) => {
      this.#listing = undefined;
      throw error;
    });
    return this.#listing;
  }

  async #some(): Promise<string> {
    const names = await this.names();
    return names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
  }
}
