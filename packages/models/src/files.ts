/** Model folders as Hugging Face lays them out: `config.json` beside `model.safetensors`. */
import type { Module } from '@course/nn';
import { FormatError, type Tensor } from '@course/tensor';
import { makeFolder, readText, writeText } from '@course/tensor/files';
import { open, save } from '@course/tensor/safetensors';

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';

const inside = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`;

/** The text of a folder's `config.json`, and its path for messages. */
export async function readConfig(folder: string): Promise<{ text: string; file: string }> {
  const file = inside(folder, CONFIG);
  return { text: await readText(file), file };
}

/** Writes weights and configuration; the configuration last, so that a folder that has one is complete. */
export async function saveModel(folder: string, config: string, state: ReadonlyMap<string, Tensor>): Promise<void> {
  await makeFolder(folder);
  await save(inside(folder, WEIGHTS), state, { format: 'pt' });
  await writeText(inside(folder, CONFIG), config);
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
