/** What can go wrong between here and the Hugging Face hub: one class, with a kind that a program can act upon. */
import { CourseError } from '@course/tensor';

/**
 * What went wrong:
 * - `refused`: an id, revision or file name that cannot be one, or that tries to leave the cache folder;
 * - `unauthorized` (401), `gated` (403, terms to accept), `forbidden` (403);
 * - `no-repository`, `no-revision`, `no-file` (404);
 * - `rate-limited` (429), `server` (5xx and what else was not foreseen), `unreachable` (no connection, or one cut too often);
 * - `offline`: not in the cache, and nothing may be fetched;
 * - `web-page`: HTML in place of a file; `corrupt`: bytes that are not those the hub announced.
 */
export type HubFailure =
  | 'refused'
  | 'unauthorized'
  | 'gated'
  | 'forbidden'
  | 'no-repository'
  | 'no-revision'
  | 'no-file'
  | 'rate-limited'
  | 'server'
  | 'unreachable'
  | 'offline'
  | 'web-page'
  | 'corrupt';

/**
 * A repository of the hub, or a file in it, that could not be had.
 *
 * @example
 * const error = new HubError('no-file', 'someone/something has no file vocab.txt', { status: 404 });
 * error.kind; // 'no-file'
 */
export class HubError extends CourseError {
  /** What went wrong. */
  readonly kind: HubFailure;
  /** The HTTP status, where the server gave one. */
  readonly status: number | undefined;

  constructor(
    kind: HubFailure,
    message: string,
    { status, ...options }: ErrorOptions & { readonly status?: number } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.status = status;
  }
}
