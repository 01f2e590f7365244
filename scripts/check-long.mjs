// `pnpm check:long`: the wide matrix, for before a release. The whole suite on 1, 2 and 4 threads, each with the
// plain and the relaxed build of the CPU kernels, under this Node and Node 22: twelve times what CI runs (`npm test`).
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { node22 } from './node22.mjs';
import { at, root } from './paths.mjs';
import { capture } from './run.mjs';
import { fail } from './say.mjs';
import { vulkanEnvironment } from './vulkan.mjs';

requireNode('20.19', 'The check');
await install();
await build();
Object.assign(process.env, await vulkanEnvironment());

const newer = await node22();
if (newer === undefined) fail('Node 22 could not be installed: see above.');
const runtimes = { 'this Node': process.execPath, 'Node 22': newer };
const builds = ['relaxed', 'plain'];
const threadCounts = [1, 2, 4];
const configurations = Object.entries(runtimes).flatMap(([runtime, path]) =>
  builds.flatMap((simd) => threadCounts.map((threads) => ({ runtime, path, simd, threads }))),
);

/** @type {string[]} */
const failed = [];
for (const { runtime, path, simd, threads } of configurations) {
  const name = `${runtime}, ${simd} SIMD, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
  process.stdout.write(`${name} ... `);
  const start = performance.now();
  if (simd === 'plain') process.env.COURSE_SIMD = 'plain';
  else delete process.env.COURSE_SIMD;
  process.env.COURSE_THREADS = String(threads);
  const { ok, output } = await capture([
    path,
    at('node_modules/vitest/vitest.mjs'),
    'run',
    '--root',
    root,
    ...process.argv.slice(2),
  ]);
  process.stdout.write(`${ok ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(0)} s)\n`);
  if (ok) continue;
  failed.push(name);
  process.stdout.write(`${output.trimEnd()}\n\n`);
}
if (failed.length > 0) fail(`Failed: ${failed.join('; ')}`);
