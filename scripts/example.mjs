// `npm run example` lists the examples, `npm run example NAME -- ARGS` runs one. Installs and builds first whatever is missing.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { become, node } from './run.mjs';

requireNode('20.11', 'This project');
await install();
await build();
become(node(at('examples/dist/main.js'), ...process.argv.slice(2)));
