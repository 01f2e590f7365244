/**
 * Where the files of a tokenizer come from: a folder, or a model id whose files the hub's client, or a resolver of the caller's,
 * finds. Nothing else about tokenizers asks where a file was.
 */
import { FormatError } from '@course/tensor';
import { openRepo, pathKind } from '#platform';
import { isRepoId } from '../hub/names.js';
import type { HubOptions } from '../hub/options.js';
import { JsonNode, readText } from '../text-file.js';

/** A file that is wanted of a model id. */
export interface FileRequest {
  /** The id, such as `google-bert/bert-base-cased`. */
  readonly repo: string;
  /** The name of the file in it, such as `tokenizer.json`. */
  readonly file: string;
  /** A branch, tag or commit; the main branch by default. */
  readonly revision?: string;
}

/** Finds a file of a model id: a path or URL that it can be read from, undefined where the id has no such file. */
export type ResolveFile = (request: FileRequest) => Promise<string | undefined>;

/** Where `fromPretrained` looks. */
export interface PretrainedSource extends HubOptions {
  /** Finds the files of an id that is no folder; by default the Hugging Face hub and its cache. */
  readonly resolveFile?: ResolveFile;
}

/** A file that was found, with the name that messages give it. */
export interface FoundFile {
  readonly path: string;
  readonly text: string;
}

/** A folder, or the files of a model id. */
export class TokenizerFolder {
  readonly #name: string;
  /** Finds a file; undefined where there is none. */
  readonly #find: (file: string) => Promise<string | undefined>;

  private constructor(name: string, find: (file: string) => Promise<string | undefined>) {
    this.#name = name;
    this.#find = find;
  }

  /**
   * @throws FormatError when there is no such folder, and the name cannot be an id either.
   * @throws HubError when the hub does not have the id, or cannot be reached.
   */
  static async open(name: string, options: PretrainedSource = {}): Promise<TokenizerFolder> {
    const { resolveFile, revision } = options;
    const kind = await pathKind(name);
    // A page cannot tell folders from ids: there, what a resolver is given for is an id.
    if (kind === 'folder' || (kind === 'unknown' && resolveFile === undefined))
      return new TokenizerFolder(name, async (file) => `${name.replace(/[/\\]$/, '')}/${file}`);
    if (resolveFile !== undefined)
      return new TokenizerFolder(name, (file) =>
        resolveFile({ repo: name, file, ...(revision === undefined ? {} : { revision }) }),
      );
    if (!isRepoId(name)) throw new FormatError(`${name}: no such folder to load a tokenizer from`);
    const repo = await openRepo(name, options);
    return new TokenizerFolder(name, async (file) => ((await repo.has(file)) ? repo.file(file) : undefined));
  }

  /** A text file; undefined where there is none of this name. */
  async read(file: string): Promise<FoundFile | undefined> {
    const path = await this.#find(file);
    if (path === undefined) return undefined;
    const text = await readText(path);
    return text === undefined ? undefined : { path, text };
  }

  /** A JSON file; undefined where there is none of this name. */
  async readJson(file: string): Promise<JsonNode | undefined> {
    const found = await this.read(file);
    return found && JsonNode.parse(found.text, found.path);
  }

  /** What to throw when none of the files that would do is there. */
  nothingHere(...files: readonly string[]): FormatError {
    return new FormatError(`${this.#name}: no tokenizer here: neither ${files.join(' nor ')}`);
  }
}

/**
 * A file that was named outright.
 *
 * @throws FormatError when there is none.
 */
export async function readNamed(path: string): Promise<FoundFile> {
  const text = await readText(path);
  if (text === undefined) throw new FormatError(`${path}: no such file`);
  return { path, text };
}

/** Runs `make`, and has the errors of what was read name where it was read from. */
export function namingSource<T>(source: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${source}: ${error.message}`, { cause: error });
    throw error;
  }
}
