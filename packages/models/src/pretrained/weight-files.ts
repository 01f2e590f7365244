/**
 * The weights of a model as one set of named tensors, whether they lie in one safetensors file or in shards that an index lists.
 * Opening reads headers alone.
 */
import { FormatError, type Tensor } from '@course/tensor';
import { loadInto, open, type SafetensorsFile, type TensorInfo } from '@course/tensor/safetensors';
import { parseJsonObject } from './config.js';
import type { ModelFiles } from './files.js';

/** The file that holds all weights. */
export const WEIGHTS = 'model.safetensors';
/** The file that tells which shard holds which weight. */
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** Reads a model of any form in Python, with its own head, and writes it as safetensors. */
const BY_TRANSFORMERS = (more = ''): string =>
  `import transformers as t; c = t.AutoConfig.from_pretrained('FOLDER'); getattr(t, c.architectures[0]).from_pretrained('FOLDER'${more}).save_pretrained('FOLDER')`;

/** Weights in other forms, and how to convert them in Python. A pickle is never read, since it may run any code. */
const OTHER_FORMS: Readonly<Record<string, { readonly form: string; readonly convert: string }>> = {
  'pytorch_model.bin': {
    form: 'a Python pickle',
    // Copies: tensors that share memory, as tied weights do, are refused by save_file.
    convert: `import torch; from safetensors.torch import save_file; state = torch.load('pytorch_model.bin', map_location='cpu'); save_file({k: v.clone().contiguous() for k, v in state.items()}, '${WEIGHTS}', metadata={'format': 'pt'})`,
  },
  'pytorch_model.bin.index.json': { form: 'an index of Python pickles', convert: BY_TRANSFORMERS() },
  'tf_model.h5': { form: "TensorFlow's", convert: BY_TRANSFORMERS(', from_tf=True') },
  'flax_model.msgpack': { form: "Flax's", convert: BY_TRANSFORMERS(', from_flax=True') },
};

/** A tensor is read in pieces of about this many bytes, so that little of a checkpoint is ever in host memory. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Open weights. */
export class WeightFiles {
  readonly #files: ReadonlyMap<string, SafetensorsFile>;
  /** What pieces are read into, one after the other: a buffer each would be garbage as large as the checkpoint. */
  readonly #scratch = new ArrayBuffer(PIECE_BYTES);

  private constructor(
    /** Where they lie, for messages. */
    readonly name: string,
    /** The open file of each tensor. */
    files: ReadonlyMap<string, SafetensorsFile>,
  ) {
    this.#files = files;
  }

  /**
   * Opens the weights among the files of a model.
   *
   * @throws FormatError when there are none, or an index names what is not there.
   */
  static async open(files: ModelFiles): Promise<WeightFiles> {
    if (await files.has(WEIGHTS)) {
      const file = await open(await files.source(WEIGHTS));
      return new WeightFiles(files.path(WEIGHTS), new Map(file.keys().map((key) => [key, file])));
    }
    if (await files.has(WEIGHTS_INDEX)) return openShards(files, (name, map) => new WeightFiles(name, map));
    for (const [file, { form, convert }] of Object.entries(OTHER_FORMS))
      if (await files.has(file))
        throw new FormatError(
          `${files.name}: there is only ${file}, which is ${form} and not read here; convert it in Python: ${convert}`,
        );
    throw new FormatError(`${files.name}: there is neither ${WEIGHTS} nor ${WEIGHTS_INDEX}`);
  }

  keys(): string[] {
    return [...this.#files.keys()];
  }

  info(key: string): TensorInfo {
    return this.#file(key).info(key);
  }

  /** Reads a tensor of the file into one of the same shape, cast to its dtype and on its device, piece by piece. */
  copyInto(key: string, target: Tensor): Promise<void> {
    return loadInto(this.#file(key), key, target, { scratch: this.#scratch });
  }

  async close(): Promise<void> {
    for (const file of new Set(this.#files.values())) await file.close();
  }

  #file(key: string): SafetensorsFile {
    const file = this.#files.get(key);
    if (file === undefined) throw new FormatError(`${this.name}: no tensor '${key}'`);
    return file;
  }
}

async function openShards<T>(
  files: ModelFiles,
  make: (name: string, map: ReadonlyMap<string, SafetensorsFile>) => T,
): Promise<T> {
  const path = files.path(WEIGHTS_INDEX);
  const { weight_map: map } = parseJsonObject(await files.text(WEIGHTS_INDEX), path);
  if (typeof map !== 'object' || map === null) throw new FormatError(`${path}: 'weight_map' must name a file a tensor`);
  const shards = new Map<string, string>();
  for (const [key, shard] of Object.entries(map as Readonly<Record<string, unknown>>)) {
    // A name that leaves the folder would read any file.
    if (typeof shard !== 'string' || !/^[\w.-]+\.safetensors$/.test(shard))
      throw new FormatError(
        `${path}: '${key}' must be in a .safetensors file of the folder, got ${JSON.stringify(shard)}`,
      );
    shards.set(key, shard);
  }
  const names = [...new Set(shards.values())];
  for (const shard of names)
    if (!(await files.has(shard))) throw new FormatError(`${path}: the shard ${shard} is missing`);
  const opened = new Map<string, SafetensorsFile>();
  const byKey = new Map<string, SafetensorsFile>();
  try {
    for (const [i, source] of (await files.sources(names)).entries()) opened.set(names[i] ?? '', await open(source));
    for (const [key, shard] of shards) {
      const file = opened.get(shard);
      if (!file?.has(key)) throw new FormatError(`${path}: '${key}' is not in ${shard}`);
      byKey.set(key, file);
    }
  } catch (error) {
    for (const file of opened.values()) await file.close();
    throw error;
  }
  return make(path, byKey);
}
