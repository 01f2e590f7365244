// `npm run check:long`: the wide matrix, for before a release. The whole suite
// - on 1, 2 and 4 threads, each with the plain and the relaxed build of the CPU kernels, under this Node and Node 22: on the machine's GPU, or
//   on SwiftShader where it has none;
// - on each software adapter besides: lavapipe where it is installed, and SwiftShader where the machine has a GPU;
// - with fresh memory full of NaN on both devices (COURSE_POISON), on every adapter.
// Arguments are vitest's: `npm run check:long -- tests/tensor`.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { node22 } from './node22.mjs';
import { at, root } from './paths.mjs';
import { capture } from './run.mjs';
import { fail, say } from './say.mjs';
import { lavapipe, vulkanEnvironment } from './vulkan.mjs';

/**
 * One run of the suite.
 *
 * @typedef {object} Configuration
 * @property {string} name
 * @property {string} [program] The Node that runs it; this one by default.
 * @property {Record<string, string>} env
 * @property {string[]} [options] Of vitest.
 */

requireNode('20.19', 'The check');
await install();
await build();

const newer = await node22();
if (newer === undefined) fail('Node 22 could not be installed: see above.');
const usual = await vulkanEnvironment();
/** Adapters by name, with their environments; the usual one has run with all builds and threads. */
const adapters = await adaptersHere();

/** @type {Configuration[]} */
const configurations = [];
for (const [runtime, program] of Object.entries({ 'this Node': process.execPath, 'Node 22': newer }))
  for (const simd of ['relaxed', 'plain'])
    for (const threads of [1, 2, 4])
      configurations.push({
        name: `${runtime}, ${simd} SIMD, ${threads === 1 ? 'one thread' : `${threads} threads`}`,
        program,
        env: { ...usual, COURSE_SIMD: simd, COURSE_THREADS: String(threads) },
      });
for (const { name, env, isUsual } of adapters) if (!isUsual) configurations.push({ name, env });
for (const { name, env } of adapters)
  configurations.push({
    name: `${name}, fresh memory full of NaN`,
    env: { ...env, COURSE_POISON: '1' },
    // Every buffer is a copy more, and the end of a pass: searching tests take minutes on a software adapter.
    options: ['--testTimeout=600000', '--hookTimeout=600000'],
  });

/** @type {string[]} */
const failed = [];
for (const { name, program = process.execPath, env, options = [] } of configurations) {
  process.stdout.write(`${name} ... `);
  const start = performance.now();
  const vitest = [at('node_modules/vitest/vitest.mjs'), 'run', '--root', root, ...options];
  const { ok, output } = await capture([program, ...vitest, ...process.argv.slice(2)], root, env);
  process.stdout.write(`${ok ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(0)} s)\n`);
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
