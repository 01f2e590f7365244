// Node 22 beside the Node that runs this: for the wide matrix, and for peers of the benches that need it. It comes from npm and is kept.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { at } from './paths.mjs';
import { runStep } from './run.mjs';

/**
 * The program of a Node 22, installed where it is missing.
 *
 * @returns {Promise<string | undefined>} Undefined where it cannot be installed, which npm has then said.
 */
export async function node22() {
  if (process.versions.node.startsWith('22.')) return process.execPath;
  const folder = at('node_modules/.cache/node22');
  mkdirSync(folder, { recursive: true });
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const program = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(program)) return program;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  return (await runStep(['npm', 'install', '--prefix', folder, ...options, `${name}@22`])) ? program : undefined;
}
