/**
 * Files over HTTP, for pages: a path is a URL, absolute or relative to the page. The counterpart of `node.ts`, function by
 * function.
 */
import { FormatError } from '@course/tensor';
import type { PathKind } from './node.js';

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
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  } finally {
    await reader.cancel();
  }
}

/** All bytes behind a URL; undefined when the server has none. */
export async function readWhole(path: string): Promise<Uint8Array | undefined> {
  const response = await request(path);
  return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
}

/** A page cannot write files. */
export async function writeTexts(folder: string, _files: Readonly<Record<string, string>>): Promise<void> {
  throw new FormatError(`${folder}: cannot write: a page has no file system; take the contents from toFiles()`);
}

async function request(url: string): Promise<Response | undefined> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new FormatError(`${url}: cannot read: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  if (response.status === 404 || response.status === 410) return undefined;
  if (!response.ok) throw new FormatError(`${url}: cannot read: HTTP status ${response.status}`);
  return response;
}
