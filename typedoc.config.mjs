// The reference and the guides (docs/*.md) as web pages in docs/site. All packages are read as one program, from their
// sources, so that a type of one package links to its page from every other. A broken link, an export without
// documentation or one that mentions what is not exported fails the build.
import { publicEntries } from './scripts/entries.mjs';

const entries = publicEntries();

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: '@course',
  tsconfig: 'docs/tsconfig.json',
  entryPoints: entries.map(({ source }) => source),
  compilerOptions: { paths: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, [source]])) },
  projectDocuments: ['docs/*.md'],
  out: 'docs/site',
  cleanOutputDir: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  searchInComments: true,
  searchInDocuments: true,
  packagesRequiringDocumentation: ['@course/tensor', '@course/data', '@course/nn', '@course/models'],
  requiredToBeDocumented: ['Module', 'Class', 'Interface', 'Function', 'Variable', 'TypeAlias', 'Enum'],
  validation: {
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notExported: true,
    notDocumented: true,
    unusedMergeModuleWith: true,
  },
  treatWarningsAsErrors: true,
};
