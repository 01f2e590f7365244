/**
 * Where the files of a model lie: in a folder, below a URL, or on the Hugging Face hub. What reads models asks for files by name and
 * need not know which.
 */
import { type HubOptions, type HubRepo, isRepoId, openRepo } from '@course/data/hub';
import { ArgumentError, FormatError } from '@course/tensor';
import { bodyOf, listFolder, readText, request } from '@course/tensor/files';
import type { Source } from '@course/tensor/safetensors';

/** The file of a model's configuration. */
export const CONFIG = 'config.json';

/** The files of one model. */
export interface ModelFiles {
  /** Where they lie, for messages. */
  readonly name: string;
  /** What messages call a file. */
  path(file: string): string;
  /** Whether there is a file of this name. */
  has(file: string): Promise<boolean>;
  /** The text of a file. */
  text(file: string): Promise<string>;
  /** What a safetensors file is opened from. */
  source(file: string): Promise<Source>;
  /** What several safetensors files are opened from; what has to be fetched is fetched side by side. */
  sources(files: readonly string[]): Promise<Source[]>;
}

class FolderFiles implements ModelFiles {
  constructor(
    readonly name: string,
    readonly names: ReadonlySet<string>,
  ) {}

  path(file: string): string {
    return `${this.name}/${file}`;
  }

  async has(file: string): Promise<boolean> {
    return this.names.has(file);
  }

  text(file: string): Promise<string> {
    return readText(this.path(file));
  }

  async source(file: string): Promise<Source> {
    return this.path(file);
  }

  async sources(files: readonly string[]): Promise<Source[]> {
    return files.map((file) => this.path(file));
  }
}

class UrlFiles implements ModelFiles {
  constructor(readonly base: URL) {}

  get name(): string {
    return this.base.href.replace(/\/$/, '');
  }

  path(file: string): string {
    return this.#url(file).href;
  }

  async has(file: string): Promise<boolean> {
    return (await request(this.#url(file), { method: 'HEAD' }, [404])).ok;
  }

  async text(file: string): Promise<string> {
    const url = this.#url(file);
    const bytes = await bodyOf(url, await request(url));
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new FormatError(`${url.href}: not valid UTF-8 text`, { cause });
    }
    // A server that answers every path with its start page, or with a sign-in.
    if (/^\s*<(!doctype|html)/i.test(text))
      throw new FormatError(
        `${url.href}: the server sent a web page in place of the file; on the hub a file's own address has \`resolve\` in it, not \`blob\``,
      );
    return text;
  }

  async source(file: string): Promise<Source> {
    return this.#url(file);
  }

  async sources(files: readonly string[]): Promise<Source[]> {
    return files.map((file) => this.#url(file));
  }

  #url(file: string): URL {
    const base = new URL(this.base);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    return new URL(file, base);
  }
}

/** The files of a repository of the hub: in its cache, or for a page at their URLs. */
class HubFiles implements ModelFiles {
  constructor(private readonly repo: HubRepo) {}

  get name(): string {
    return this.repo.id;
  }

  path(file: string): string {
    return `${this.repo.id}/${file}`;
  }

  has(file: string): Promise<boolean> {
    return this.repo.has(file);
  }

  async text(file: string): Promise<string> {
    const found = sourceOf(await this.repo.file(file));
    if (typeof found === 'string') return readText(found);
    return new UrlFiles(new URL('.', found)).text(found.pathname.split('/').at(-1) ?? '');
  }

  async source(file: string): Promise<Source> {
    return sourceOf(await this.repo.file(file));
  }

  async sources(files: readonly string[]): Promise<Source[]> {
    return (await this.repo.files(files)).map(sourceOf);
  }
}

function sourceOf(found: string): string | URL {
  return /^https?:\/\//.test(found) ? new URL(found) : found;
}

/**
 * The files of the model that a user names: a folder, the URL of one, or the id of a repository on the hub.
 *
 * @throws ArgumentError when there is no such folder, and the name cannot be an id.
 * @throws HubError when the hub does not have the id, or cannot be reached.
 */
export async function openModelFiles(source: string | URL, options: HubOptions = {}): Promise<ModelFiles> {
  if (source instanceof URL && source.protocol !== 'file:') return new UrlFiles(source);
  const folder = source instanceof URL ? decodeURIComponent(source.pathname) : source;
  if (/^https?:\/\//.test(folder)) {
    if (!URL.canParse(folder)) throw new ArgumentError(`'${folder}' is not a valid URL`);
    return new UrlFiles(new URL(folder));
  }
  const path = folder.replace(/(?<=.)[/\\]+$/, '');
  const isId = typeof source === 'string' && isRepoId(source);
  // A page has no folders and says so: there, every such name is an id.
  const names = await listFolder(path).catch((error: unknown) => (isId ? [] : Promise.reject(error)));
  if (names.length > 0) return new FolderFiles(path, new Set(names));
  if (isId) return new HubFiles(await openRepo(source, options));
  throw new ArgumentError(`'${path}' is not a folder with a model in it`);
}
