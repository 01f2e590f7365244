// Decides whether a set-up step has anything to do. A step names its inputs; after it succeeded, their fingerprint is kept
// in the cache folder, and while the fingerprint stays the same the step is skipped.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cacheDir, root } from './paths.mjs';

/**
 * Fingerprint of files by their contents: for a few small files whose times mean nothing.
 *
 * @param {string[]} paths
 * @param {string[]} [others] Further facts that the step depends on.
 */
export function contentsOf(paths, others = []) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  for (const fact of others) hash.update(`${fact}\0`);
  return hash.digest('hex');
}

/**
 * Fingerprint of files and whole folders by name, size and time of change: fast enough to be taken at every start.
 * What does not exist counts as absent.
 *
 * @param {string[]} paths
 */
export function stateOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) addState(hash, path);
  return hash.digest('hex');
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} path
 */
function addState(hash, path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    for (const name of readdirSync(path).sort()) addState(hash, join(path, name));
  } else {
    hash.update(`${relative(root, path)}\0${stat === undefined ? 'absent' : `${stat.size} ${stat.mtimeMs}`}\0`);
  }
}

/**
 * Whether a step last succeeded with these inputs.
 *
 * @param {string} step
 * @param {string} fingerprint
 */
export function isDone(step, fingerprint) {
  try {
    return readFileSync(stampPath(step), 'utf8') === fingerprint;
  } catch {
    return false;
  }
}

/**
 * Remembers that a step succeeded with these inputs.
 *
 * @param {string} step
 * @param {string} fingerprint
 */
export function markDone(step, fingerprint) {
  mkdirSync(dirname(stampPath(step)), { recursive: true });
  writeFileSync(stampPath(step), fingerprint);
}

/** @param {string} step */
function stampPath(step) {
  return join(cacheDir, 'done', step);
}
