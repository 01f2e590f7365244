// `npm run figures`: draws the figures of docs/figures anew, all of them or those of the examples named. Every example runs as people run
// it, on the CPU with its own seed, so the same sources give the same pictures.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { capture, node } from './run.mjs';
import { fail, say } from './say.mjs';

requireNode('20.11', 'Figures');
await install();
await build();
const { catalogue } = await import(at('examples/dist/course/catalogue.js'));
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(catalogue)) {
  if (!(name in catalogue)) fail(`There is no example '${name}'.`);
  const folder = mkdtempSync(join(tmpdir(), 'course-figure-'));
  const file = at('docs/figures', `${name}.svg`);
  const args = [name, '--device', 'cpu', '--out', folder, '--picture', file];
  const start = performance.now();
  const { ok, output } = await capture(node(at('examples/dist/main.js'), ...args));
  rmSync(folder, { recursive: true });
  if (!ok) fail(`${name}:\n${output}`);
  const seconds = (performance.now() - start) / 1000;
  say(`${name}: ${(readFileSync(file).length / 1024).toFixed(0)} KB in ${seconds.toFixed(0)} s`);
}
