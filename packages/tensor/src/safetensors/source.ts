/**
 * Where a safetensors file may lie: a path, a URL, a Blob, or bytes in memory, each as `RandomAccess`, so that only the
 * header and the tensors asked for are read.
 */
import { openFile } from '#platform';
import { ArgumentError, FormatError } from '../errors.js';
import type { RandomAccess } from '../platform/random-access.js';

/** A path (in Node), a URL, a Blob or File, or the bytes themselves. */
export type Source = string | URL | ArrayBuffer | Uint8Array | Blob;

/** Bytes in memory. Each read is a copy, so that nobody's later change of the buffer changes a tensor. */
class MemoryReader implements RandomAccess {
  readonly #bytes: Uint8Array;

  constructor(
    readonly name: string,
    bytes: ArrayBuffer | Uint8Array,
  ) {
    // A plain view: `slice` of Node's Buffer would not copy.
    this.#bytes =
      bytes instanceof Uint8Array
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
        : new Uint8Array(bytes);
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return whole(this.name, this.#bytes.slice(offset, offset + length), offset, length);
  }

  async close(): Promise<void> {}
}

class BlobReader implements RandomAccess {
  constructor(
    readonly name: string,
    readonly blob: Blob,
  ) {}

  get size(): number {
    return this.blob.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(await this.blob.slice(offset, offset + length).arrayBuffer());
    return whole(this.name, bytes, offset, length);
  }

  async close(): Promise<void> {}
}

/** How much the first request to a server asks for: the header of most files, so that opening takes one round trip. */
const FIRST_REQUEST = 16384;

/** A file on a server that answers range requests. */
class RangeReader implements RandomAccess {
  constructor(
    readonly url: URL,
    readonly size: number,
    readonly etag: string | null,
    /** The file's first bytes, which the first request has brought. */
    readonly start: Uint8Array<ArrayBuffer>,
  ) {}

  get name(): string {
    return this.url.href;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length === 0 || offset + length <= this.start.length) return this.start.slice(offset, offset + length);
    const response = await request(this.url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
    if (response.status !== 206) throw new FormatError(`${this.name}: the server stopped answering range requests`);
    if (response.headers.get('etag') !== this.etag)
      throw new FormatError(`${this.name}: the file changed while it was read`);
    return whole(this.name, await bodyOf(this.url, response), offset, length);
  }

  async close(): Promise<void> {}
}

function whole<T extends Uint8Array>(name: string, bytes: T, offset: number, length: number): T {
  if (bytes.length === length) return bytes;
  throw new FormatError(`${name}: expected ${length} bytes from byte ${offset} on, got ${bytes.length}`);
}

/** What to do about an answer that is none. */
function adviceFor(status: number): string {
  if (status === 401 || status === 403)
    return ': the server gives it only to those it knows; of a private repository of the hub read the model by its id, with HF_TOKEN set';
  if (status === 404 || status === 410) return ': there is no such file at that address';
  if (status === 429) return ': too many requests; wait a while before the next one';
  return status >= 500 ? ': the server fails; try again later' : '';
}

/**
 * A file on a server, or what it says of one.
 *
 * @throws ArgumentError that says what to do, when the server cannot be reached or refuses.
 */
export async function request(url: URL, init: RequestInit = {}, accept: readonly number[] = []): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArgumentError(`cannot open '${url.href}': ${reason}; is the address right, and the server up?`, {
      cause,
    });
  }
  if (response.ok || accept.includes(response.status)) return response;
  const status = `HTTP ${response.status} ${response.statusText}`.trimEnd();
  throw new ArgumentError(`cannot open '${url.href}': ${status}${adviceFor(response.status)}`);
}

/** All of an answer. */
export async function bodyOf(url: URL, response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArgumentError(`${url.href}: the connection was cut within the answer (${reason}); try again`, { cause });
  }
}

async function openUrl(url: URL): Promise<RandomAccess> {
  // 416 is the answer to a range behind the end: the file is empty.
  const response = await request(url, { headers: { Range: `bytes=0-${FIRST_REQUEST - 1}` } }, [416]);
  if (response.status === 416) return new MemoryReader(url.href, new Uint8Array(0));
  const start = await bodyOf(url, response);
  // A server without range requests has sent the whole file.
  if (response.status !== 206) return new MemoryReader(url.href, start);
  const total = /^bytes 0-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (total !== undefined) return new RangeReader(url, Number(total), response.headers.get('etag'), start);
  // The length is not told, which a page may find across origins: take all of the file.
  return new MemoryReader(url.href, await bodyOf(url, await request(url)));
}

/**
 * Opens a source for reading in part. Servers are asked for ranges; one that cannot answer them is read whole.
 *
 * @throws ArgumentError when there is nothing to open.
 */
export async function openSource(source: Source): Promise<RandomAccess> {
  if (typeof source === 'string') return openFile(source);
  if (source instanceof URL) return source.protocol === 'file:' ? openFile(source) : openUrl(source);
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : 'the Blob';
    return new BlobReader(name, source);
  }
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return new MemoryReader('the given bytes', source);
  throw new ArgumentError('safetensors: a file is opened from a path, a URL, a Blob, an ArrayBuffer or a Uint8Array');
}
