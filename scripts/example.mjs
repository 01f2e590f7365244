// `npm run example` lists the examples, `npm run example NAME -- ARGS` runs one. Installs and builds first whatever is missing.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { become, node } from './run.mjs';
import { fail } from './say.mjs';

/** What each example shows, in a line. Its program is examples/src/<name>/main.ts. */
const examples = {
  sentiment:
    'train a transformer encoder to tell the sentiment of texts, try it on sentences, save it (what `npm start` runs)',
};

const [name, ...args] = process.argv.slice(2);
if (name === undefined || name === '--help' || name === '-h') {
  const width = Math.max(...Object.keys(examples).map((each) => each.length));
  for (const [each, what] of Object.entries(examples)) process.stdout.write(`${each.padEnd(width)}  ${what}\n`);
  process.stdout.write('\nnpm run example NAME -- ARGS runs one; most explain themselves with --help.\n');
} else if (!Object.hasOwn(examples, name)) {
  fail(`There is no example ${name}; the examples are ${Object.keys(examples).join(', ')}.`);
} else {
  requireNode('20.11', 'This project');
  await install();
  await build();
  become(node(at('examples/dist', name, 'main.js'), ...args));
}
