// `npm run check:long`: the wide matrix, for before a release. The whole suite
// - on the CPU with 1, 2 and 4 threads, each with the plain and the relaxed build of its kernels, under this Node and Node 22;
// - on both devices, under this Node and Node 22, on the machine's GPU, or on SwiftShader where it has none;
// - on each software adapter besides: lavapipe where it is installed, and SwiftShader where the machine has a GPU;
// - with fresh memory full of NaN on both devices (COURSE_POISON), on every adapter;
// - with the limits that WebGPU promises everywhere and none of its features (COURSE_LIMITS=default), on every adapter.
// `--only TEXT` takes the configurations whose names hold the text; other arguments are vitest's:
// `npm run check:long -- --only lavapipe tests/tensor`.

import { rmSync } from 'node:fs';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { node22 } from './node22.mjs';
import { at, root } from './paths.mjs';
import { capture } from './run.mjs';
import { fail, say } from './say.mjs';
import { outcomeOf } from './test-report.mjs';
import { lavapipe, vulkanEnvironment } from './vulkan.mjs';

/**
 * One run of the suite.
 *
 * @typedef {object} Configuration
 * @property {string} name
 * @property {string} [program] The Node that runs it; this one by default.
 * @property {Record<string, string>} env
 */

requireNode('20.19', 'The check');
await install();
await build();

const args = process.argv.slice(2);
const chosen = args.indexOf('--only');
const [, only = ''] = chosen < 0 ? [] : args.splice(chosen, 2);
const newer = await node22();
if (newer === undefined) fail('Node 22 could not be installed: see above.');
const runtimes = { 'this Node': process.execPath, 'Node 22': newer };
const usual = await vulkanEnvironment();

/** @type {Configuration[]} */
const configurations = [];
for (const [runtime, program] of Object.entries(runtimes))
  for (const simd of ['relaxed', 'plain'])
    for (const threads of [1, 2, 4])
      configurations.push({
        name: `CPU, ${runtime}, ${simd} SIMD, ${threads === 1 ? 'one thread' : `${threads} threads`}`,
        program,
        env: { ...usual, COURSE_TEST_DEVICES: 'cpu', COURSE_SIMD: simd, COURSE_THREADS: String(threads) },
      });
for (const { name, env, isUsual } of await adaptersHere()) {
  for (const [runtime, program] of Object.entries(runtimes))
    if (isUsual || program === process.execPath) configurations.push({ name: `${name}, ${runtime}`, program, env });
  configurations.push({
    name: `${name}, fresh memory full of NaN`,
    env: { ...env, COURSE_POISON: '1' },
  });
  configurations.push({
    name: `${name}, WebGPU's default limits`,
    env: { ...env, COURSE_LIMITS: 'default', COURSE_TEST_DEVICES: 'webgpu' },
  });
}

// On a software adapter with fresh buffers filled, which ends a pass each time, searching tests take minutes.
const patience = ['--testTimeout=600000', '--hookTimeout=600000'];
const report = at('node_modules/.cache/course/long-report.json');
/** @type {string[]} */
const failed = [];
for (const { name, program = process.execPath, env } of configurations) {
  if (!name.includes(only)) continue;
  process.stdout.write(`${name} ... `);
  const start = performance.now();
  rmSync(report, { force: true });
  const vitest = [at('node_modules/vitest/vitest.mjs'), 'run', '--root', root, '--reporter=default', '--reporter=json'];
  const { ok, output } = await capture(
    [program, ...vitest, `--outputFile.json=${report}`, ...patience, ...args],
    root,
    env,
  );
  const { line } = outcomeOf(report);
  process.stdout.write(`${line} (${((performance.now() - start) / 1000).toFixed(0)} s)\n`);
  if (ok) continue;
  failed.push(name);
  process.stdout.write(`${output.trimEnd()}\n\n`);
}
if (failed.length > 0) fail(`Failed: ${failed.join('; ')}`);

/** @returns {Promise<{ name: string, env: Record<string, string>, isUsual: boolean }[]>} */
async function adaptersHere() {
  const { VK_DRIVER_FILES: driver = '' } = usual;
  const isSwiftShader = driver.includes('swiftshader');
  const isLavapipe = driver !== '' && driver === lavapipe();
  const usualName = isSwiftShader ? 'SwiftShader' : isLavapipe ? 'lavapipe' : "the machine's own adapter";
  const list = [{ name: usualName, env: usual, isUsual: true }];
  if (process.platform !== 'linux' || process.arch !== 'x64') return list;
  if (!isSwiftShader) list.push({ name: 'SwiftShader', env: await vulkanEnvironment('swiftshader'), isUsual: false });
  if (lavapipe() === undefined) say('lavapipe is not installed (Debian and Ubuntu: mesa-vulkan-drivers): left out.');
  else if (!isLavapipe) list.push({ name: 'lavapipe', env: await vulkanEnvironment('lavapipe'), isUsual: false });
  return list;
}
