/**
 * Which commit a revision is and which files it has, with their hashes, asked through `@huggingface/hub`. The library is loaded
 * when it is first needed: what is in the cache needs none of it.
 */
import { HubError } from './errors.js';
import { checkFileName, nameOf, type Subject } from './names.js';
import { type Network, request } from './requests.js';

/** A file of a repository. */
export interface RemoteFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The hash of its git object; for a large file, that of the pointer to it. */
  readonly oid: string;
  /** The hash of the content of a large file. */
  readonly sha256: string | undefined;
}

/** The library's `fetch`: with our tries and errors, so that it sees successes alone. */
function fetchFor(network: Network, subject: Subject): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const response = await request(network, url, subject, init);
    const type = response.headers.get('content-type') ?? '';
    if (/html/i.test(type)) throw webPage(subject, url);
    return response;
  };
}

/** The error about HTML in place of what was asked for. */
export function webPage(subject: Subject, url: string): HubError {
  return new HubError(
    'web-page',
    `${nameOf(subject)}: ${url} sent a web page where ${subject.file ?? 'a listing'} should be: ` +
      'a sign-in page of this network, or HF_ENDPOINT is not a hub',
  );
}

/**
 * The commit of a revision.
 *
 * @throws HubError as `request`.
 */
export async function resolveCommit(network: Network, subject: Subject): Promise<string> {
  const hub = await import('@huggingface/hub');
  const query = {
    name: subject.id,
    revision: subject.revision,
    hubUrl: network.endpoint,
    additionalFields: ['sha' as const],
    fetch: fetchFor(network, subject),
  };
  const { sha } = await understood(subject, subject.type === 'model' ? hub.modelInfo(query) : hub.datasetInfo(query));
  if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha;
  throw new HubError('server', `${nameOf(subject)}: the hub names no commit`);
}

/**
 * All files of a commit.
 *
 * @throws HubError as `request`, and for a name that would leave the cache folder.
 */
export async function listRemote(network: Network, subject: Subject): Promise<Map<string, RemoteFile>> {
  const hub = await import('@huggingface/hub');
  const files = new Map<string, RemoteFile>();
  const read = async (): Promise<void> => {
    const entries = hub.listFiles({
      repo: { type: subject.type, name: subject.id },
      revision: subject.revision,
      recursive: true,
      hubUrl: network.endpoint,
      fetch: fetchFor(network, subject),
    });
    for await (const { type, path, size, oid, lfs } of entries) {
      if (type !== 'file') continue;
      checkFileName(path);
      // Both become names of files in the cache.
      const isHash = /^[0-9a-f]{40}$/.test(oid ?? '') && (lfs === undefined || /^[0-9a-f]{64}$/.test(lfs.oid));
      if (!isHash || !Number.isSafeInteger(size))
        throw new HubError('server', `${nameOf(subject)}: the hub gives no hash or size for ${path}`);
      files.set(path, { name: path, size: lfs?.size ?? size, oid: oid ?? '', sha256: lfs?.oid });
    }
  };
  await understood(subject, read());
  return files;
}

/** What the library cannot make sense of is the server's fault. */
async function understood<T>(subject: Subject, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HubError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HubError('server', `${nameOf(subject)}: the hub's answer makes no sense: ${reason}`, { cause: error });
  }
}
