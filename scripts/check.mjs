// `pnpm check`: everything that must hold beside the tests. Every step runs, whatever became of the ones before it; each
// prints its name and time, and what it has to say only when it fails. `pnpm check lint types` runs those steps alone.
import { buildKernels } from './build.mjs';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at } from './paths.mjs';
import { capture, node } from './run.mjs';
import { fail } from './say.mjs';

/** @type {Record<string, import('./run.mjs').Command>} */
const steps = {
  format: node(at('node_modules/@biomejs/biome/bin/biome'), 'format'),
  // Compiles as well: the lint rules about promises and the docs read the declarations of the packages.
  types: node(at('node_modules/typescript/bin/tsc'), '-b', '.', 'tests', 'scripts'),
  // With the import cycles and the layers of the packages (biome.json).
  lint: node(at('node_modules/@biomejs/biome/bin/biome'), 'check', '--formatter-enabled=false', '--error-on-warnings'),
  docs: node(at('scripts/docs.mjs')),
  packages: node(at('scripts/smoke.mjs')),
};

requireNode('20.19', 'The check');
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps);
for (const name of names) {
  if (!(name in steps)) fail(`There is no step ${name}; the steps are ${Object.keys(steps).join(', ')}.`);
}

await install();
await buildKernels();

/** @type {string[]} */
const failed = [];
for (const name of names) {
  const command = steps[name];
  if (command === undefined) continue;
  process.stdout.write(`${name} ... `);
  const start = performance.now();
  const { ok, output } = await capture(command);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(`${ok ? 'ok' : 'FAILED'} (${seconds} s)\n`);
  if (ok) continue;
  failed.push(name);
  process.stdout.write(`${output.trimEnd()}\n\n`);
}
if (failed.length > 0) fail(`${failed.length} of ${names.length} steps failed: ${failed.join(', ')}`);
