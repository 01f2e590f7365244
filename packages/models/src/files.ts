/** Model folders as Hugging Face lays them out: `config.json` beside `model.safetensors`, or beside shards and their index. */
import type { Module } from '@course/nn';
import { FormatError, type Tensor } from '@course/tensor';
import { listFolder, makeFolder, readText, removeFolder, renamePath, writeText } from '@course/tensor/files';
import { open, save } from '@course/tensor/safetensors';
import { planShards } from './pretrained/shards.js';
import { WEIGHTS, WEIGHTS_INDEX } from './pretrained/weight-files.js';

const CONFIG = 'config.json';

const inside = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`;

/** The text of a folder's `config.json`, and its path for messages. */
export async function readConfig(folder: string): Promise<{ text: string; file: string }> {
  const file = inside(folder, CONFIG);
  return { text: await readText(file), file };
}

/**
 * Puts files into a folder together: `write` makes them, each flushed to the disk, in a folder of their own inside it, and only then they
 * are renamed into place, the configuration last. A failure or a kill while they are written leaves the folder as it was; other files stay.
 */
export async function replaceFiles(folder: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = inside(folder, '.unfinished');
  await makeFolder(folder);
  // What an earlier kill left.
  await removeFolder(temporary);
  try {
    await makeFolder(temporary);
    await write(temporary);
    const names = (await listFolder(temporary)).filter((name) => name !== CONFIG);
    for (const name of names) await renamePath(inside(temporary, name), inside(folder, name));
    await removeOutdated(folder, new Set(names));
    await renamePath(inside(temporary, CONFIG), inside(folder, CONFIG));
  } finally {
    await removeFolder(temporary);
  }
}

/** Removes the weights of an older model that new ones did not replace: another number of shards, or one file where there are shards now. */
async function removeOutdated(folder: string, written: ReadonlySet<string>): Promise<void> {
  if (!written.has(WEIGHTS) && !written.has(WEIGHTS_INDEX)) return;
  for (const name of await listFolder(folder))
    if (/^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name) && !written.has(name))
      await removeFolder(inside(folder, name));
}

/** What is written beside a model's weights and configuration, and how. */
export interface SaveOptions {
  /** The most bytes of one file of weights, as planShards reads it. */
  readonly maxShardSize?: number | string;
  /** Writes more files into the folder that it is given. */
  readonly more?: (temporary: string) => Promise<unknown>;
}

/** Writes weights and configuration, and what `more` writes beside them, all together. */
export async function saveModel(
  folder: string,
  config: string,
  state: ReadonlyMap<string, Tensor>,
  { maxShardSize, more }: SaveOptions = {},
): Promise<void> {
  const { shards, index } = planShards(state, maxShardSize);
  await replaceFiles(folder, async (temporary) => {
    await more?.(temporary);
    for (const [name, part] of shards) await save(inside(temporary, name), part, { format: 'pt' });
    if (index !== undefined) await writeText(inside(temporary, WEIGHTS_INDEX), index);
    await writeText(inside(temporary, CONFIG), config);
  });
}

/**
 * Copies a folder's weights into a module. Nothing is read before all names and shapes fit.
 *
 * @throws FormatError that lists what is missing, unexpected or of another shape.
 */
export async function loadWeights(folder: string, module: Module): Promise<void> {
  const path = inside(folder, WEIGHTS);
  const file = await open(path);
  try {
    const state = module.stateDict();
    const problems: string[] = [];
    const missing = [...state.keys()].filter((key) => !file.has(key));
    const unexpected = file.keys().filter((key) => !state.has(key));
    if (missing.length > 0) problems.push(`missing: ${missing.join(', ')}`);
    if (unexpected.length > 0) problems.push(`unexpected: ${unexpected.join(', ')}`);
    for (const [key, target] of state) {
      if (!file.has(key)) continue;
      const { shape } = file.info(key);
      if (shape.join() !== target.shape.join())
        problems.push(`${key} is [${shape.join(', ')}] in the file, [${target.shape.join(', ')}] by the configuration`);
    }
    if (problems.length > 0)
      throw new FormatError(`${path}: the weights do not fit the configuration: ${problems.join('; ')}`);
    const loaded = new Map<string, Tensor>();
    for (const key of state.keys()) loaded.set(key, await file.load(key));
    module.loadStateDict(loaded);
    for (const tensor of loaded.values()) tensor.dispose();
  } finally {
    await file.close();
  }
}
