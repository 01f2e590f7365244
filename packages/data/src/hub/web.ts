/**
 * A repository of the hub as a page has it: files are URLs, and the browser's own cache keeps them. The counterpart of
 * `node/repo.ts`; of the options, those about a cache folder mean nothing here. Listings are asked for without `@huggingface/hub`, whose
 * entry bundlers cannot take apart for a page.
 */
import { HubError } from './errors.js';
import { checkFileName, checkRepoId, checkRevision, fileUrl, type Subject } from './names.js';
import { DEFAULT_ENDPOINT, type HubRepo, type RepoOptions } from './options.js';
import { type Network, networkOf, request } from './requests.js';

/** Opens a repository. Nothing is fetched before a file is asked for. */
export async function openRepo(id: string, options: RepoOptions = {}): Promise<HubRepo> {
  const { revision = 'main', repoType: type = 'model' } = options;
  checkRepoId(id);
  checkRevision(revision);
  const network = networkOf(options, options.endpoint ?? DEFAULT_ENDPOINT, options.token);
  const subject: Subject = { type, id, revision };
  const urlOf = async (file: string): Promise<string> => {
    checkFileName(file);
    return fileUrl(network.endpoint, { ...subject, file });
  };
  return {
    id,
    type,
    commit: revision,
    names: () => namesOf(network, subject),
    async has(file) {
      try {
        await request(network, await urlOf(file), { ...subject, file }, { method: 'HEAD' });
        return true;
      } catch (error) {
        if (error instanceof HubError && error.kind === 'no-file') return false;
        throw error;
      }
    },
    file: urlOf,
    files: (files) => Promise.all(files.map(urlOf)),
  };
}

/** The names of all files; listings come in pages. */
async function namesOf(network: Network, subject: Subject): Promise<string[]> {
  const { type, id, revision } = subject;
  const names: string[] = [];
  let url: string | undefined =
    `${network.endpoint}/api/${type}s/${id}/tree/${encodeURIComponent(revision)}?recursive=true`;
  while (url !== undefined) {
    const response: Response = await request(network, url, subject);
    const entries: unknown = await response.json().catch(() => undefined);
    if (!Array.isArray(entries)) throw new HubError('server', `${url}: the hub's answer is no listing`);
    for (const { type: kind, path } of entries as { type?: unknown; path?: unknown }[]) {
      if (kind !== 'file' || typeof path !== 'string') continue;
      checkFileName(path);
      names.push(path);
    }
    url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return names.sort();
}
