/**
 * One content from the hub into a file. A connection that is cut is taken up where it ended; what arrives is hashed on the way and
 * compared with what the hub announced, so that what this leaves is the content or an error.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { HubError } from '../errors.js';
import { type RemoteFile, webPage } from '../listing.js';
import { fileUrl, nameOf, type Subject } from '../names.js';
import { type Network, openFile, pause, unreachable } from '../requests.js';

/** A connection that ended before the content did. */
class CutShort {
  constructor(readonly cause: unknown) {}
}

/**
 * Completes a partial file.
 *
 * @param partial The path of the file; what it holds already is kept if the server can go on from there.
 * @throws HubError; one of kind `corrupt` when the bytes are not those that were announced, and then the file is empty.
 */
export async function transfer(
  network: Network,
  subject: Subject,
  expected: RemoteFile,
  partial: string,
  onBytes: (loaded: number) => void,
): Promise<void> {
  // 'a' makes the file if there is none; 'r+' can write at any place.
  await (await open(partial, 'a')).close();
  const download = new Download(network, subject, expected, await open(partial, 'r+'));
  try {
    await download.run(partial, onBytes);
  } finally {
    await download.handle.close();
  }
}

class Download {
  #offset = 0;
  #hash: Hash;

  constructor(
    private readonly network: Network,
    private readonly subject: Subject,
    private readonly expected: RemoteFile,
    readonly handle: FileHandle,
  ) {
    this.#hash = this.#newHash();
  }

  async run(partial: string, onBytes: (loaded: number) => void): Promise<void> {
    await this.#takeUp(partial);
    let mayBeStale = this.#offset > 0;
    onBytes(this.#offset);
    for (;;) {
      await this.#fetchRest(onBytes);
      if (this.#hash.digest('hex') === (this.expected.sha256 ?? this.expected.oid)) break;
      await this.#restart();
      // What an earlier run left may have been wrong: once more, from the beginning.
      if (!mayBeStale) throw this.#corrupt('the bytes do not have the hash that the hub announced');
      mayBeStale = false;
    }
    await this.handle.sync();
  }

  async #fetchRest(onBytes: (loaded: number) => void): Promise<void> {
    for (let failures = 0; this.#offset < this.expected.size; ) {
      const before = this.#offset;
      try {
        await this.#fetchOnce(onBytes);
      } catch (error) {
        if (error instanceof HubError && error.kind === 'unreachable') throw this.#cut(error.message, error);
        if (!(error instanceof CutShort)) throw error;
        failures = this.#offset > before ? 1 : failures + 1;
        if (failures > this.network.retries) {
          const { message } = unreachable(fileUrl(this.network.endpoint, this.subject), error.cause);
          throw this.#cut(message, error.cause);
        }
        await pause(this.network, failures);
      }
    }
  }

  async #fetchOnce(onBytes: (loaded: number) => void): Promise<void> {
    const { network, subject, expected } = this;
    const silence = new AbortController();
    const listen = (): NodeJS.Timeout => setTimeout(() => silence.abort(new Error('no answer')), network.timeout);
    let timer = listen();
    try {
      const { response, announced } = await openFile(network, subject, {
        signal: silence.signal,
        headers: {
          // The size and the hash are those of the content as it is.
          'Accept-Encoding': 'identity',
          ...(this.#offset > 0 ? { Range: `bytes=${this.#offset}-` } : {}),
        },
      });
      this.#check(response, announced);
      if (response.status !== 206 && this.#offset > 0) await this.#restart();
      try {
        for await (const chunk of response.body ?? []) {
          clearTimeout(timer);
          timer = listen();
          const bytes = chunk as Uint8Array;
          if (this.#offset + bytes.length > expected.size)
            throw this.#corrupt('more bytes came than the hub announced');
          await this.handle.write(bytes, 0, bytes.length, this.#offset);
          this.#hash.update(bytes);
          this.#offset += bytes.length;
          onBytes(this.#offset);
        }
      } catch (error) {
        throw isDiskError(error) || error instanceof HubError ? error : new CutShort(error);
      }
      if (this.#offset < expected.size) throw new CutShort(new Error('the connection was closed'));
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the headers say about the content, before a byte of it is kept. */
  #check(response: Response, announced: string | undefined): void {
    const { expected, subject, network } = this;
    const { headers } = response;
    if (/html/i.test(headers.get('content-type') ?? '') && !/\.html?$/i.test(expected.name))
      throw webPage(subject, fileUrl(network.endpoint, subject));
    if (announced !== undefined && announced !== expected.oid && announced !== expected.sha256)
      throw this.#corrupt(`the server has another content (its entity tag is ${announced})`);
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
    if (response.status === 206 && Number(range?.[1] ?? -1) !== this.#offset)
      throw this.#corrupt(`asked for the bytes from ${this.#offset} on, the server sent ${range?.[0] ?? 'others'}`);
    const length = headers.get('content-length');
    const size = response.status === 206 ? range?.[2] : length;
    if (size != null && size !== '*' && Number(size) !== expected.size)
      throw this.#corrupt(`it has ${size} bytes on the server, ${expected.size} in the listing`);
  }

  /** Hashes what an earlier run has left. */
  async #takeUp(partial: string): Promise<void> {
    const { size } = await this.handle.stat();
    if (size > this.expected.size) return this.#restart();
    for await (const chunk of createReadStream(partial, { end: Math.max(0, size - 1) })) {
      this.#hash.update(chunk as Uint8Array);
      this.#offset += (chunk as Uint8Array).length;
    }
  }

  async #restart(): Promise<void> {
    await this.handle.truncate(0);
    this.#offset = 0;
    this.#hash = this.#newHash();
  }

  /** Large files are known by the SHA-256 of their content, others by their git object's hash. */
  #newHash(): Hash {
    const { sha256, size } = this.expected;
    return sha256 === undefined ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
  }

  #cut(message: string, cause: unknown): HubError {
    const kept = `cut at ${this.#offset} of ${this.expected.size} bytes; what came is kept, and the next try goes on from there`;
    return new HubError('unreachable', this.#offset === 0 ? message : `${message}: ${kept}`, { cause });
  }

  #corrupt(what: string): HubError {
    return new HubError('corrupt', `${nameOf(this.subject)}: ${this.expected.name}: ${what}`);
  }
}

function isDiskError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && /^(write|ftruncate|open)/.test(String(error.syscall));
}
