/** Files over HTTP, for pages and for URLs in Node. What fails here fails with the words that files on disk have. */
import { FormatError } from '@course/tensor';

/** Whether a path is a URL of the web. */
export function isWebUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/** The bytes behind a URL, in pieces. */
export async function* readUrl(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await requestUrl(path);
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
export async function readWholeUrl(path: string): Promise<Uint8Array | undefined> {
  const response = await requestUrl(path);
  if (response === undefined) return undefined;
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function requestUrl(url: string): Promise<Response | undefined> {
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
