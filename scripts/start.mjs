// `npm start -- ARGS`: trains and tries the sentiment classifier of examples/sentiment. Installs and builds first whatever
// is missing, so that it works in a fresh clone; a later run goes straight to the job.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { become, node } from './run.mjs';

requireNode('20.11', 'This project');
await install();
await build();
become(node(at('examples/dist/sentiment/main.js'), ...process.argv.slice(2)));
