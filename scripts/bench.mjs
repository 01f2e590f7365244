// `pnpm bench [cpu|webgpu] [--only TEXT] [--no-peers] [--json FILE]`: our kernels beside peers. The peers (large, and of use
// nowhere else) have a manifest of their own, which only this command installs.

import { existsSync } from 'node:fs';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { become, node, runStep } from './run.mjs';
import { fail, say } from './say.mjs';
import { vulkanEnvironment } from './vulkan.mjs';

requireNode('20.11', 'This project');
const args = process.argv.slice(2);
await install();
await build();
if (!args.includes('--no-peers') && !existsSync(at('benches/peers/node_modules'))) {
  say('Installing the peers to measure against (large; --no-peers goes without) ...');
  const done = await runStep([
    'npm',
    'install',
    '--prefix',
    at('benches/peers'),
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ]);
  if (!done) fail('The peers could not be installed: see above. `pnpm bench --no-peers` measures ours alone.');
}
become(node(at('benches/dist/main.js'), ...args), await vulkanEnvironment());
