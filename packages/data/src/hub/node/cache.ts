/**
 * The cache of `huggingface_hub`, folder for folder, so that Python and this package share what either has fetched:
 * `models--owner--name/blobs/<hash>` holds contents, `snapshots/<commit>/<file>` links to them, `refs/<branch>` holds a commit.
 * Whatever appears under its final name is complete: it is written beside it and renamed.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { HubError } from '../errors.js';
import { isCommit, type RepoType } from '../names.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of the cache that the environment names. */
export function cacheFolder(environment: Environment): string {
  const set = (name: string): string | undefined => {
    const value = environment[name];
    if (value === undefined || value === '') return undefined;
    return value === '~' || value.startsWith('~/') ? join(homedir(), value.slice(1)) : value;
  };
  const home = set('HF_HOME') ?? join(set('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  return set('HF_HUB_CACHE') ?? set('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub');
}

/** One repository in the cache. */
export class RepoCache {
  readonly folder: string;

  constructor(cache: string, type: RepoType, id: string) {
    this.folder = join(resolve(cache), `${type}s--${id.replaceAll('/', '--')}`);
  }

  /** The folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where a content lies. */
  blob(hash: string): string {
    return join(this.folder, 'blobs', hash);
  }

  /** The commit that a revision was when it was last asked for; undefined when it never was. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    try {
      const commit = (await readFile(this.#inside('refs', revision), 'utf8')).trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  /** Notes the commit of a branch or tag. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = this.#inside('refs', revision);
    await mkdir(dirname(path), { recursive: true });
    const unfinished = join(this.folder, `.ref-${randomUUID()}`);
    await writeFile(unfinished, commit);
    await rename(unfinished, path);
  }

  /** The path of a file of a commit; undefined where the cache lacks it. */
  async find(commit: string, file: string): Promise<string | undefined> {
    const path = this.#inside('snapshots', commit, file);
    return (await isFile(path)) ? path : undefined;
  }

  /** The files of a commit that the cache has. */
  async names(commit: string): Promise<string[]> {
    const root = this.snapshot(commit);
    const names: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) await walk(path);
        else if (await isFile(path)) names.push(relative(root, path).split(sep).join('/'));
      }
    };
    await walk(root).catch(() => undefined);
    return names.sort();
  }

  /** Puts a content under the name of a file of a commit: a relative link, or a copy where links are not allowed (Windows). */
  async link(commit: string, file: string, blob: string): Promise<string> {
    const path = this.#inside('snapshots', commit, file);
    await mkdir(dirname(path), { recursive: true });
    const unfinished = join(this.folder, `.link-${randomUUID()}`);
    try {
      try {
        await symlink(join(relative(dirname(path), dirname(blob)), blob.slice(dirname(blob).length + 1)), unfinished);
      } catch {
        await copyFile(blob, unfinished);
      }
      await rename(unfinished, path);
    } finally {
      await rm(unfinished, { force: true });
    }
    return path;
  }

  /** Names were checked where they came in; this is the second lock on the door. */
  #inside(...parts: string[]): string {
    const path = resolve(this.folder, ...parts);
    if (path.startsWith(this.folder + sep)) return path;
    throw new HubError('refused', `${parts.join('/')} leads out of the cache folder`);
  }
}

/** Whether a path leads to a file, through links. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
