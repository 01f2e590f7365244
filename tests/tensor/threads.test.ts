// Programs that compute on threads, each a process of its own: they end when they have nothing left to do, however they end, and where
// threads are refused they compute the same on one. They run as bundles, which leave nothing of the package but one file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at } from '../../scripts/paths.mjs';
import { capture } from '../../scripts/run.mjs';

const folder = mkdtempSync(join(tmpdir(), 'course-threads-'));
const bundle = join(folder, 'program.mjs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Products that are divided, until the threads have had the time to arrive; then what the argument says. */
const program = `
import { device, init, manualSeed, rand, scope } from '@course/tensor';

await init({ device: 'cpu' });
manualSeed(0);
const [a, b] = [rand([300, 200]), rand([200, 400])];
for (const start = Date.now(); Date.now() - start < 200;) scope(() => { a.matmul(b).compute(); });
const sum = await a.matmul(b).sum().item();
console.log(JSON.stringify({ sum, threads: device.info().threads }));
if (process.argv[2] === 'exit') process.exit(3);
if (process.argv[2] === 'throw') throw new RangeError('on purpose');
`;

beforeAll(async () => {
  await build({
    stdin: { contents: program, resolveDir: folder },
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['webgpu'],
    alias: {
      '@course/tensor': at('packages/tensor/src/index.ts'),
      '#platform': at('packages/tensor/src/platform/node.ts'),
    },
    outfile: bundle,
    logLevel: 'error',
  });
});

/** What a run prints; a process that does not end is the runner's to kill, and fails the test. */
async function run(threads: number, args: string[] = [], flags: string[] = []) {
  process.env.COURSE_THREADS = String(threads);
  const { ok, stdout, output } = await capture([process.execPath, ...flags, bundle, ...args]);
  return { ok, output, result: JSON.parse(stdout.trim().split('\n')[0] ?? 'null') as { sum: number; threads: number } };
}

describe('a program on threads', () => {
  const wish = process.env.COURSE_THREADS;
  afterAll(() => {
    if (wish === undefined) delete process.env.COURSE_THREADS;
    else process.env.COURSE_THREADS = wish;
  });

  it('prints the same with any number of them, and ends', async () => {
    const alone = await run(1);
    expect(alone.result.threads).toBe(1);
    for (const threads of [2, 4]) expect((await run(threads)).result).toEqual({ sum: alone.result.sum, threads });
  });

  it('ends by process.exit and by an error that nobody catches', async () => {
    expect((await run(4, ['exit'])).ok).toBe(false);
    const thrown = await run(4, ['throw']);
    expect(thrown.ok).toBe(false);
    expect(thrown.output).toContain('RangeError: on purpose');
  });

  it('runs on one where Node may not start threads', async () => {
    const { sum } = (await run(1)).result;
    const name = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const refused = await run(4, [], [name, '--allow-fs-read=*']);
    expect(refused.result).toEqual({ sum, threads: 1 });
  });

  // Node 20 does not know the flag; 22 does, but joins hardly anything.
  it.skipIf(process.versions.node.startsWith('20.'))('prints the same where V8 may join vectors', async () => {
    const alone = await run(1);
    for (const threads of [1, 4]) {
      const { result } = await run(threads, [], ['--experimental-wasm-revectorize']);
      expect(result).toEqual({ sum: alone.result.sum, threads });
    }
  });

  it('does not run what the process preloads in its threads', async () => {
    const preload = `data:text/javascript,${encodeURIComponent(
      "import { isMainThread } from 'node:worker_threads'; if (!isMainThread) console.log('preloaded in a thread');",
    )}`;
    const { output } = await run(4, [], ['--import', preload]);
    expect(output).not.toContain('preloaded');
  });
});
