// Tests run on the TypeScript sources: every public entry of the packages is resolved to the file under src/ that it is
// built from, and `#platform` to the Node side of the package that imports it. Nothing has to be compiled between an edit
// and a test run (the WebAssembly kernels excepted; `npm test` builds those first).
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';
import { dataWorkerModule } from './scripts/data-worker.mjs';
import { publicEntries } from './scripts/entries.mjs';
import { at } from './scripts/paths.mjs';

const packages = at('packages') + sep;
const sources = new Map(publicEntries().map(({ specifier, source }) => [specifier, source]));

/** Stands for the text that the build makes of the program of @course/data's workers. */
const workerModule = '\0data-worker';

/** Vite would follow `exports` and `imports` into dist/; the tests want src/. */
const workspaceSources: Plugin = {
  name: 'workspace-sources',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id === '#platform' && importer?.startsWith(packages)) {
      const [name = ''] = importer.slice(packages.length).split(sep);
      return join(packages, name, 'src/platform/node.ts');
    }
    if (id === '#worker') return workerModule;
    return sources.get(id);
  },
  load(id) {
    return id === workerModule ? dataWorkerModule() : undefined;
  },
};

export default defineConfig({
  plugins: [workspaceSources],
  resolve: {
    // The Dawn bindings are a dependency of the tensor package alone; tests that open a device themselves use the same copy.
    alias: { webgpu: createRequire(at('packages/tensor/package.json')).resolve('webgpu') },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    // Registers `toBeClose`.
    setupFiles: ['tests/support/matchers.ts'],
    // A native device and WebAssembly memories live in each test process; a worker thread could not give them back.
    pool: 'forks',
    // One core is left to the threads of the devices, which wait actively; of two it would be half of the machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
