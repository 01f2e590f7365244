/**
 * A repository of the hub as a page has it: files are URLs, and the browser's own cache keeps them. The counterpart of
 * `node/repo.ts`; of the options, those about a cache folder mean nothing here.
 */
import { HubError } from './errors.js';
import { listRemote } from './listing.js';
import { checkFileName, checkRepoId, checkRevision, fileUrl, type Subject } from './names.js';
import { DEFAULT_ENDPOINT, type HubRepo, type RepoOptions } from './options.js';
import { networkOf, request } from './requests.js';

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
    names: async () => [...(await listRemote(network, subject)).keys()].sort(),
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
