// The reference and the guides (docs/*.md) as web pages in docs/site. All packages are read as one program, from their
// sources, so that a type of one package links to its page from every other. A broken link, an export without
// documentation or one that mentions what is not exported fails the build.
import { existsSync, readdirSync } from 'node:fs';
import { Converter, ReflectionKind } from 'typedoc';
import { publicEntries } from './scripts/entries.mjs';

const entries = publicEntries();

/** The guides in the order in which they are read. */
const guides = [
  'getting-started',
  'tensors-and-autograd',
  'devices',
  'modules-and-training',
  'text',
  'models',
  'speed',
  'courses',
  'from-pytorch',
  'names',
  'errors',
  'special-values',
  'features',
  'architecture',
];

/**
 * Gives the pages of the entries the names that imports have, where typedoc would take them from the files.
 *
 * @param {import('typedoc').Application} app
 */
function nameByImports(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const entry = entries.find(({ source }) => source === file);
    if (entry) reflection.name = entry.specifier;
  });
}

/** The examples of the courses: a README each, which stands below the page that lists them. */
const examples = readdirSync('examples/src')
  .map((name) => `examples/src/${name}/README.md`)
  .filter((file) => existsSync(file));

/**
 * Names the pages of examples by their headings, where typedoc would call them all README, and hangs them below the page of the courses.
 *
 * @param {import('typedoc').Application} app
 */
function examplesBelowCourses(app) {
  /** @type {import('typedoc').DocumentReflection[]} */
  const pages = [];
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    if (!/\bREADME$/.test(document.name)) return;
    const [{ text = '' } = {}] = document.content;
    document.name = /^# (.*)$/m.exec(text)?.[1] ?? document.name;
    pages.push(document);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const courses = project.documents?.find(({ name }) => name === 'The courses');
    for (const document of courses ? pages : []) {
      project.removeChild(document);
      document.parent = courses;
      courses?.addChild(document);
    }
  });
}

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: '@course',
  tsconfig: 'docs/tsconfig.json',
  entryPoints: entries.map(({ source }) => source),
  compilerOptions: { paths: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, [source]])) },
  plugin: [nameByImports, examplesBelowCourses],
  projectDocuments: [...guides.map((name) => `docs/${name}.md`), ...examples],
  customCss: 'docs/site.css',
  highlightLanguages: ['bash', 'console', 'css', 'html', 'javascript', 'json', 'python', 'tsx', 'typescript'],
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
