// From a snippet to a program: the imports that an implicit one leaves out, and the types of all of them checked at once
// against the sources of the packages, as strictly as the packages themselves are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { publicEntries } from '../../scripts/entries.mjs';
import { at, root } from '../../scripts/paths.mjs';
import type { Snippet } from './snippets.js';

/** The name that programs import surroundings.ts by: they lie in the root. */
export const SURROUNDINGS = './tests/docs/surroundings.js';

/** The name that programs import a file of the packages by. */
export function ownModule(file: string): string {
  return `./${file.replace(/\.ts$/, '.js')}`;
}

/** Modules by the name that programs import them by. */
export type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What implicit snippets may use. */
export interface AtHand {
  readonly modules: Modules;
  /** The file that declares each exported type. */
  readonly types: ReadonlyMap<string, string>;
  /** Names of surroundings.ts. */
  readonly surroundings: readonly string[];
}

/** The types that files of the packages export. */
export function exportedTypes(files: readonly string[]): Map<string, string> {
  return new Map(
    files.flatMap((file) => {
      const text = readFileSync(at(file), 'utf8');
      return Array.from(text.matchAll(/^export (?:interface|type) (\w+)/gm), ([, name = '']) => [
        name,
        ownModule(file),
      ]);
    }),
  );
}

/** A snippet with its imports, and a file name of its own. */
export interface DocProgram {
  readonly snippet: Snippet;
  /** Where it would lie: in the root, so that relative imports start there. */
  readonly path: string;
  readonly source: ts.SourceFile;
}

/** Names under which people import whole entries. */
const namespaces: Readonly<Record<string, string>> = {
  nn: '@course/nn',
  optim: '@course/nn/optim',
  F: '@course/nn/functional',
  safetensors: '@course/tensor/safetensors',
};

/** Imports for whatever a snippet uses and does not declare: its own file's exports first, then its surroundings, then all packages'. */
export function makeProgram(snippet: Snippet, number: number, { modules, types, surroundings }: AtHand): DocProgram {
  const path = join(root, `${snippet.file.replaceAll('/', '.')}.${number}.ts`);
  const parse = (code: string): ts.SourceFile => ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true);
  const bare = parse(snippet.code);
  if (!snippet.implicit) return { snippet, path, source: bare };
  const own = ownModule(snippet.file);
  const order = Object.keys(modules).sort((a, b) => Number(b === own) - Number(a === own));
  const header: string[] = [];
  const around: string[] = [];
  for (const name of freeNames(bare)) {
    const exporter = order.find(
      (specifier) => name in (modules[specifier] ?? {}) && (specifier === own || !specifier.startsWith('.')),
    );
    if (surroundings.includes(name) && exporter !== own) around.push(name);
    else if (exporter !== undefined) header.push(`import { ${name} } from '${exporter}';`);
    else if (types.has(name)) header.push(`import type { ${name} } from '${types.get(name)}';`);
    else if (name in namespaces) header.push(`import * as ${name} from '${namespaces[name]}';`);
  }
  if (around.length > 0)
    header.push(`import { surroundings } from '${SURROUNDINGS}'; const { ${around.join(', ')} } = surroundings();`);
  // A module in any case: an example may await.
  header.push('export {};');
  return { snippet, path, source: parse(`${header.join(' ')}${snippet.code}`) };
}

/** The names in a file that may come from outside: all that it uses but those it declares at its top. */
function freeNames(source: ts.SourceFile): string[] {
  const used = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !isPropertyName(node)) used.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const statement of source.statements) for (const name of declaredNames(statement)) used.delete(name);
  return [...used];
}

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  const isName = 'name' in parent && parent.name === node;
  return (
    isName && (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent) || ts.isClassElement(parent))
  );
}

/** The names that a statement declares. */
export function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  const isDeclaration = ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement);
  return isDeclaration && statement.name ? [statement.name.text] : [];
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}

/** What TypeScript has to say about programs, as `file:line: message`. */
export function typeErrors(programs: readonly DocProgram[]): string[] {
  const config = ts.readConfigFile(at('docs/tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, at('docs'));
  options.paths = Object.fromEntries(publicEntries().map(({ specifier, source }) => [specifier, [source]]));
  const sources = new Map(programs.map((program) => [program.path, program.source]));
  const host = ts.createCompilerHost(options, true);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, ...rest) => sources.get(path) ?? getSourceFile(path, ...rest);
  const checker = ts.createProgram({ rootNames: [...sources.keys()], options, host });
  return programs.flatMap(({ snippet, source }) =>
    [...checker.getSyntacticDiagnostics(source), ...checker.getSemanticDiagnostics(source)].map((diagnostic) => {
      const { line } = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      return `${snippet.file}:${line + 1}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
    }),
  );
}
