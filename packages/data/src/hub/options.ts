/** What callers may say about the hub. In Node, what they do not say comes from the environment variables of `huggingface_hub`. */
import type { RepoType } from './names.js';

/** How far a download is. */
export interface DownloadProgress {
  /** The repository. */
  readonly repo: string;
  /** The file in it. */
  readonly file: string;
  /** Bytes that are here. */
  readonly loaded: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** Options of whatever fetches from the hub. */
export interface HubOptions {
  /** A branch, tag or commit; `main` by default. */
  readonly revision?: string;
  /** Told as bytes arrive. Without it there are bars where standard error is a terminal. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** An access token; that of `HF_TOKEN` by default. */
  readonly token?: string;
  /** Take what is in the cache and fetch nothing; what `HF_HUB_OFFLINE` says by default. */
  readonly localFilesOnly?: boolean;
  /** The folder of the cache; that of Python by default: `HF_HUB_CACHE`, `HF_HOME/hub` or `~/.cache/huggingface/hub`. */
  readonly cacheDir?: string;
  /** The server; that of `HF_ENDPOINT`, or `https://huggingface.co`, by default. */
  readonly endpoint?: string;
  /** How often a request or a cut connection is tried again before it counts as failed; 5 by default. */
  readonly retries?: number;
  /** Milliseconds before the first new try, doubled each time; 500 by default. */
  readonly retryDelay?: number;
  /** Milliseconds without an answer or a byte after which a connection counts as cut; 10,000 by default. */
  readonly timeout?: number;
}

/** Options of functions that take a repository of either type. */
export interface RepoOptions extends HubOptions {
  /** What the repository holds; `model` by default. */
  readonly repoType?: RepoType;
}

/** A repository at one revision. */
export interface HubRepo {
  readonly id: string;
  readonly type: RepoType;
  /** The commit; in a page, the revision that was asked for. */
  readonly commit: string;
  /** The names of its files; offline, of those in the cache. */
  names(): Promise<readonly string[]>;
  /** Whether it has a file. */
  has(file: string): Promise<boolean>;
  /**
   * Fetches a file unless the cache has it.
   *
   * @returns Its path, or in a page its URL.
   * @throws HubError when it cannot be had.
   */
  file(file: string): Promise<string>;
  /** Several files at once, a few at a time. */
  files(files: readonly string[]): Promise<string[]>;
}

/** The server where nothing else is said. */
export const DEFAULT_ENDPOINT = 'https://huggingface.co';
