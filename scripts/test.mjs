// `npm test -- ARGS`: runs the test suite with vitest; ARGS are vitest's own (`npm test -- tests/tensor`, `-t name`,
// `--watch`). Installs and builds first whatever is missing, and lends the suite a software GPU on a Linux machine
// that has none of its own.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at, root } from './paths.mjs';
import { become, node } from './run.mjs';
import { vulkanEnvironment } from './vulkan.mjs';

requireNode('20.19', 'The test runner');
await install();
await build();
const args = process.argv.slice(2);
const mode = args.includes('--watch') || args.includes('-w') ? 'watch' : 'run';
become(node(at('node_modules/vitest/vitest.mjs'), mode, '--root', root, ...args), await vulkanEnvironment());
