// The Hugging Face hub on loopback, as far as a client sees it: revisions, listings in pages, files with entity tags, large files
// behind a redirection to another origin, ranges. Faults are put in front of it, each for a number of requests.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MockFile {
  readonly content: Buffer;
  /** Kept as a large file: known by its SHA-256, sent by the second server. */
  readonly large?: boolean;
}

export interface MockRepo {
  readonly type?: 'model' | 'dataset';
  readonly files: Record<string, MockFile | string>;
  /** Commits by branch; one commit has all the files. */
  commit?: string;
  /** The token without which it is not there. */
  readonly token?: string;
  readonly gated?: boolean;
}

export interface Fault {
  /** Path of the requests that it befalls, on either server. */
  readonly match: RegExp;
  times: number;
  /** Answers in the place of the hub; `content` is the whole file where one was asked for. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, pass: () => void) => void;
}

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

export class MockHub {
  readonly repos = new Map<string, MockRepo>();
  readonly faults: Fault[] = [];
  /** `GET /path` of each request, on both servers, in order, with its range. */
  readonly requests: string[] = [];
  readonly tokens: (string | undefined)[] = [];
  /** Entries in a page of a listing. */
  pageSize = 2;
  #hub: Server;
  #storage: Server;
  readonly #contents = new Map<string, Buffer>();

  private constructor() {
    const serve =
      (handle: (request: IncomingMessage, response: ServerResponse) => void) =>
      (request: IncomingMessage, response: ServerResponse): void => {
        const { method, url = '', headers } = request;
        this.requests.push(`${method} ${url}${headers.range ? ` ${headers.range}` : ''}`);
        this.tokens.push(headers.authorization);
        const fault = this.faults.find(({ match, times }) => times > 0 && match.test(url));
        if (fault === undefined) {
          handle(request, response);
          return;
        }
        fault.times--;
        fault.answer(request, response, () => handle(request, response));
      };
    this.#hub = createServer(serve((request, response) => this.#answer(request, response)));
    this.#storage = createServer(serve((request, response) => this.#sendLarge(request, response)));
  }

  static async start(): Promise<MockHub> {
    const hub = new MockHub();
    for (const server of [hub.#hub, hub.#storage])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get storage(): string {
    return `http://127.0.0.1:${(this.#storage.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Forgets faults and what was asked. */
  reset(): void {
    this.faults.length = 0;
    this.requests.length = 0;
    this.tokens.length = 0;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', this.endpoint);
    const path = decodeURIComponent(url.pathname);
    const [, kind = '', id = '', what, rest = ''] =
      /^\/api\/(models|datasets)\/((?:[\w.-]+\/)?[\w.-]+?)\/(revision|tree)\/(.*)$/.exec(path) ??
      /^\/(datasets\/|)((?:[\w.-]+\/)?[\w.-]+?)\/(resolve)\/(.*)$/.exec(path) ??
      [];
    const type = kind.startsWith('datasets') ? 'dataset' : 'model';
    const repo = this.repos.get(id);
    const commit = repo?.commit ?? COMMIT;
    const revision = what === 'revision' ? rest : (/^([^/]+)/.exec(rest)?.[1] ?? '');
    const refusal = this.#refusal(repo, type, revision, request);
    if (repo === undefined || refusal !== undefined) {
      const [status, code] = refusal ?? [404, 'RepoNotFound'];
      response.writeHead(status, { 'x-error-code': code, 'x-error-message': code }).end('{}');
    } else if (what === 'revision') this.#json(response, { _id: '1', id, sha: commit, lastModified: '2024-01-01' });
    else if (what === 'tree') this.#sendTree(repo, url, response);
    else this.#sendFile(repo, rest.slice(revision.length + 1), commit, request, response);
  }

  #refusal(
    repo: MockRepo | undefined,
    type: string,
    revision: string,
    request: IncomingMessage,
  ): [status: number, code: string] | undefined {
    if (repo === undefined || (repo.type ?? 'model') !== type) return [404, 'RepoNotFound'];
    if (repo.token !== undefined && request.headers.authorization !== `Bearer ${repo.token}`)
      return [401, 'RepoNotFound'];
    if (repo.gated) return [403, 'GatedRepo'];
    return revision === 'main' || revision === (repo.commit ?? COMMIT) ? undefined : [404, 'RevisionNotFound'];
  }

  #json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  #sendTree(repo: MockRepo, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const all = Object.entries(repo.files).map(([path, entry]) => {
      const { content, large } = fileOf(entry);
      const pointer = Buffer.from(`pointer to ${sha256(content)}`);
      return large
        ? {
            type: 'file',
            path,
            size: content.length,
            oid: gitHash(pointer),
            lfs: { oid: sha256(content), size: content.length, pointerSize: 130 },
          }
        : { type: 'file', path, size: content.length, oid: gitHash(content) };
    });
    const next = new URL(url);
    next.searchParams.set('cursor', String(from + this.pageSize));
    const link: Record<string, string> =
      from + this.pageSize < all.length ? { link: `<${next.href}>; rel="next"` } : {};
    this.#json(response, all.slice(from, from + this.pageSize), link);
  }

  #sendFile(repo: MockRepo, name: string, commit: string, request: IncomingMessage, response: ServerResponse): void {
    const entry = repo.files[name];
    if (entry === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
      return;
    }
    const { content, large } = fileOf(entry);
    const hash = large ? sha256(content) : gitHash(content);
    if (!large) {
      sendRange(content, request, response, { 'x-repo-commit': commit, etag: `"${hash}"` });
      return;
    }
    this.#contents.set(hash, content);
    const location = `${this.storage}/${hash}`;
    response.writeHead(302, { location, 'x-linked-etag': `"${hash}"`, 'x-repo-commit': commit }).end();
  }

  #sendLarge(request: IncomingMessage, response: ServerResponse): void {
    const content = this.#contents.get((request.url ?? '').slice(1));
    if (content === undefined) response.writeHead(404).end();
    else sendRange(content, request, response, { etag: '"an-entity-tag-of-the-storage"' });
  }
}

function fileOf(entry: MockFile | string): MockFile {
  return typeof entry === 'string' ? { content: Buffer.from(entry) } : entry;
}

/** Sends a content, or the end of it that was asked for. */
export function sendRange(
  content: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
  /** Hang up after this many bytes. */
  cutAfter = Infinity,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = content.subarray(from);
  const common = { 'content-type': 'application/octet-stream', 'content-length': String(body.length), ...headers };
  if (from > 0) {
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { ...common, 'content-range': range });
  } else response.writeHead(200, common);
  if (request.method === 'HEAD') response.end();
  else if (cutAfter >= body.length) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 5));
}
