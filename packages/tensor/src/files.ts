/**
 * Files as the other packages need them for models: opened by offset, read as text, written whole or not at all. In a page, where
 * there is no file system, these throw an `ArgumentError`.
 *
 * @packageDocumentation
 */
import { listFolder, makeFolder, openFile, removeFolder, renamePath, writeFileAtomically } from '#platform';
import { FormatError } from './errors.js';

export type { RandomAccess } from './platform/random-access.js';
export { bodyOf, openSource, request, type Source } from './safetensors/source.js';
export { listFolder, makeFolder, openFile, removeFolder, renamePath, writeFileAtomically };

/**
 * The text of a UTF-8 file; a byte-order mark is left out.
 *
 * @throws ArgumentError when there is no such file.
 * @throws FormatError when it is not UTF-8.
 */
export async function readText(path: string | URL): Promise<string> {
  const file = await openFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.read(0, file.size));
  } catch (error) {
    if (error instanceof TypeError) throw new FormatError(`${file.name}: not valid UTF-8 text`, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}

/** Writes UTF-8 text, whole or not at all. */
export async function writeText(path: string | URL, text: string): Promise<void> {
  await writeFileAtomically(path, [new TextEncoder().encode(text)]);
}
