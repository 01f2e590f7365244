// What the documentation points to exists: files and headings that links name, files that it names in code, commands and options.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { parseOptions } from '../../examples/src/sentiment/options.js';
import { at } from '../../scripts/paths.mjs';
import { pageNames } from './snippets.js';

/** The anchors of a page's headings, as GitHub and typedoc make them. */
function anchors(file: string): string[] {
  const headings = readFileSync(at(file), 'utf8').matchAll(/^#+ (.*)$/gm);
  return Array.from(headings, ([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

it.each(pageNames())('%s links to what there is', (page) => {
  const text = readFileSync(at(page), 'utf8').replace(/^```.*?^```$/gms, '');
  const missing: string[] = [];
  for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(at(target)) || (anchor !== undefined && !anchors(target).includes(anchor))) missing.push(link);
  }
  // Paths from the root in code: `tests/nn/api.test.ts`, but not patterns or placeholders.
  for (const [, path = ''] of text.matchAll(/`((?:packages|examples|tests|scripts|docs|benches)\/[\w./-]*\w)`/g))
    if (!existsSync(at(path)) && path !== 'docs/site') missing.push(path);
  expect(missing).toEqual([]);
});

it.each(pageNames())('%s names commands that there are', (page) => {
  const text = readFileSync(at(page), 'utf8');
  const { scripts } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name);
  for (const [, line = ''] of text.matchAll(/npm start -- (--[^`#\n]+)/g)) {
    const args = Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain = '']) => quoted ?? plain);
    // Throws for an option that there is not.
    expect(parseOptions(args, 80)).toBeDefined();
  }
});
