// `npm run bench -- tune [--adapter NAME] [--out FILE]`: a candidate row of WebGPU's tuning table.
// `npm run bench -- [cpu|webgpu] [--adapter swiftshader|lavapipe|system] [--only TEXT,TEXT] [--no-peers] [--json FILE]`: our kernels beside peers,
// on WebGPU all on one adapter (by default the machine's GPU, or SwiftShader where there is none). The peers (large, and of use
// nowhere else) have a manifest of their own, which only this command installs.

import { existsSync } from 'node:fs';
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
const args = process.argv.slice(2);
await install();
await build();
const adapter = args.indexOf('--adapter');
if (adapter >= 0) [, process.env.COURSE_ADAPTER] = args.splice(adapter, 2);
/** @type {Record<string, string>} */
const environment = await vulkanEnvironment();
if (!args.includes('--no-peers') && args[0] !== 'tune') {
  const fingerprint = contentsOf([at('benches/peers/package.json')]);
  if (!isDone('bench-peers', fingerprint) || !existsSync(at('benches/peers/node_modules'))) {
    say('Installing the peers to measure against (large; --no-peers goes without) ...');
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    if (!(await runStep(['npm', 'install', '--prefix', at('benches/peers'), ...options])))
      fail('The peers could not be installed: see above. `npm run bench -- --no-peers` measures ours alone.');
    markDone('bench-peers', fingerprint);
  }
  const program = await node22();
  if (program !== undefined) environment.COURSE_BENCH_NODE22 = program;
}
become(node(at('benches/dist/main.js'), ...args), environment);
