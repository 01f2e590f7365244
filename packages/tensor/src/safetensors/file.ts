/**
 * An open safetensors file. Opening reads the header alone; each tensor is read when it is asked for, so a checkpoint
 * larger than memory can be used one tensor at a time.
 */
import type { DType, HostArray } from '../dtype.js';
import { ArgumentError, DisposedError } from '../errors.js';
import type { RandomAccess } from '../platform/random-access.js';
import { decode, elementSize, type HostTensor, type LoadOptions, type SafetensorsDType } from './dtypes.js';
import { type Header, headerLength, LENGTH_BYTES, parseHeader, type TensorEntry } from './header.js';
import { openSource, type Source } from './source.js';

/** What the header says of a tensor. */
export interface TensorInfo {
  /** The file's name of the element type. */
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** Options of `loadRows` and `elements`. */
export interface LoadRowsOptions extends LoadOptions {
  /** Memory to read into, where the source can and it is large enough: one buffer for many pieces, each of which is used before the next is read. */
  readonly scratch?: ArrayBuffer;
}

/** Makes what `load` returns out of a host array: the one thing this folder needs to know of tensors for reading. */
export type FromHost<T> = (data: HostArray, shape: readonly number[], dtype: DType, name: string) => T;

/** An open safetensors file, whose `load` gives a `T`. */
export class SafetensorsFile<T> {
  readonly #source: RandomAccess;
  readonly #header: Header;
  readonly #dataStart: number;
  readonly #fromHost: FromHost<T>;
  #closed = false;

  /** Use `open`. */
  constructor(source: RandomAccess, header: Header, dataStart: number, fromHost: FromHost<T>) {
    this.#source = source;
    this.#header = header;
    this.#dataStart = dataStart;
    this.#fromHost = fromHost;
  }

  /** What messages call the file: its path or URL, where it has one. */
  get name(): string {
    return this.#source.name;
  }

  /** The free-form strings of the header's `__metadata__`; `{ format: 'pt' }` in files that PyTorch programs saved. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  /** Names of the tensors, in the order of their bytes in the file. */
  keys(): string[] {
    return [...this.#header.tensors.keys()];
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.#header.tensors.has(name);
  }

  /** @throws ArgumentError when there is no such tensor. */
  info(name: string): TensorInfo {
    const { dtype, shape, begin, end } = this.#entry(name);
    return { dtype, shape: [...shape], byteLength: end - begin };
  }

  /**
   * The bytes of a tensor as they stand in the file, little-endian and row-major, in a buffer of their own.
   *
   * @throws ArgumentError when there is no such tensor.
   * @throws FormatError when the file has become shorter since it was opened.
   */
  async bytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { begin, end } = this.#entry(name);
    if (this.#closed) throw new DisposedError(`${this.name}: tensor '${name}' cannot be read: the file was closed`);
    return this.#source.read(this.#dataStart + begin, end - begin);
  }

  /**
   * A tensor as a host array: F64, F32, F16 and BF16 as float32 values (or float64: `{ dtype: 'float64' }`), integers as int32, U8 as uint8, BOOL as bool.
   *
   * @throws FormatError for a 64-bit or unsigned value that int32 cannot hold.
   * @throws DTypeError for the 8-bit float types.
   */
  async array(name: string, options?: LoadOptions): Promise<HostTensor> {
    const { dtype, shape } = this.#entry(name);
    return decode(await this.bytes(name), dtype, [...shape], `${this.name}: tensor '${name}'`, options);
  }

  /** A tensor on the default device, of the dtype that `array` gives; errors as there. */
  async load(name: string, options?: LoadOptions): Promise<T> {
    const { data, shape, dtype } = await this.array(name, options);
    return this.#fromHost(data, shape, dtype, `${this.name}: tensor '${name}'`);
  }

  /**
   * The rows [begin, end) of a tensor, as `get_slice(name)[begin:end]` in Python: what a large one is read by piece by piece.
   *
   * @throws ArgumentError when there is no such tensor or no such rows; else as {@link SafetensorsFile.array}.
   */
  async loadRows(name: string, begin: number, end: number, options: LoadRowsOptions = {}): Promise<T> {
    const entry = this.#entry(name);
    const [rows, ...rest] = entry.shape;
    if (
      rows === undefined ||
      !(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= rows)
    )
      throw new ArgumentError(
        `${this.name}: tensor '${name}' of shape [${entry.shape.join(', ')}] has no rows ${begin} to ${end}`,
      );
    const width = rest.reduce((product, size) => product * size, 1);
    const { data, dtype } = await this.elements(name, begin * width, end * width, options);
    return this.#fromHost(data, [end - begin, ...rest], dtype, `${this.name}: tensor '${name}'`);
  }

  /**
   * The elements [begin, end) of a tensor, counted row by row, as a flat host array.
   *
   * @throws ArgumentError when there is no such tensor or no such elements; else as {@link SafetensorsFile.array}.
   */
  async elements(name: string, begin: number, end: number, options: LoadRowsOptions = {}): Promise<HostTensor> {
    const entry = this.#entry(name);
    const count = entry.shape.reduce((product, size) => product * size, 1);
    if (!(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= count))
      throw new ArgumentError(`${this.name}: tensor '${name}' of ${count} elements has none from ${begin} to ${end}`);
    if (this.#closed) throw new DisposedError(`${this.name}: tensor '${name}' cannot be read: the file was closed`);
    const size = elementSize(entry.dtype);
    const [offset, length] = [this.#dataStart + entry.begin + begin * size, (end - begin) * size];
    const { scratch } = options;
    let bytes: Uint8Array<ArrayBuffer>;
    if (scratch && this.#source.readInto && length <= scratch.byteLength) {
      bytes = new Uint8Array(scratch, 0, length);
      await this.#source.readInto(bytes, offset);
    } else bytes = await this.#source.read(offset, length);
    return decode(bytes, entry.dtype, [end - begin], `${this.name}: tensor '${name}'`, options);
  }

  /** Closes the file. What was read stays valid. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #entry(name: string): TensorEntry {
    const entry = this.#header.tensors.get(name);
    if (entry !== undefined) return entry;
    const keys = this.keys();
    const some = keys.slice(0, 5).map((key) => `'${key}'`);
    if (keys.length > some.length) some.push('…');
    throw new ArgumentError(`${this.name}: no tensor '${name}' among its ${keys.length}: ${some.join(', ')}`);
  }
}

/** Opens a file whose `load` makes its tensors by `fromHost`; everything else is as `open` says. */
export async function openWith<T>(source: Source, fromHost: FromHost<T>): Promise<SafetensorsFile<T>> {
  const bytes = await openSource(source);
  try {
    const first = await bytes.read(0, Math.min(LENGTH_BYTES, bytes.size));
    const length = headerLength(bytes.name, first, bytes.size);
    const dataStart = LENGTH_BYTES + length;
    const header = parseHeader(bytes.name, await bytes.read(LENGTH_BYTES, length), bytes.size - dataStart);
    return new SafetensorsFile(bytes, header, dataStart, fromHost);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
