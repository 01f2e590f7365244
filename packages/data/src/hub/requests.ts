/**
 * Requests to the hub: tried again where that may help (no connection, 429, 5xx), and with the reasons that the hub gives turned
 * into errors that say what to do.
 */
import { HubError, type HubFailure } from './errors.js';
import { fileUrl, nameOf, type Subject } from './names.js';
import type { HubOptions } from './options.js';

/** How to reach the hub. */
export interface Network {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly retries: number;
  readonly retryDelay: number;
  readonly timeout: number;
}

/** The network that options describe. */
export function networkOf(options: HubOptions, endpoint: string, token: string | undefined): Network {
  const { retries = 5, retryDelay = 500, timeout = 10_000 } = options;
  return { endpoint: endpoint.replace(/\/+$/, ''), token, retries, retryDelay, timeout };
}

/** A server that asks for more patience than this is not waited for. */
const LONGEST_WAIT = 60_000;
const MOST_REDIRECTS = 5;

/** Waits before try number `attempt`, from 1. */
export function pause(network: Network, attempt: number, least = 0): Promise<void> {
  const delay = Math.max(least, Math.min(8000, network.retryDelay * 2 ** (attempt - 1)));
  return new Promise((resolve) => setTimeout(resolve, delay));
}

/** The error of a connection that could not be made or kept. */
export function unreachable(url: string, cause: unknown): HubError {
  const reasonOf = (error: unknown): string => {
    if (!(error instanceof Error)) return String(error);
    return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name;
  };
  return new HubError('unreachable', `cannot reach ${url.replace(/\?.*$/, '')}: ${reasonOf(cause)}`, { cause });
}

/**
 * Sends a request and returns the response, whose status is one of success (or a redirection, if those are left to the caller).
 *
 * @throws HubError in all other cases.
 */
export async function request(
  network: Network,
  url: string,
  subject: Subject,
  init: RequestInit = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    let failure: HubError;
    let wait = 0;
    try {
      const { token } = network;
      const headers = new Headers(init.headers);
      if (token !== undefined && isSameOrigin(url, network.endpoint)) headers.set('Authorization', `Bearer ${token}`);
      const response = await fetch(url, { signal: AbortSignal.timeout(network.timeout), ...init, headers });
      if (response.ok || (init.redirect === 'manual' && response.status >= 300 && response.status < 400))
        return response;
      failure = await refusal(response, subject, network);
      wait = retryAfter(response);
      if (!(response.status === 429 || response.status >= 500) || wait > LONGEST_WAIT) throw failure;
    } catch (error) {
      if (error instanceof HubError) throw error;
      failure = unreachable(url, error);
    }
    if (attempt > network.retries) throw failure;
    await pause(network, attempt, wait);
  }
}

function isSameOrigin(url: string, endpoint: string): boolean {
  return new URL(url).origin === new URL(endpoint).origin;
}

/**
 * Opens a file of the hub, whose content often lies on another server. Redirections are followed by hand: the hub's own answer holds
 * the hash of the content, and the token is for the hub alone.
 *
 * @returns The response with the content, and the hash that the hub announces, if any.
 */
export async function openFile(
  network: Network,
  subject: Subject,
  init: RequestInit,
): Promise<{ response: Response; announced: string | undefined }> {
  let url = fileUrl(network.endpoint, subject);
  let announced: string | undefined;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await request(network, url, subject, { ...init, redirect: 'manual' });
    if (isSameOrigin(url, network.endpoint)) announced = hashOf(response) ?? announced;
    if (response.status < 300) return { response, announced };
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (location === null || !URL.canParse(location, url)) break;
    const next = new URL(location, url);
    if (next.protocol !== 'https:' && next.protocol !== 'http:') break;
    url = next.href;
  }
  throw new HubError('server', `${nameOf(subject)}: ${subject.file}: redirections that lead nowhere (${url})`);
}

/** The hash in an entity tag: a git object's (40 digits) or a SHA-256 (64); other tags say nothing about the content. */
function hashOf({ headers }: Response): string | undefined {
  const tag = (headers.get('x-linked-etag') ?? headers.get('etag'))?.replace(/^W\//, '').replaceAll('"', '');
  return tag !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(tag) ? tag : undefined;
}

/** Milliseconds that the server asks to wait. */
function retryAfter({ headers }: Response): number {
  const value = headers.get('retry-after');
  if (value === null) return 0;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
}

const CODES: Readonly<Record<string, HubFailure>> = {
  RepoNotFound: 'no-repository',
  RevisionNotFound: 'no-revision',
  EntryNotFound: 'no-file',
  GatedRepo: 'gated',
};

async function refusal(response: Response, subject: Subject, network: Network): Promise<HubError> {
  const { status, headers } = response;
  const kind = failureOf(status, CODES[headers.get('x-error-code') ?? ''], subject);
  // What the server says for itself, unless it is a page.
  const said = headers.get('x-error-message') ?? '';
  await response.body?.cancel().catch(() => undefined);
  const message = `${explain(kind, status, subject, network)} (HTTP ${status}${said === '' ? '' : `: ${said}`})`;
  return new HubError(kind, message, { status });
}

function failureOf(status: number, code: HubFailure | undefined, subject: Subject): HubFailure {
  if (status === 401) return code === 'gated' ? 'gated' : 'unauthorized';
  if (status === 403) return code === 'gated' ? 'gated' : 'forbidden';
  if (status === 404 || status === 410) return code ?? (subject.file === undefined ? 'no-repository' : 'no-file');
  return status === 429 ? 'rate-limited' : 'server';
}

function explain(kind: HubFailure, status: number, subject: Subject, { endpoint, token }: Network): string {
  const name = nameOf(subject);
  const page = `${endpoint}/${subject.type === 'dataset' ? 'datasets/' : ''}${subject.id}`;
  switch (kind) {
    case 'unauthorized':
      return token === undefined
        ? `${name} is neither a folder here nor on the hub, unless it is private: check the name, or set HF_TOKEN to a token that may read it`
        : `${name} is neither a folder here nor on the hub, unless the token may not read it: check the name and the token (HF_TOKEN)`;
    case 'gated':
      return `${name} is gated: accept its terms at ${page} and set HF_TOKEN to a token of that account`;
    case 'forbidden':
      return `${name}: access is forbidden; the token, if any, lacks the right to read it`;
    case 'no-repository':
      return `${name} is neither a folder here nor on the hub at ${endpoint}: check the name`;
    case 'no-revision':
      return `${subject.type} '${subject.id}' has no revision '${subject.revision}'`;
    case 'no-file':
      return `${name} has no file ${subject.file}`;
    case 'rate-limited':
      return `${name}: the hub has had too many requests; try again later, or set HF_TOKEN for a higher limit`;
    default:
      return `${name}: ${endpoint} answered with status ${status}; try again later`;
  }
}
