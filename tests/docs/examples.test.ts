// Every program that the documentation shows, in the README and the guides as well as in the `@example`s of doc comments: it
// compiles as strictly as the packages do, it runs, and its values are those that its comments promise. A quotation of a source
// file stands there word for word.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init } from '@course/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { publicEntries } from '../../scripts/entries.mjs';
import { at, packageNames } from '../../scripts/paths.mjs';
import { exportedTypes, type Modules, makeProgram, ownModule, SURROUNDINGS, typeErrors } from './program.js';
import { run } from './run.js';
import { pageNames, readExamples, readPage } from './snippets.js';

const sources = packageNames.flatMap((name) =>
  readdirSync(at('packages', name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'))
    .map((file) => `packages/${name}/src/${file}`),
);
const pages = pageNames().map(readPage);
const snippets = [...pages.flatMap(({ programs }) => programs), ...sources.flatMap(readExamples)];

const surroundings = await import('./surroundings.js');
const modules: Modules = Object.fromEntries([
  [SURROUNDINGS, surroundings],
  ...(await Promise.all(publicEntries().map(async ({ specifier }) => [specifier, await import(specifier)] as const))),
  ...(await Promise.all(
    sources
      .filter((file) => snippets.some((snippet) => snippet.file === file))
      .map(async (file) => [ownModule(file), await import(at(file))] as const),
  )),
]);

const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'course-docs-'));
process.chdir(folder);
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

// What the pages show was computed on a CPU; this overrides what their programs ask for.
process.env.COURSE_DEVICE = 'cpu';
// What examples name by id is in a cache that surroundings.ts writes; nothing is fetched.
process.env.HF_HUB_CACHE = join(process.cwd(), 'hub-cache');
process.env.HF_HUB_OFFLINE = '1';
await init();
await surroundings.writeFiles();
const atHand = { modules, types: exportedTypes(sources), surroundings: Object.keys(surroundings.surroundings()) };
const programs = snippets.map((snippet, i) => makeProgram(snippet, i, atHand));

describe('programs shown in the documentation', () => {
  it('compile', () => {
    expect(typeErrors(programs).join('\n')).toBe('');
  }, 120_000);

  it.each(programs.map((program) => [`${program.snippet.file}:${program.snippet.line}`, program] as const))(
    '%s runs and keeps what its comments promise',
    async (_, program) => run(program, modules),
  );
});

it.each(pages.flatMap(({ quotations }) => quotations.map((each) => [`${each.file}:${each.line}`, each] as const)))(
  '%s quotes a file word for word',
  (_, { of, text }) => {
    const trimmed = (all: string): string =>
      all
        .split('\n')
        .map((line) => line.trim())
        .join('\n');
    const found = trimmed(readFileSync(at(of), 'utf8')).includes(trimmed(text));
    expect(found, `these lines in ${of}`).toBe(true);
  },
);
