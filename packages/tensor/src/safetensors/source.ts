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
    const response = await request(this.url, { Range: `bytes=${offset}-${offset + length - 1}` });
    if (response.status !== 206) throw new FormatError(`${this.name}: the server stopped answering range requests`);
    if (response.headers.get('etag') !== this.etag)
      throw new FormatError(`${this.name}: the file changed while it was read`);
    return whole(this.name, new Uint8Array(await response.arrayBuffer()), offset, length);
  }

  async close(): Promise<void> {}
}

function whole<T extends Uint8Array>(name: string, bytes: T, offset: number, length: number): T {
  if (bytes.length === length) return bytes;
  throw new FormatError(`${name}: expected ${length} bytes from byte ${offset} on, got ${bytes.length}`);
}

async function request(url: URL, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArgumentError(`cannot open '${url.href}': ${reason}`, { cause });
  }
  // 416 is the answer to a range behind the end: the file is empty.
  if (!response.ok && response.status !== 416) {
    throw new ArgumentError(`cannot open '${url.href}': HTTP ${response.status} ${response.statusText}`.trimEnd());
  }
  return response;
}

async function openUrl(url: URL): Promise<RandomAccess> {
  const response = await request(url, { Range: `bytes=0-${FIRST_REQUEST - 1}` });
  if (response.status === 416) return new MemoryReader(url.href, new Uint8Array(0));
  const start = new Uint8Array(await response.arrayBuffer());
  // A server without range requests has sent the whole file.
  if (response.status !== 206) return new MemoryReader(url.href, start);
  const total = /^bytes 0-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (total !== undefined) return new RangeReader(url, Number(total), response.headers.get('etag'), start);
  // The length is not told, which a page may find across origins: take all of the file.
  const complete = await request(url, {});
  return new MemoryReader(url.href, await complete.arrayBuffer());
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
