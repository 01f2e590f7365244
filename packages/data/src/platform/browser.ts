/**
 * Files over HTTP, for pages: a path is a URL, absolute or relative to the page. The counterpart of `node.ts`, function by
 * function.
 */
import { FormatError } from '@course/tensor';
import type { PathKind, WorkerEvents, WorkerHandle } from './node.js';

export { openRepo } from '../hub/web.js';
export type { WorkerHandle } from './node.js';

/** A URL does not tell a file from a folder. */
export async function pathKind(_path: string): Promise<PathKind> {
  return 'unknown';
}

/** The bytes behind a URL, in pieces. */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await request(path);
  if (response === undefined) throw new FormatError(`${path}: no such file`);
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const next = (): ReturnType<typeof reader.read> =>
    reader.read().catch((error) => Promise.reject(unreadable(path, error)));
  try {
    for (let piece = await next(); !piece.done; piece = await next()) yield piece.value;
  } finally {
    // What ended or failed has nothing left to cancel; a consumer that leaves early ends the request here.
    await reader.cancel().catch(() => undefined);
  }
}

/** All bytes behind a URL; undefined when the server has none. */
export async function readWhole(path: string): Promise<Uint8Array | undefined> {
  const response = await request(path);
  if (response === undefined) return undefined;
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A page cannot write files. */
export async function writeTexts(folder: string, _files: Readonly<Record<string, string>>): Promise<void> {
  throw new FormatError(`${folder}: cannot write: a page has no file system; take the contents from toFiles()`);
}

/** The little of a page's worker that is used here; the types of pages are not those of Node. */
interface PageWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: { readonly message: string }) => void) | null;
  postMessage(message: unknown): void;
  terminate(): void;
}

declare const Worker: new (url: string) => PageWorker;
declare const navigator: { readonly hardwareConcurrency: number };

/** Threads of this machine. */
export function hardwareThreads(): number {
  return navigator.hardwareConcurrency;
}

/** Starts a worker from the text of a program that offers `courseTokenizer.serve`. */
export function startWorker(program: string, setup: unknown, events: WorkerEvents): WorkerHandle {
  const glue = `${program}
courseTokenizer.serve(
  (message, transfer) => postMessage(message, transfer),
  (receive) => { onmessage = (event) => receive(event.data); },
);`;
  const url = URL.createObjectURL(new Blob([glue], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onmessage = (event) => events.message(event.data);
  worker.onerror = (event) => events.failure(event.message);
  worker.postMessage(setup);
  return {
    post: (message) => worker.postMessage(message),
    terminate() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

async function request(url: string): Promise<Response | undefined> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw unreadable(url, error);
  }
  if (response.status === 404 || response.status === 410) return undefined;
  if (!response.ok) throw new FormatError(`${url}: cannot read: HTTP status ${response.status}`);
  return response;
}

function unreadable(url: string, error: unknown): FormatError {
  return new FormatError(`${url}: cannot read: ${error instanceof Error ? error.message : error}`, { cause: error });
}
