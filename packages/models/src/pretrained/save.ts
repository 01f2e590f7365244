/**
 * Writing model folders as Hugging Face lays them out: `config.json` beside `model.safetensors`, or beside shards and their index. All files
 * of a model take their places together, so that a folder holds an old model or a new one and never some of both.
 */
import type { Tensor } from '@course/tensor';
import { listFolder, makeFolder, removeFolder, renamePath, writeText } from '@course/tensor/files';
import { save } from '@course/tensor/safetensors';
import { CONFIG } from './files.js';
import { planShards } from './shards.js';
import { WEIGHTS, WEIGHTS_INDEX } from './weight-files.js';

const inside = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`;

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
