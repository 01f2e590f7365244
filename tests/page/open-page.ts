// Opens a page in a headless Chromium and waits for what it sends. The page and its files come from a server on loopback, with the headers that
// give a page shared memory, or without them.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { chromium } from '../../scripts/chromium.mjs';

/** A server of a script as `/`, of a folder under `/files/`, on a free port of this machine. */
export async function serve(
  script: string,
  folder: string,
  { isolated, onAnswers }: { readonly isolated: boolean; readonly onAnswers: (answers: string) => void },
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (path === '/answers') {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.end();
        onAnswers(Buffer.concat(parts).toString());
      });
    } else if (path === '/') {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><script type="module" src="/page.js"></script>');
    } else if (path === '/page.js') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(script);
    } else {
      try {
        response.end(readFileSync(join(folder, normalize(path).replace(/^\/files\//, ''))));
      } catch {
        response.statusCode = 404;
        response.end();
      }
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

/** What a page with this script sends to `/answers`. */
export async function openPage<Answers>(script: string, folder: string, isolated: boolean): Promise<Answers> {
  const { program, environment } = await chromium();
  const profile = mkdtempSync(join(tmpdir(), 'course-page-'));
  let stop = (): void => undefined;
  try {
    return await new Promise<Answers>((resolve, reject) => {
      const onAnswers = (answers: string) => resolve(JSON.parse(answers) as Answers);
      serve(script, folder, { isolated, onAnswers }).then(({ url, server }) => {
        const options = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
        const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
        // The port of the debugger keeps the headless shell open until it is ended.
        const rest = [`--user-data-dir=${profile}`, '--remote-debugging-port=0', url];
        const browser = spawn(program, [...options, ...quiet, ...rest], {
          env: { ...process.env, ...environment },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        const said: string[] = [];
        browser.stderr.on('data', (part: Buffer) => said.push(part.toString()));
        browser.once('error', reject);
        const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
        browser.once('close', () => reject(new Error(`Chromium ended before the page answered:\n${said.join('')}`)));
        stop = () => {
          server.closeAllConnections();
          server.close();
          browser.kill('SIGKILL');
          void ended.then(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
        };
      }, reject);
    });
  } finally {
    stop();
  }
}
