// Builds what Node runs: first the WebAssembly kernels, which become a generated TypeScript file, then every package with
// `tsc -b`. Each of the two is skipped while its sources have not changed; tsc itself rebuilds only what it must.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.mjs';
import { requireNode } from './node-version.mjs';
import { at, packageNames } from './paths.mjs';
import { node, runStep } from './run.mjs';
import { fail, say } from './say.mjs';
import { isDone, markDone, stateOf } from './stamp.mjs';

/** Builds all packages and examples; ends the process if that fails. */
export async function build() {
  await buildKernels();
  await buildPackages();
  await buildDataWorker();
}

/** AssemblyScript → WebAssembly, embedded in packages/tensor/src/backend/cpu/binary.generated.ts and in that of packages/models/src/word-vectors. */
export async function buildKernels() {
  const script = at('packages/tensor/scripts/build-wasm.mjs');
  const output = at('packages/tensor/src/backend/cpu/binary.generated.ts');
  const inputs = ['packages/tensor/assembly', 'packages/models/assembly', 'packages/tensor/scripts', 'pnpm-lock.yaml'];
  const before = stateOf(inputs.map((path) => at(path)));
  if (
    existsSync(output) &&
    existsSync(at('packages/models/src/word-vectors/kernel.generated.ts')) &&
    isDone('kernels', before)
  )
    return;

  say('Compiling the CPU kernels to WebAssembly (some seconds) ...');
  if (!(await runStep(node(script)))) fail('Compiling the CPU kernels failed; the messages are above.');
  markDone('kernels', before);
}

/** TypeScript → dist/ of every package, examples/ and benches/. */
async function buildPackages() {
  const projects = [...packageNames.map((name) => `packages/${name}`), 'examples', 'benches'];
  const inputs = projects.flatMap((dir) => [at(dir, 'src'), at(dir, 'package.json'), at(dir, 'tsconfig.json')]);
  const before = stateOf([...inputs, at('tsconfig.json'), at('tsconfig.base.json'), at('pnpm-lock.yaml')]);
  const complete = projects.every((dir) => existsSync(at(dir, 'dist/.tsbuildinfo')) || !existsSync(at(dir, 'src')));
  if (complete && isDone('packages', before)) return;

  say('Compiling the TypeScript packages (half a minute at most; later only what changed) ...');
  if (!(await runStep(node(at('node_modules/typescript/bin/tsc'), '-b', at('tsconfig.json'))))) {
    fail('Compiling the packages failed; the messages are above.');
  }
  markDone('packages', before);
}

/** The program of the workers of @course/data → packages/data/dist/. */
async function buildDataWorker() {
  const output = at('packages/data/dist/workers/program-text.js');
  const before = stateOf([
    at('packages/data/src'),
    at('packages/tensor/src/errors.ts'),
    at('scripts'),
    at('pnpm-lock.yaml'),
  ]);
  if (existsSync(output) && isDone('data-worker', before)) return;
  // Loaded here, for esbuild is there only once the packages are installed.
  const { dataWorkerModule } = await import('./data-worker.mjs');
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, await dataWorkerModule());
  markDone('data-worker', before);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  requireNode('20.11', 'The build');
  await install();
  await build();
}
