// The client of the Hugging Face hub against a hub on loopback that cuts connections, lies about hashes, redirects and refuses.
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoTokenizer, BertTokenizer } from '@course/data';
import {
  type DownloadProgress,
  HubError,
  hfHubDownload,
  isRepoId,
  listRepoFiles,
  openRepo,
  type RepoOptions,
  snapshotDownload,
} from '@course/data/hub';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRepo as openInPage } from '../../packages/data/src/hub/web.js';
import { COMMIT, gitHash, MockHub, sendRange, sha256 } from './support/mock-hub.js';

const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13));
const config = '{"model_type": "bert"}';
const ID = 'someone/tiny';
let hub: MockHub;
/** The address of a server that has gone. */
let closed = '';
let root = '';
let caches = 0;
let cache = '';
let options: RepoOptions;

beforeAll(async () => {
  const other = await MockHub.start();
  closed = other.endpoint;
  await other.stop();
  hub = await MockHub.start();
  root = mkdtempSync(join(tmpdir(), 'course-hub-'));
});
afterAll(async () => {
  await hub.stop();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  hub.reset();
  hub.repos.clear();
  hub.repos.set(ID, {
    files: {
      'config.json': config,
      'model.safetensors': { content: weights, large: true },
      'deep/er/file.txt': 'deep',
      'empty.txt': '',
      'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n',
    },
  });
  cache = join(root, `cache-${caches++}`);
  options = { endpoint: hub.endpoint, cacheDir: cache, retries: 2, retryDelay: 1, timeout: 2000 };
});

const folder = (): string => join(cache, 'models--someone--tiny');

async function failureOf(promise: Promise<unknown>): Promise<HubError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HubError);
  return error as HubError;
}

/** Everything in the cache that someone would take for complete. */
async function complete(): Promise<string[]> {
  const names = await readdir(cache, { recursive: true, withFileTypes: true }).catch(() => []);
  return names.filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.incomplete')).map(({ name }) => name);
}

describe('the cache', () => {
  it("has the layout of Python's huggingface_hub", async () => {
    const path = await hfHubDownload(ID, 'model.safetensors', options);
    expect(path).toBe(join(folder(), 'snapshots', COMMIT, 'model.safetensors'));
    expect((await readFile(path)).equals(weights)).toBe(true);
    expect(await readlink(path)).toBe(`../../blobs/${sha256(weights)}`);
    expect(await readFile(join(folder(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    const deep = await hfHubDownload(ID, 'deep/er/file.txt', options);
    expect(await readFile(deep, 'utf8')).toBe('deep');
    expect(await readlink(deep)).toBe(`../../../../blobs/${gitHash(Buffer.from('deep'))}`);
    expect(await readFile(await hfHubDownload(ID, 'empty.txt', options), 'utf8')).toBe('');
  });

  it('gives what is there without fetching it again', async () => {
    await hfHubDownload(ID, 'config.json', options);
    hub.reset();
    await hfHubDownload(ID, 'config.json', options);
    expect(hub.requests.filter((request) => !request.includes('/revision/'))).toEqual([]);
    hub.reset();
    await hfHubDownload(ID, 'config.json', { ...options, revision: COMMIT });
    expect(hub.requests).toEqual([]);
  });

  it('finds what Python has downloaded, also offline and when the hub is gone', async () => {
    await mkdir(join(folder(), 'snapshots', COMMIT), { recursive: true });
    await mkdir(join(folder(), 'refs'), { recursive: true });
    await writeFile(join(folder(), 'refs', 'main'), `${COMMIT}\n`);
    await writeFile(join(folder(), 'snapshots', COMMIT, 'config.json'), 'from Python');
    const offline = await openRepo(ID, { ...options, localFilesOnly: true });
    expect(await readFile(await offline.file('config.json'), 'utf8')).toBe('from Python');
    expect(await offline.names()).toEqual(['config.json']);
    expect(await offline.has('vocab.txt')).toBe(false);
    const missing = await failureOf(offline.file('vocab.txt'));
    expect(missing.kind).toBe('offline');
    expect(missing.message).toContain('vocab.txt is not in the cache');
    const gone = { ...options, endpoint: closed, retries: 0 };
    expect(await readFile(await hfHubDownload(ID, 'config.json', gone), 'utf8')).toBe('from Python');
    expect((await failureOf(hfHubDownload(ID, 'vocab.txt', gone))).kind).toBe('unreachable');
    expect(hub.requests).toEqual([]);
  });

  it('takes a new commit of a branch, and shares contents between commits', async () => {
    await hfHubDownload(ID, 'config.json', options);
    const next = 'f'.repeat(40);
    const repo = hub.repos.get(ID);
    hub.repos.set(ID, { files: { ...repo?.files, 'vocab.txt': 'new' }, commit: next });
    hub.reset();
    const path = await hfHubDownload(ID, 'config.json', options);
    expect(path).toContain(next);
    expect(hub.requests.some((request) => request.includes('/resolve/'))).toBe(false);
    expect(await readFile(join(folder(), 'refs', 'main'), 'utf8')).toBe(next);
  });

  it('is where the environment says', async () => {
    const environment = (values: Record<string, string>): void => {
      for (const name of [
        'HF_ENDPOINT',
        'HF_TOKEN',
        'HF_HOME',
        'HF_HUB_CACHE',
        'HUGGINGFACE_HUB_CACHE',
        'HF_HUB_OFFLINE',
      ])
        vi.stubEnv(name, values[name] ?? '');
    };
    const quick = { retries: 0, timeout: 2000 };
    try {
      environment({ HF_ENDPOINT: `${hub.endpoint}/`, HF_HOME: cache, HF_TOKEN: 'secret' });
      expect(await hfHubDownload(ID, 'config.json', quick)).toBe(
        join(cache, 'hub', 'models--someone--tiny', 'snapshots', COMMIT, 'config.json'),
      );
      expect(new Set(hub.tokens)).toEqual(new Set(['Bearer secret']));
      environment({ HF_ENDPOINT: hub.endpoint, HF_HOME: cache, HF_HUB_CACHE: join(cache, 'other') });
      expect(await hfHubDownload(ID, 'config.json', quick)).toContain(join(cache, 'other', 'models--'));
      hub.reset();
      environment({ HF_ENDPOINT: hub.endpoint, HF_HOME: cache, HF_HUB_OFFLINE: '1' });
      expect(await hfHubDownload(ID, 'config.json', quick)).toContain(join(cache, 'hub'));
      expect((await failureOf(hfHubDownload('someone/else', 'config.json', quick))).kind).toBe('offline');
      expect(hub.requests).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('downloads', () => {
  it('go on after a cut, from where it was', async () => {
    hub.faults.push({
      match: new RegExp(sha256(weights)),
      times: 3,
      answer: (request, response) => sendRange(weights, request, response, {}, 70_000),
    });
    const path = await hfHubDownload(ID, 'model.safetensors', options);
    expect((await readFile(path)).equals(weights)).toBe(true);
    const ranges = hub.requests.filter((request) => request.includes(sha256(weights))).map((r) => r.split(' ')[2]);
    expect(ranges).toHaveLength(4);
    expect(ranges[0]).toBeUndefined();
    for (const range of ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('that fail leave no entry, and the next one goes on', async () => {
    const fault = {
      match: new RegExp(sha256(weights)),
      times: 100,
      answer: (request: Parameters<typeof sendRange>[1], response: Parameters<typeof sendRange>[2]) =>
        request.headers.range === undefined ? sendRange(weights, request, response, {}, 100_000) : response.destroy(),
    };
    hub.faults.push(fault);
    const error = await failureOf(hfHubDownload(ID, 'model.safetensors', options));
    expect(error.kind).toBe('unreachable');
    expect(error.message).toMatch(/cut at \d+ of 300000 bytes; what came is kept/);
    expect(await complete()).toEqual([]);
    hub.reset();
    await hfHubDownload(ID, 'model.safetensors', options);
    expect(hub.requests.find((request) => request.includes(sha256(weights)))).toMatch(/bytes=[1-9]/);
    expect((await readFile(join(folder(), 'blobs', sha256(weights)))).equals(weights)).toBe(true);
  });

  it('take over what Python left, and start again when that was wrong', async () => {
    for (const [left, ranged] of [
      [weights.subarray(0, 1000), true],
      [Buffer.alloc(1000), true],
      [Buffer.alloc(400_000), false],
    ] as const) {
      rmSync(cache, { recursive: true, force: true });
      await mkdir(join(folder(), 'blobs'), { recursive: true });
      const partial = join(folder(), 'blobs', `${sha256(weights)}.incomplete`);
      await writeFile(partial, left);
      await utimes(partial, 1, 1);
      hub.reset();
      const path = await hfHubDownload(ID, 'model.safetensors', options);
      expect((await readFile(path)).equals(weights)).toBe(true);
      expect(hub.requests.some((request) => request.endsWith('bytes=1000-'))).toBe(ranged);
    }
  });

  it('start again where the server knows no ranges', async () => {
    let cuts = 1;
    hub.faults.push({
      match: new RegExp(sha256(weights)),
      times: 2,
      answer(request, response) {
        delete request.headers.range;
        sendRange(weights, request, response, {}, cuts-- > 0 ? 50_000 : Infinity);
      },
    });
    expect((await readFile(await hfHubDownload(ID, 'model.safetensors', options))).equals(weights)).toBe(true);
  });

  it('refuse bytes with another hash, another size or another entity tag', async () => {
    const other = Buffer.from(weights);
    other[7] = (other[7] ?? 0) ^ 1;
    for (const [content, message] of [
      [other, /do not have the hash/],
      [weights.subarray(1), /299999 bytes on the server, 300000 in the listing/],
      [Buffer.concat([weights, weights]), /600000 bytes on the server/],
    ] as const) {
      hub.reset();
      hub.faults.push({
        match: new RegExp(sha256(weights)),
        times: 100,
        answer: (request, response) => sendRange(content, request, response, {}),
      });
      const error = await failureOf(hfHubDownload(ID, 'model.safetensors', options));
      expect(error.kind).toBe('corrupt');
      expect(error.message).toMatch(message);
      expect(await complete()).toEqual([]);
    }
    hub.reset();
    hub.faults.push({
      match: /resolve.*config/,
      times: 1,
      // Nothing is said about the size before.
      answer: (_, response) => response.writeHead(200).write(`${config} and more`, () => response.end()),
    });
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).message).toContain('more bytes came');
    hub.faults.push({
      match: /resolve.*config/,
      times: 1,
      answer: (request, response) => sendRange(Buffer.from(config), request, response, { etag: `"${'0'.repeat(40)}"` }),
    });
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).message).toContain('another content');
    // Nothing of that stands in the way of the right bytes.
    hub.reset();
    expect((await readFile(await hfHubDownload(ID, 'model.safetensors', options))).equals(weights)).toBe(true);
  });

  it('refuse a web page in place of a file or a listing', async () => {
    const page = {
      match: /resolve/,
      times: 1,
      answer: (_: unknown, response: Parameters<typeof sendRange>[2]) =>
        void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>sign in</html>'),
    };
    hub.faults.push(page);
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).kind).toBe('web-page');
    hub.faults.push({ ...page, match: /revision/, times: 1 });
    const error = await failureOf(hfHubDownload(ID, 'config.json', options));
    expect(error.kind).toBe('web-page');
    expect(error.message).toContain('HF_ENDPOINT');
    expect(await complete()).toEqual([]);
  });

  it('are shared by those who ask at the same time', async () => {
    const repo = await openRepo(ID, options);
    const paths = await Promise.all([1, 2, 3].map(() => repo.file('model.safetensors')));
    expect(new Set(paths).size).toBe(1);
    expect(hub.requests.filter((request) => request.includes(`/${sha256(weights)}`))).toHaveLength(1);
  });

  it('of several files run side by side and tell how far they are', async () => {
    const seen: DownloadProgress[] = [];
    const files = await snapshotDownload(ID, {
      ...options,
      ignorePatterns: ['deep/*'],
      onProgress: (p) => seen.push(p),
    });
    expect([...files.keys()]).toEqual(['config.json', 'empty.txt', 'model.safetensors', 'vocab.txt']);
    for (const path of files.values()) expect(await readFile(path)).toBeInstanceOf(Buffer);
    const last = seen.filter(({ file }) => file === 'model.safetensors').at(-1);
    expect(last).toEqual({ repo: ID, file: 'model.safetensors', loaded: 300_000, total: 300_000 });
    expect([...(await snapshotDownload(ID, { ...options, allowPatterns: ['*.json'] })).keys()]).toEqual([
      'config.json',
    ]);
    expect(await listRepoFiles(ID, options)).toHaveLength(5);
  });

  it('keep the token for the hub alone', async () => {
    hub.repos.set(ID, { files: hub.repos.get(ID)?.files ?? {}, token: 'mine' });
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).kind).toBe('unauthorized');
    hub.reset();
    await hfHubDownload(ID, 'model.safetensors', { ...options, token: 'mine' });
    for (const [i, request] of hub.requests.entries())
      expect(hub.tokens[i]).toBe(request.startsWith(`GET /${sha256(weights)}`) ? undefined : 'Bearer mine');
  });
});

describe('refusals', () => {
  it('tell what to do', async () => {
    hub.repos.set('someone/gated', { files: {}, gated: true });
    const cases: [() => Promise<unknown>, HubError['kind'], number | undefined, RegExp][] = [
      [
        () => hfHubDownload('someone/nothing', 'a', options),
        'no-repository',
        404,
        /neither a folder here nor on the hub/,
      ],
      [
        () => hfHubDownload(ID, 'nothing.txt', options),
        'no-file',
        404,
        /has no file nothing.txt; it has config.json, /,
      ],
      [() => hfHubDownload(ID, 'a', { ...options, revision: 'v9' }), 'no-revision', 404, /no revision 'v9'/],
      [() => hfHubDownload('someone/gated', 'a', options), 'gated', 403, /accept its terms at .*someone\/gated/],
    ];
    for (const [act, kind, status, message] of cases) {
      const error = await failureOf(act());
      expect([error.kind, error.status]).toEqual([kind, status]);
      expect(error.message).toMatch(message);
    }
  });

  it('that pass are waited out, and named when they do not', async () => {
    for (const [status, kind] of [
      [429, 'rate-limited'],
      [503, 'server'],
      [500, 'server'],
    ] as const) {
      const fault = {
        match: /resolve/,
        times: 2,
        answer: (_: unknown, response: Parameters<typeof sendRange>[2]) =>
          void response.writeHead(status, { 'retry-after': '0' }).end('busy'),
      };
      hub.reset();
      rmSync(cache, { recursive: true, force: true });
      hub.faults.push(fault);
      expect(await readFile(await hfHubDownload(ID, 'config.json', options), 'utf8')).toBe(config);
      rmSync(cache, { recursive: true, force: true });
      hub.faults.push({ ...fault, times: 3 });
      const error = await failureOf(hfHubDownload(ID, 'config.json', options));
      expect([error.kind, error.status]).toEqual([kind, status]);
    }
    hub.reset();
    hub.faults.push({
      match: /revision/,
      times: 1,
      answer: (_, response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
    });
    expect((await failureOf(hfHubDownload(ID, 'vocab.txt', options))).kind).toBe('rate-limited');
    expect(hub.requests).toHaveLength(1);
  });

  it('name a server that does not answer, that says nothing, or that sends elsewhere for ever', async () => {
    const none = { ...options, endpoint: closed, retries: 0 };
    expect((await failureOf(hfHubDownload(ID, 'config.json', none))).message).toMatch(/cannot reach .*ECONNREFUSED/);
    hub.faults.push({ match: /revision/, times: 1, answer: () => undefined });
    const silent = await failureOf(hfHubDownload(ID, 'config.json', { ...options, retries: 0, timeout: 50 }));
    expect(silent.kind).toBe('unreachable');
    for (const location of ['/someone/tiny/resolve/main/config.json', 'file:///etc/passwd', 'http://[']) {
      hub.reset();
      hub.faults.push({
        match: /resolve/,
        times: 100,
        answer: (_, response) => void response.writeHead(302, { location }).end(),
      });
      expect((await failureOf(hfHubDownload(ID, 'config.json', options))).message).toContain('lead nowhere');
    }
    hub.reset();
    hub.faults.push({ match: /revision/, times: 1, answer: (_, response) => void response.end('{"sha": "../../x"}') });
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).message).toContain('names no commit');
    hub.faults.push({ match: /revision/, times: 1, answer: (_, response) => void response.end('{"sha": ') });
    expect((await failureOf(hfHubDownload(ID, 'config.json', options))).message).toContain('makes no sense');
  });

  it('keep ids, revisions and names inside the cache', async () => {
    for (const id of [
      '../x',
      'a/b/c',
      '/etc',
      'a\\b',
      '',
      '.',
      'a..b',
      'a--b',
      '-a',
      'a/',
      'x.git',
      'ä',
      'a'.repeat(97),
    ]) {
      expect(isRepoId(id), id).toBe(false);
      expect((await failureOf(hfHubDownload(id, 'config.json', options))).kind).toBe('refused');
    }
    for (const id of ['gpt2', 'google-bert/bert-base-uncased', 'a_b/c.d']) expect(isRepoId(id), id).toBe(true);
    for (const file of ['../x', '/etc/passwd', 'a/../../x', 'a\\..\\x', 'C:x', '', 'a//b', '.', 'a\0b', 'x/..'])
      expect((await failureOf(hfHubDownload(ID, file, options))).kind, file).toBe('refused');
    for (const revision of ['../main', '/x', 'a b', '..'])
      expect((await failureOf(hfHubDownload(ID, 'a', { ...options, revision }))).kind).toBe('refused');
    expect(hub.requests).toEqual([]);
    hub.repos.set(ID, { files: { '../../../evil': 'x' } });
    expect((await failureOf(snapshotDownload(ID, options))).kind).toBe('refused');
    hub.faults.push({
      match: /tree/,
      times: 1,
      answer: (_, response) =>
        void response.end(JSON.stringify([{ type: 'file', path: 'config.json', size: 1, oid: '../../x' }])),
    });
    expect((await failureOf(snapshotDownload(ID, options))).message).toContain('no hash');
    expect(await complete()).toEqual([]);
  });
});

describe('tokenizers', () => {
  it('load by id', async () => {
    const tokenizer = await BertTokenizer.fromPretrained(ID, options);
    expect(tokenizer.encode('a b').inputIds).toEqual([2, 5, 6, 3]);
    expect(Object.keys(tokenizer.options)).not.toContain('endpoint');
    const auto = await AutoTokenizer.fromPretrained(ID, options);
    expect(auto.encode('a b').inputIds).toEqual([2, 5, 6, 3]);
    expect((await failureOf(AutoTokenizer.fromPretrained('someone/nothing', options))).kind).toBe('no-repository');
  });
});

describe('in a page', () => {
  it('files are URLs', async () => {
    const repo = await openInPage(ID, options);
    expect(await repo.file('deep/er/file.txt')).toBe(`${hub.endpoint}/${ID}/resolve/main/deep/er/file.txt`);
    expect(await repo.has('config.json')).toBe(true);
    expect(await repo.has('nothing')).toBe(false);
    expect(await repo.names()).toContain('vocab.txt');
    expect((await failureOf(repo.file('../x'))).kind).toBe('refused');
  });
});
