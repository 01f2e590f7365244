// `pnpm run docs`: the reference and the guides as web pages in docs/site, by typedoc (typedoc.config.mjs). Builds first, because
// the packages find their platform modules through dist/.
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { become, capture, node } from './run.mjs';

requireNode('20.11', 'The documentation');
await install();
await build();
// Links to the sources need a public host; without one typedoc would warn, and warnings are errors here.
const remote = await capture(['git', 'remote', 'get-url', 'origin']);
const hosted = remote.ok && /(github\.com|gitlab\.com|bitbucket\.org)[:/]/.test(remote.stdout);
become(node(at('node_modules/typedoc/bin/typedoc'), ...(hosted ? [] : ['--disableSources']), ...process.argv.slice(2)));
