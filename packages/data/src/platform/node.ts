/**
 * The file system as Node has it. `browser.ts` offers the same functions over HTTP; `package.json` maps `#platform` to one
 * or the other, so nothing else in this package knows where it runs.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FormatError } from '@course/tensor';
import { isWebUrl, readUrl, readWholeUrl } from './http.js';

export { openRepo } from '../hub/node/repo.js';

/** What a path leads to; 'unknown' where that cannot be told without reading. */
export type PathKind = 'file' | 'folder' | 'none' | 'unknown';

/** The path that a URL names: of a file its own. */
export function pathOfUrl(url: URL): string {
  return url.protocol === 'file:' ? fileURLToPath(url) : url.href;
}

/** What a path leads to. */
export async function pathKind(path: string): Promise<PathKind> {
  if (isWebUrl(path)) return 'unknown';
  try {
    const entry = await stat(path);
    return entry.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (isMissing(error)) return 'none';
    throw unreadable(path, error);
  }
}

/**
 * The bytes of a file, or behind a URL, in pieces.
 *
 * @throws FormatError when there is no such file, or it cannot be read.
 */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (isWebUrl(path)) return yield* readUrl(path);
  const kind = await pathKind(path);
  if (kind === 'none') throw new FormatError(`${path}: no such file`);
  if (kind === 'folder') throw new FormatError(`${path}: this is a folder, not a file`);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array;
  } catch (error) {
    // What the consumer of a generator throws does not come by here; this is the stream's own failure.
    throw unreadable(path, error);
  }
}

/** The bytes of a whole file; undefined when there is none. */
export async function readWhole(path: string): Promise<Uint8Array | undefined> {
  if (isWebUrl(path)) return readWholeUrl(path);
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

/** Writes files of UTF-8 text into a folder, which is made if need be. Each file is replaced at once, or not at all. */
export async function writeTexts(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      const unfinished = `${path}.${process.pid}.tmp`;
      await writeFile(unfinished, text);
      await rename(unfinished, path);
    }
  } catch (error) {
    throw new FormatError(`${folder}: cannot write: ${reason(error)}`, { cause: error });
  }
}

/** The files in a folder and in those inside it, as relative paths with `/`, in order; hidden ones are left out. */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const names: string[] = [];
    for (const entry of entries) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const name = relative(folder, path).split(sep).join('/');
      if (!/(^|\/)\./.test(name) && (await pathKind(path)) === 'file') names.push(name);
    }
    // By code units, which is the order of `sorted` in Python for what names consist of.
    return names.sort();
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Writes lines into a file, which appears when it is complete. */
export async function writeLines(path: string, lines: AsyncIterable<string>): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(unfinished, 'w');
    try {
      for await (const line of lines) await file.write(`${line}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    if (codeOf(error) === undefined) throw error;
    throw new FormatError(`${path}: cannot write: ${reason(error)}`, { cause: error });
  }
}

/** A worker that was started. */
export interface WorkerHandle {
  post(message: unknown): void;
  terminate(): void;
}

/** What becomes of a worker: messages that it sends, and its end when it was not asked for. */
export interface WorkerEvents {
  readonly message: (message: unknown) => void;
  readonly failure: (reason: string) => void;
}

/** The SHA-256 of texts, one after the other. */
export async function digest(texts: Iterable<string>): Promise<string> {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex');
}

/** Threads of this machine. */
export function hardwareThreads(): number {
  return availableParallelism();
}

/**
 * Starts a worker from the text of a program that offers `courseWorker.serve`.
 *
 * @param setup The first message, which has no answer. Each later one has: the process waits for it, and for nothing else.
 */
export function startWorker(program: string, setup: unknown, events: WorkerEvents): WorkerHandle {
  const worker = new Worker(
    // Imported and not required: the text is read as a module where the process was started with one (--input-type=module).
    `${program}
import('node:worker_threads').then(({ parentPort }) => courseWorker.serve(
  (message, transfer) => parentPort.postMessage(message, transfer),
  (receive) => parentPort.on('message', receive),
));`,
    { eval: true },
  );
  let unanswered = 0;
  let ended = false;
  worker.unref();
  worker.on('message', (message: unknown) => {
    if (--unanswered === 0) worker.unref();
    events.message(message);
  });
  worker.on('error', (error) => events.failure(reason(error)));
  // What was asked of it will not be answered any more.
  worker.on('exit', (code) => void (ended || events.failure(`it left with code ${code}`)));
  worker.postMessage(setup);
  return {
    post(message) {
      worker.postMessage(message);
      if (unanswered++ === 0) worker.ref();
    },
    terminate() {
      ended = true;
      void worker.terminate();
    },
  };
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
}

function unreadable(path: string, error: unknown): FormatError {
  if (error instanceof FormatError) return error;
  return new FormatError(`${path}: cannot read: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  const code = codeOf(error);
  if (code === 'EISDIR') return 'this is a folder, not a file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
