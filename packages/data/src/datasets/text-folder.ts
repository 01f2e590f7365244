/** A folder of text files by class, as corpora such as IMDb's are published: `neg/1.txt`, `pos/7.txt`, each a row with its class. */
import { FormatError } from '@course/tensor';
import { listFolder } from '#platform';
import type { SourceRow } from '../readers/source.js';
import { readDocument } from '../readers/text.js';
import { compareTexts } from './sort.js';

/** The files of a folder with their classes, and the names of those. */
export interface TextFolder {
  readonly files: readonly { readonly name: string; readonly path: string; readonly label: number }[];
  readonly classes: readonly string[];
}

/**
 * Lists a folder: each folder in it is a class, in the order of their names or in that of `classes`, which leaves out the others.
 *
 * @throws FormatError when a class has no text files.
 */
export async function listTextFolder(folder: string, classes?: readonly string[]): Promise<TextFolder> {
  const names = (await listFolder(folder)).filter((name) => /^[^/]+\/.*\.txt(\.gz)?$/.test(name));
  const classOf = (name: string): string => name.slice(0, name.indexOf('/'));
  const found = [...new Set(names.map(classOf))].sort(compareTexts);
  const wanted = classes ?? found;
  const missing = wanted.find((name) => !found.includes(name));
  if (missing !== undefined)
    throw new FormatError(`${folder}: no text files in ${missing}; there are ${found.join(', ') || 'none at all'}`);
  if (wanted.length === 0) throw new FormatError(`${folder}: no folders with text files, one for each class`);
  const root = folder.replace(/[/\\]+$/, '');
  const files = names
    .map((name) => ({ name, path: `${root}/${name}`, label: wanted.indexOf(classOf(name)) }))
    .filter(({ label }) => label !== -1);
  return { files, classes: wanted };
}

/** The rows of the files, `{ text, label }`. */
export async function* readTextFolder({ files }: TextFolder): AsyncGenerator<SourceRow[], void, undefined> {
  for (const [i, { path, label }] of files.entries()) {
    for await (const rows of readDocument(path)) yield rows.map(({ row }) => ({ row: { ...row, label }, line: i + 1 }));
  }
}
