// Compiles the AssemblyScript kernels twice, for plain SIMD and for relaxed SIMD (fused multiply-add), and embeds both as
// base64 in a generated module: no path has to be resolved at run time, so bundles, browsers and workers load the kernels like
// any other code. The one loop of @course/models that is no tensor op, negative sampling, is compiled on the way. The record
// layouts that the kernels and their callers share are copied from assembly/layout, as one module.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'src/backend/cpu');

const models = join(dirname(root), 'models');

const COMMON = [
  '--outFile',
  'kernels.wasm',
  '-O3',
  '--converge',
  '--noAssert',
  '--uncheckedBehavior',
  'always',
  '--runtime',
  'stub',
  '--importMemory',
  '--noExportMemory',
  '--enable',
  'simd',
];

const KERNELS = [
  'assembly/index.ts',
  ...COMMON,
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
  '--exportTable',
  // One build serves shared memory and, after its import is changed (module.ts), memory of one thread.
  '--sharedMemory',
  '--enable',
  'threads',
];

/**
 * One build.
 *
 * @param {string} root The folder that paths are relative to.
 * @param {string[]} options Of the compiler; the first is the module to begin with.
 * @returns {Promise<Uint8Array>} The module.
 */
async function compile(root, options) {
  /** @type {Uint8Array | undefined} */
  let binary;
  const { error, stderr } = await asc.main(options, {
    readFile: (name, base) => {
      try {
        return readFileSync(join(root, base === '.' ? '' : base, name), 'utf8');
      } catch {
        return null; // The compiler looks for a module in several places.
      }
    },
    writeFile: (_name, content) => {
      if (content instanceof Uint8Array) binary = content;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) {
    process.stderr.write(`${stderr.toString()}${error?.message ?? 'the compiler wrote no module'}\n`);
    process.exit(1);
  }
  return binary;
}

/** @param {Uint8Array} bytes */
const quoted = (bytes) => `'${Buffer.from(bytes).toString('base64')}'`;

const simd = await compile(root, KERNELS);
const relaxed = await compile(root, [...KERNELS, '--enable', 'relaxed-simd']);
writeFileSync(
  join(target, 'binary.generated.ts'),
  `// Made by packages/tensor/scripts/build-wasm.mjs from packages/tensor/assembly.
/** The kernels for WebAssembly SIMD, base64. */
export const simdBinary = ${quoted(simd)};
/** The kernels for relaxed SIMD, base64. */
export const relaxedBinary = ${quoted(relaxed)};
`,
);
const layouts = join(root, 'assembly/layout');
const records = readdirSync(layouts)
  .filter((name) => name !== 'index.ts')
  .sort()
  .map((name) => readFileSync(join(layouts, name), 'utf8'));
writeFileSync(
  join(target, 'layout.generated.ts'),
  ['// Copied by packages/tensor/scripts/build-wasm.mjs from packages/tensor/assembly/layout.', ...records].join('\n'),
);
const sampling = await compile(models, ['assembly/negative-sampling.ts', ...COMMON]);
writeFileSync(
  join(models, 'src/word-vectors/kernel.generated.ts'),
  `// Made by packages/tensor/scripts/build-wasm.mjs from packages/models/assembly.
/** Steps of negative sampling, base64. */
export const samplingBinary = ${quoted(sampling)};
`,
);
