// Model folders, looked at before any work is done: a run of minutes must not end in front of a folder that it cannot
// write, and never writes over files that are not a model of this program.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TextClassifier } from '@course/models';
import { ArgumentError } from '@course/tensor';
import { isUnfinished } from './checkpoints.js';

/**
 * What stands at a path: `model` is a folder with a model of ours, `unfinished` one with what an interrupted run of ours left, `other`
 * one with anything else.
 */
type Found = 'nothing' | 'file' | 'empty' | 'model' | 'unfinished' | 'other';

/**
 * Checks that a model can be saved in a folder; nothing is left behind.
 *
 * @returns Whether an earlier model is there, which saving replaces.
 * @throws ArgumentError when the folder holds other things, or cannot be made or written.
 */
export async function checkOut(folder: string): Promise<{ replaces: boolean }> {
  const found = await inspect('--out', folder);
  if (found === 'file') throw new ArgumentError(`--out ${folder}: this is a file, not a folder`);
  if (found === 'other') {
    throw new ArgumentError(
      `--out ${folder}: the folder holds files that are not a model of this program; choose a new or an empty one`,
    );
  }
  await tryToWrite(folder);
  return { replaces: found === 'model' };
}

/**
 * Checks that a folder holds a saved model, by its `config.json`.
 *
 * @throws ArgumentError that says what is there instead.
 */
export async function checkLoad(folder: string): Promise<void> {
  const found = await inspect('--load', folder);
  if (found === 'model') return;
  const complaint = {
    nothing: 'there is no such folder',
    file: 'this is a file; --load takes the folder that --out wrote',
    empty: 'the folder is empty',
    unfinished: 'the training of this model is not finished; --resume goes on with it',
    other: `the folder holds no model of this program: no config.json with the model type ${TextClassifier.modelType}`,
  }[found];
  throw new ArgumentError(`--load ${folder}: ${complaint}`);
}

async function inspect(option: string, folder: string): Promise<Found> {
  try {
    if (!(await stat(folder)).isDirectory()) return 'file';
    if ((await readdir(folder)).length === 0) return 'empty';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'nothing';
    throw new ArgumentError(`${option} ${folder}: ${reason(error)}`, { cause: error });
  }
  if ((await modelTypeOf(folder)) === TextClassifier.modelType) return 'model';
  return (await isUnfinished(folder)) ? 'unfinished' : 'other';
}

async function modelTypeOf(folder: string): Promise<unknown> {
  try {
    const config: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    return typeof config === 'object' && config !== null && 'model_type' in config ? config.model_type : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the folder and something in it, and takes both away again: permissions alone do not tell (a read-only disk, a quota). */
async function tryToWrite(folder: string): Promise<void> {
  const made: string[] = [];
  try {
    await makeMissing(resolve(folder), made);
    await rmdir(await mkdtemp(join(folder, '.try-')));
  } catch (error) {
    throw new ArgumentError(`--out ${folder}: cannot write there: ${reason(error)}`, { cause: error });
  } finally {
    for (const each of made.reverse()) await rmdir(each);
  }
}

/** Makes a folder and those above it, and notes each. (Node's own `recursive` never returns for a path inside /proc.) */
async function makeMissing(folder: string, made: string[]): Promise<void> {
  const parent = dirname(folder);
  if (existsSync(folder) || parent === folder) return;
  await makeMissing(parent, made);
  await mkdir(folder);
  made.push(folder);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a link there leads nowhere',
  ELOOP: 'the path leads in a circle of symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EFBIG: 'the file would be larger than the system allows',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reason(error: unknown): string {
  return reasons[codeOf(error)] ?? String(error);
}
