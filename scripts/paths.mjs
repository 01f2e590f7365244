// Where things are in this repository; every script takes its paths from here.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folder names under packages/, each after those it stands on. */
export const packageNames = ['tensor', 'data', 'nn', 'models'];

/** What the scripts keep between runs: stamps, unpacked drivers, reports. Deleting it costs time and nothing else. */
export const cacheDir = join(root, 'node_modules/.cache/course');

/** @param {string[]} parts Path below the root. */
export function at(...parts) {
  return join(root, ...parts);
}
