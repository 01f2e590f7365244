/**
 * Where the files of a tokenizer come from: a folder, or a model id that a resolver turns into files. The resolver is the one
 * place where a client of the Hugging Face hub plugs in; nothing else in this package asks where a file was.
 */
import { FormatError } from '@course/tensor';
import { pathKind } from '#platform';
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
export interface PretrainedSource {
  /** Finds the files of an id that is no folder. */
  readonly resolveFile?: ResolveFile;
  /** A branch, tag or commit of the id. */
  readonly revision?: string;
}

/** A file that was found, with the name that messages give it. */
export interface FoundFile {
  readonly path: string;
  readonly text: string;
}

/** A folder, or the files of a model id. */
export class TokenizerFolder {
  readonly #name: string;
  readonly #options: PretrainedSource;
  readonly #isFolder: boolean;

  private constructor(name: string, options: PretrainedSource, isFolder: boolean) {
    this.#name = name;
    this.#options = options;
    this.#isFolder = isFolder;
  }

  /** @throws FormatError when there is no such folder, and nothing to resolve an id with. */
  static async open(name: string, options: PretrainedSource = {}): Promise<TokenizerFolder> {
    const kind = await pathKind(name);
    // A page cannot tell folders from ids: there, what a resolver is given for is an id.
    const isFolder = kind === 'folder' || (kind === 'unknown' && options.resolveFile === undefined);
    if (!isFolder && options.resolveFile === undefined) {
      throw new FormatError(`${name}: no such folder to load a tokenizer from`);
    }
    return new TokenizerFolder(name, options, isFolder);
  }

  /** A text file; undefined where there is none of this name. */
  async read(file: string): Promise<FoundFile | undefined> {
    const path = await this.#pathOf(file);
    if (path === undefined) return undefined;
    const text = await readText(path);
    return text === undefined ? undefined : { path, text };
  }

  /** A JSON file; undefined where there is none of this name. */
  async readJson(file: string): Promise<JsonNode | undefined> {
    const found = await this.read(file);
    return found && JsonNode.parse(found.text, found.path);
  }

  async #pathOf(file: string): Promise<string | undefined> {
    const { resolveFile, revision } = this.#options;
    if (this.#isFolder || resolveFile === undefined) return `${this.#name.replace(/[/\\]$/, '')}/${file}`;
    return resolveFile({ repo: this.#name, file, ...(revision === undefined ? {} : { revision }) });
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
