// The packages as their users get them: packs all four, installs the tarballs into an empty project with plain npm, then
// imports every entry of their `exports`, type-checks a program against their declarations and runs it, in this Node and in
// Node 22, as it is and bundled; and bundles it for a page, where nothing of Node may be left. What a missing file in `files`, a
// wrong `exports` path, an undeclared dependency or a path that only holds before bundling would break is broken here first.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicEntries } from './entries.mjs';
import { at, packageNames } from './paths.mjs';
import { capture, node, pnpm } from './run.mjs';
import { fail } from './say.mjs';

// The second product is large enough for threads, which must start from wherever the package lies and then let the program end.
const program = `import { init, ones, tensor } from '@course/tensor';

await init({ device: 'cpu', threads: 2 });
console.log(JSON.stringify(await tensor([[1, 2], [3, 4]]).matmul(tensor([[10], [1]])).toArray()));
console.log(await ones([400, 400]).matmul(ones([400, 400])).sum().item());
`;
const expectedOutput = '[[12],[34]]\n64000000';

const specifiers = publicEntries().map(({ specifier }) => specifier);

/** Imports every entry and fails on one that exports nothing. */
const importAll = `for (const entry of ${JSON.stringify(specifiers)}) {
  const names = Object.keys(await import(entry));
  if (names.length === 0) throw new Error(entry + ' exports nothing');
  console.log(entry + ': ' + names.length + ' exports');
}
`;

const compilerOptions = {
  strict: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable', 'dom'],
  module: 'nodenext',
  noEmit: true,
  // Our declarations are checked too, as for users who have this off. WebGPU's types come with the DOM's.
  skipLibCheck: false,
  types: ['node'],
  typeRoots: [at('node_modules/@types')],
};

const folder = mkdtempSync(join(tmpdir(), 'course-smoke-'));

process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs a command in the temporary project and returns what it prints; shows that and ends the check if it fails.
 *
 * @param {string} what
 * @param {import('./run.mjs').Command} command
 * @param {string} [cwd]
 */
async function must(what, command, cwd = folder) {
  const { ok, stdout, output } = await capture(command, cwd);
  if (!ok) fail(`${what} failed:\n${output}`);
  return stdout;
}

for (const name of packageNames) {
  await must(`Packing ${name}`, pnpm('pack', '--pack-destination', folder), at('packages', name));
}
const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
writeFileSync(join(folder, 'import-all.mjs'), importAll);
writeFileSync(
  join(folder, 'types.ts'),
  specifiers.map((name, i) => `export type * as e${i} from '${name}';`).join('\n'),
);
writeFileSync(join(folder, 'program.ts'), program);
writeFileSync(join(folder, 'program.mjs'), program);
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts', 'program.ts'] }));

const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
await must('Installing the tarballs', ['npm', 'install', ...options, ...tarballs.map((name) => `./${name}`)]);
process.stdout.write(await must('Importing every entry', node('import-all.mjs')));

/** Node 22 from npm, where this is another version and npm has one for this machine. */
async function otherNode() {
  if (process.versions.node.startsWith('22.')) return undefined;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  await must('Installing Node 22', ['npm', 'install', ...options, `${name}@22`]);
  return join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** @param {string[]} args */
const bundle = (...args) =>
  node(at('node_modules/esbuild/bin/esbuild'), 'program.mjs', '--bundle', '--format=esm', ...args);
await must('Type-checking the entries and a program', node(at('node_modules/typescript/bin/tsc'), '-p', folder));

// Dawn is a native module: it stays a package of its own beside a bundle.
await must('Bundling for Node', bundle('--platform=node', '--external:webgpu', '--outfile=bundled.mjs'));
await must('Bundling for a page', bundle('--platform=browser', '--outfile=page.mjs'));
const left = /from ?["']node:[a-z/_]+["']|require\(["']node:/.exec(readFileSync(join(folder, 'page.mjs'), 'utf8'));
if (left) fail(`The bundle for a page still reaches for Node: ${left[0]}`);

const twentyTwo = await otherNode();
for (const runtime of [process.execPath, ...(twentyTwo ? [twentyTwo] : [])]) {
  const version = (await must('Asking for the version', [runtime, '--version'])).trim();
  await must(`Importing every entry in Node ${version}`, [runtime, 'import-all.mjs']);
  for (const file of ['program.mjs', 'bundled.mjs']) {
    const printed = (await must(`Running ${file} in Node ${version}`, [runtime, file])).trim();
    if (printed !== expectedOutput) fail(`${file} printed ${printed} in Node ${version}, expected ${expectedOutput}.`);
  }
  process.stdout.write(`a program, as it is and bundled, in Node ${version}\n`);
}
