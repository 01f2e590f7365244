// Tests run on the TypeScript sources: every public entry of the four packages is resolved to the file under src/ that
// its `exports` entry is built from, and `#platform` to the Node side of the package that imports it. Nothing has to be
// compiled between an edit and a test run (the WebAssembly binary excepted; `npm test` builds that first).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const root = dirname(fileURLToPath(import.meta.url));
const packagesDir = join(root, 'packages');
const packageNames = ['tensor', 'data', 'nn', 'models'];

interface Manifest {
  name: string;
  exports: Record<string, { default: string }>;
}

/** `./dist/optim/index.js` of a package → its `src/optim/index.ts`. */
function sourceOf(packageDir: string, built: string): string {
  return join(packageDir, built.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts'));
}

const sources = new Map<string, string>();
for (const name of packageNames) {
  const dir = join(packagesDir, name);
  const manifest: Manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    sources.set(posix.join(manifest.name, subpath), sourceOf(dir, target.default));
  }
}

/** Vite would follow `exports` and `imports` into dist/; the tests want src/. */
const workspaceSources: Plugin = {
  name: 'workspace-sources',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id === '#platform' && importer?.startsWith(packagesDir + sep)) {
      const [name = ''] = importer.slice(packagesDir.length + 1).split(sep);
      return join(packagesDir, name, 'src/platform/node.ts');
    }
    return sources.get(id);
  },
};

export default defineConfig({
  plugins: [workspaceSources],
  resolve: {
    // The Dawn bindings are a dependency of the tensor package alone; tests that open a device themselves use the same copy.
    alias: { webgpu: createRequire(join(packagesDir, 'tensor/package.json')).resolve('webgpu') },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    // Registers `toBeClose`.
    setupFiles: ['tests/support/matchers.ts'],
    // A native device and WebAssembly memories live in each test process; a worker thread could not give them back.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
