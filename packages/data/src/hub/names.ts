/**
 * Ids, revisions and file names of the hub. All three become parts of URLs and of paths in the cache, and file names come from
 * whoever owns the repository: what could lead out of the cache folder, on any system, is refused before anything is touched.
 */
import { HubError } from './errors.js';

/** What a repository holds. */
export type RepoType = 'model' | 'dataset';

/** What is asked for, as messages name it. */
export interface Subject {
  readonly type: RepoType;
  readonly id: string;
  readonly revision: string;
  readonly file?: string;
}

/** Whether a text could be the id of a repository: `name` or `owner/name`, by the rules of `huggingface_hub`. */
export function isRepoId(text: string): boolean {
  return (
    text.length <= 96 &&
    /^[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?(?:\/[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?)?$/.test(text) &&
    !text.includes('--') &&
    !text.includes('..') &&
    !text.endsWith('.git')
  );
}

/** @throws HubError for what cannot be the id of a repository. */
export function checkRepoId(id: string): void {
  if (isRepoId(id)) return;
  throw new HubError(
    'refused',
    `${JSON.stringify(id)} is not the id of a repository: name or owner/name, of letters, digits, '_', '-' and '.', ` +
      "neither beginning nor ending with '-' or '.', without '--' and '..', at most 96 characters",
  );
}

/** The parts of a relative path with `/`, or undefined for one that is absolute, leaves its folder, or is no file's. */
function safeParts(path: string): string[] | undefined {
  const parts = path.split('/');
  const isSafe = (part: string): boolean =>
    // Backslashes, colons and control characters mean something to other systems; dots at the end vanish on Windows.
    part !== '' && !/^\.+$/.test(part) && !/[\\:\p{Cc}]/u.test(part) && part.length <= 255;
  return parts.every(isSafe) ? parts : undefined;
}

/** @throws HubError for a name that is no relative path below the repository. */
export function checkFileName(file: string): void {
  if (safeParts(file) !== undefined) return;
  throw new HubError(
    'refused',
    `${JSON.stringify(file)} is not the name of a file in a repository: a relative path with '/'`,
  );
}

/** @throws HubError for what cannot be a branch, tag or commit. */
export function checkRevision(revision: string): void {
  if (safeParts(revision) !== undefined && /^[\w./+@-]+$/.test(revision)) return;
  throw new HubError('refused', `${JSON.stringify(revision)} is not a revision: a branch, a tag or a commit`);
}

/** Whether a revision is a commit, whose files never change. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Where a file lies on the hub. */
export function fileUrl(endpoint: string, { type, id, revision, file = '' }: Subject): string {
  const kind = type === 'dataset' ? 'datasets/' : '';
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${kind}${id}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** How messages name a repository. */
export function nameOf({ type, id, revision }: Subject): string {
  return `${type} '${id}'${revision === 'main' ? '' : ` at '${revision}'`}`;
}
