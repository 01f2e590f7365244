// Finds the code that documentation shows. A snippet keeps its place: its text stands on the lines, in a file of otherwise
// blank lines, where it stands in the documentation, so that every message about it names the right line.
//
//   ```ts            The blocks of a page are one program, in their order, with imports and all.
//   ```ts path       A quotation: the block stands, word for word, in that file of the repository.
//   @example         In a doc comment: a program in which the exports of the packages and the things of surroundings.ts are at
//                    hand without an import.
//   | PyTorch | here |  In a table with this head each piece of code in the second column is such a program.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { at } from '../../scripts/paths.mjs';

/** A program shown in documentation. */
export interface Snippet {
  /** Path from the root. */
  readonly file: string;
  /** The line of its first line of code. */
  readonly line: number;
  /** The code, preceded by as many lines as precede it in the file. */
  readonly code: string;
  /** Whether it may use, without importing them, exports and surroundings. */
  readonly implicit: boolean;
}

/** Lines that stand in a file word for word. */
export interface Quotation {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Path of the file quoted, from the root. */
  readonly of: string;
}

/** What a page shows. */
export interface Page {
  readonly programs: readonly Snippet[];
  readonly quotations: readonly Quotation[];
}

/** The pages of the documentation, as paths from the root. */
export function pageNames(): string[] {
  const guides = readdirSync(at('docs')).filter((name) => name.endsWith('.md'));
  const examples = readdirSync(at('examples/src')).map((name) => `examples/src/${name}/README.md`);
  return [
    ...['README.md', 'CONTRIBUTING.md', ...guides.map((name) => `docs/${name}`)],
    ...examples.filter((file) => existsSync(at(file))),
  ];
}

/** The snippets of a Markdown page, given by its path from the root. */
export function readPage(file: string): Page {
  const lines = readFileSync(at(file), 'utf8').split('\n');
  const kept: string[] = lines.map(() => '');
  const programs: Snippet[] = [];
  const quotations: Quotation[] = [];
  let firstLine = 0;
  let isTable = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const fence = /^```(\S*) ?(.*)$/.exec(line);
    if (fence) {
      const end = lines.indexOf('```', i + 1);
      if (end < 0) throw new TypeError(`${file}:${i + 1}: this block has no end`);
      const [, language, of = ''] = fence;
      const block = lines.slice(i + 1, end);
      if (language === 'ts' && of !== '') quotations.push({ file, line: i + 2, text: block.join('\n'), of });
      else if (language === 'ts') {
        firstLine ||= i + 2;
        for (const [offset, code] of block.entries()) kept[i + 1 + offset] = code;
      }
      i = end;
      continue;
    }
    const cells = cellsOf(line);
    if (cells === null) isTable = false;
    else if (cells[1] === 'here') isTable = true;
    else if (isTable) {
      for (const [, code = ''] of (cells[1] ?? '').matchAll(/`([^`]+)`/g))
        programs.push({ file, line: i + 1, code: '\n'.repeat(i) + code, implicit: true });
    }
  }
  if (firstLine > 0) programs.push({ file, line: firstLine, code: kept.join('\n'), implicit: false });
  return { programs, quotations };
}

function cellsOf(line: string): string[] | null {
  return line.startsWith('|')
    ? line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|'))
    : null;
}

/** The `@example`s of a TypeScript file, given by its path from the root. */
export function readExamples(file: string): Snippet[] {
  const text = readFileSync(at(file), 'utf8');
  const snippets: Snippet[] = [];
  for (const { 0: comment, index } of text.matchAll(/\/\*\*.*?\*\//gs)) {
    const first = text.slice(0, index).split('\n').length;
    const lines = comment
      .replace(/^\/\*\*/, '')
      .replace(/\*\/$/, '')
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''));
    for (let i = 0; i < lines.length; i++) {
      if (!/^@example\b/.test(lines[i] ?? '')) continue;
      const end = lines.findIndex((line, at) => at > i && /^@\w+/.test(line));
      const body = lines.slice(i + 1, end < 0 ? undefined : end);
      const line = first + i + 1;
      snippets.push({ file, line, code: '\n'.repeat(line - 1) + body.join('\n'), implicit: true });
    }
  }
  return snippets;
}
