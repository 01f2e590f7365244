// What users may import, read from the `exports` of the packages: the one list that the tests, the documentation and the
// check of the packed packages work from, so that a new entry needs no line anywhere else.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { at, packageNames } from './paths.mjs';

/**
 * A public entry of a package.
 *
 * @typedef {object} Entry
 * @property {string} specifier What an import names: `@course/nn/optim`.
 * @property {string} source The file it is built from: `…/packages/nn/src/optim/index.ts`.
 */

/** All public entries, package by package, each package after those it stands on. */
export function publicEntries() {
  return packageNames.flatMap((name) => {
    const folder = at('packages', name);
    /** @type {{ name: string, exports: Record<string, { default: string }> }} */
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return Object.entries(manifest.exports).map(
      /** @returns {Entry} */
      ([subpath, target]) => ({
        specifier: posix.join(manifest.name, subpath),
        source: join(folder, target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')),
      }),
    );
  });
}
