// The file functions of a page, over HTTP on loopback: what `#platform` is in a browser, with the same failures as on disk.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FormatError } from '@course/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as browser from '../../packages/data/src/platform/browser.js';
import * as node from '../../packages/data/src/platform/node.js';
import { failure } from './support/files.js';

const content = Buffer.from('né\n'.repeat(100_000));
const server = createServer((request, response) => {
  if (request.url === '/broken') response.writeHead(500).end();
  else if (request.url === '/cut') {
    // Promises more than it sends, and hangs up.
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half', () => response.destroy());
  } else if (request.url === '/rows.jsonl') response.end(content);
  else response.writeHead(404).end('not here');
});
let origin = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe('files of a page', () => {
  it('have the functions that files on disk have', () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
  });

  it('are read in pieces or whole', async () => {
    expect((await drain(browser.readBytes(`${origin}/rows.jsonl`))).equals(content)).toBe(true);
    expect(Buffer.from((await browser.readWhole(`${origin}/rows.jsonl`)) ?? []).equals(content)).toBe(true);
    expect(await browser.readWhole(`${origin}/none`)).toBeUndefined();
    expect(await browser.pathKind(`${origin}/rows.jsonl`)).toBe('unknown');
    // Leaving early ends the request.
    for await (const piece of browser.readBytes(`${origin}/rows.jsonl`)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
  });

  it('fail as files on disk do', async () => {
    const failures: [() => Promise<unknown>, RegExp][] = [
      [() => drain(browser.readBytes(`${origin}/none`)), /\/none: no such file$/],
      [() => drain(browser.readBytes(`${origin}/broken`)), /\/broken: cannot read: HTTP status 500$/],
      [() => drain(browser.readBytes(`${origin}/cut`)), /\/cut: cannot read: /],
      [() => browser.readWhole(`${origin}/cut`), /\/cut: cannot read: /],
      [() => browser.readWhole('http://127.0.0.1:1/x'), /^http:\/\/127.0.0.1:1\/x: cannot read: /],
      [() => browser.writeTexts('folder', { a: 'b' }), /folder: cannot write: a page has no file system/],
    ];
    for (const [run, message] of failures) {
      const error = await failure(run());
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message).toMatch(message);
    }
  });
});
