/**
 * Files over HTTP, for pages: a path is a URL, absolute or relative to the page. The counterpart of `node.ts`, function by
 * function.
 */
import { FormatError } from '@course/tensor';
import type { PathKind, WorkerEvents, WorkerHandle } from './node.js';

export { openRepo } from '../hub/web.js';
export type { WorkerHandle } from './node.js';

/** The path that a URL names. */
export function pathOfUrl(url: URL): string {
  return url.href;
}

/** A URL does not tell a file from a folder. */
export async function pathKind(_path: string): Promise<PathKind> {
  return 'unknown';
}

export { readUrl as readBytes, readWholeUrl as readWhole } from './http.js';

/** A page has no folders to list. */
export async function listFolder(folder: string): Promise<string[]> {
  throw new FormatError(`${folder}: cannot list: a page has no file system; name the files`);
}

/** A page writes no files while it computes. */
export async function writeLines(path: string, _lines: AsyncIterable<string>): Promise<void> {
  throw new FormatError(`${path}: cannot write: a page has no file system`);
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

/** The SHA-256 of texts, one after the other. */
export async function digest(texts: Iterable<string>): Promise<string> {
  let joined = '';
  for (const text of texts) joined += `${text.length}:${text}`;
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(joined));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Threads of this machine. */
export function hardwareThreads(): number {
  return navigator.hardwareConcurrency;
}

/** Starts a worker from the text of a program that offers `courseWorker.serve`. */
export function startWorker(program: string, setup: unknown, events: WorkerEvents): WorkerHandle {
  const glue = `${program}
courseWorker.serve(
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
