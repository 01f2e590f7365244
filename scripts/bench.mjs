// `npm run bench -- --help` tells what can be measured: our kernels beside peers, on WebGPU all on one adapter (by default the machine's GPU, or
// SwiftShader where there is none), or a row of WebGPU's tuning table. The peers (large, and of use nowhere else) have a manifest of their own,
// which only this command installs.

import { existsSync } from 'node:fs';
import { benchOptions, usage } from './bench-options.mjs';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { node22 } from './node22.mjs';
import { at } from './paths.mjs';
import { become, node, runStep } from './run.mjs';
import { fail, say } from './say.mjs';
import { contentsOf, isDone, markDone } from './stamp.mjs';
import { vulkanEnvironment } from './vulkan.mjs';

requireNode('20.11', 'This project');
const options = benchOptions(process.argv.slice(2));
if ('error' in options) fail(`error: ${options.error}\n\n${usage}`);
if ('help' in options) {
  console.log(usage);
  process.exit();
}
const { adapter, peers, rest } = options;
await install();
await build();
/** @type {Record<string, string>} */
const environment = await vulkanEnvironment(adapter);
if (peers) {
  const fingerprint = contentsOf([at('benches/peers/package.json')]);
  if (!isDone('bench-peers', fingerprint) || !existsSync(at('benches/peers/node_modules'))) {
    say('Installing the peers to measure against (large; --no-peers goes without) ...');
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    if (!(await runStep(['npm', 'install', '--prefix', at('benches/peers'), ...flags])))
      fail('The peers could not be installed: see above. `npm run bench -- --no-peers` measures ours alone.');
    markDone('bench-peers', fingerprint);
  }
  const program = await node22();
  if (program !== undefined) environment.COURSE_BENCH_NODE22 = program;
}
become(node(at('benches/dist/main.js'), ...rest), environment);
