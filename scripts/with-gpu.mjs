// `node scripts/with-gpu.mjs FILE ARGS` runs a Node program in the environment of the tests: with the machine's GPU, or
// with SwiftShader on a Linux machine that has none. For benches and examples with `--device webgpu`.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { become, node } from './run.mjs';
import { fail } from './say.mjs';
import { vulkanEnvironment } from './vulkan.mjs';

requireNode('20.11', 'This project');
const args = process.argv.slice(2);
if (args.length === 0) fail('Usage: node scripts/with-gpu.mjs FILE ARGS');
await install();
await build();
become(node(...args), await vulkanEnvironment());
