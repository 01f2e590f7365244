/**
 * The weights of a model as one set of named tensors, whether they lie in one safetensors file or in shards that an index lists.
 * Opening reads headers alone.
 */
import { FormatError, noGrad, scope, type Tensor, tensor } from '@course/tensor';
import { type FromHost, openWith, type TensorInfo } from '@course/tensor/safetensors';
import { parseJsonObject } from './config.js';
import type { ModelFiles } from './files.js';

/** The file that holds all weights. */
export const WEIGHTS = 'model.safetensors';
/** The file that tells which shard holds which weight. */
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** What PyTorch pickles: never read here, since a pickle may run any code. */
const PICKLES = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];

/** A tensor is read in pieces of about this many bytes, so that little of a checkpoint is ever in host memory. */
const PIECE_BYTES = 4 * 2 ** 20;

/** A GPU's queue holds on to all that was handed to it; past so many bytes it is waited for. */
const MOST_UNDERWAY = 2 * PIECE_BYTES;

/** Makes a tensor on a device, of numbers that are at hand until the next are read. */
type MakeTensor = (device: Tensor['device']) => Tensor;

const makeTensor: FromHost<MakeTensor> = (data, shape, dtype) => (device) => tensor(data, { shape, dtype, device });

type File = Awaited<ReturnType<typeof openWith<MakeTensor>>>;

/** Open weights. */
export class WeightFiles {
  readonly #files: ReadonlyMap<string, File>;
  /** What pieces are read into, one after the other: a buffer each would be garbage as large as the checkpoint. */
  readonly #scratch = new ArrayBuffer(PIECE_BYTES);
  /** Bytes that were handed to the device since it was last waited for. */
  #underway = 0;

  private constructor(
    /** Where they lie, for messages. */
    readonly name: string,
    /** The open file of each tensor. */
    files: ReadonlyMap<string, File>,
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
      const file = await openWith(await files.source(WEIGHTS), makeTensor);
      return new WeightFiles(files.path(WEIGHTS), new Map(file.keys().map((key) => [key, file])));
    }
    if (await files.has(WEIGHTS_INDEX)) return openShards(files, (name, map) => new WeightFiles(name, map));
    for (const pickle of PICKLES)
      if (await files.has(pickle))
        throw new FormatError(
          `${files.name}: there is only ${pickle}, which is a Python pickle and not read here; convert it in Python: from safetensors.torch import save_file; save_file(torch.load('${pickle}'), '${WEIGHTS}', metadata={'format': 'pt'})`,
        );
    throw new FormatError(`${files.name}: there is neither ${WEIGHTS} nor ${WEIGHTS_INDEX}`);
  }

  keys(): string[] {
    return [...this.#files.keys()];
  }

  info(key: string): TensorInfo {
    return this.#file(key).info(key);
  }

  /** Copies a tensor of the file into one of the same shape, cast to its dtype and moved to its device, piece by piece. */
  async copyInto(key: string, target: Tensor): Promise<void> {
    const file = this.#file(key);
    const { shape, byteLength } = file.info(key);
    const rows = shape[0] ?? 0;
    // In float64 a file of float64 keeps all its digits.
    const options = target.dtype === 'float64' ? ({ dtype: 'float64' } as const) : {};
    const put = (make: MakeTensor, place: () => Tensor): void => {
      // Made where it is wanted: on the way over another device it would be there twice.
      const piece = make(target.device);
      scope(() => noGrad(() => void place().copy_(piece)));
      piece.dispose();
      this.#underway += PIECE_BYTES;
    };
    if (shape.length === 0) return put(await file.load(key, options), () => target);
    const step = Math.max(1, Math.floor((rows * PIECE_BYTES) / byteLength));
    for (let begin = 0; begin < rows; begin += step) {
      const end = Math.min(rows, begin + step);
      const make = await file.loadRows(key, begin, end, { ...options, scratch: this.#scratch });
      put(make, () => target.narrow(0, begin, end - begin));
      await this.#wait(target);
    }
  }

  /** Past a limit waits until the device has done what it was told: a value that comes back comes after all that was written. */
  async #wait(target: Tensor): Promise<void> {
    if (this.#underway < MOST_UNDERWAY) return;
    this.#underway = 0;
    const one = scope(() => noGrad(() => target.flatten().narrow(0, 0, 1).clone()));
    await one.data();
    one.dispose();
  }

  async close(): Promise<void> {
    for (const file of new Set(this.#files.values())) await file.close();
  }

  #file(key: string): File {
    const file = this.#files.get(key);
    if (file === undefined) throw new FormatError(`${this.name}: no tensor '${key}'`);
    return file;
  }
}

async function openShards<T>(files: ModelFiles, make: (name: string, map: ReadonlyMap<string, File>) => T): Promise<T> {
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
  const opened = new Map<string, File>();
  const byKey = new Map<string, File>();
  try {
    for (const [i, source] of (await files.sources(names)).entries())
      opened.set(names[i] ?? '', await openWith(source, makeTensor));
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
