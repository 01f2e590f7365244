/**
 * Safetensors files written as the reference implementation writes them: tensors by descending alignment of their dtype,
 * then by name; a header padded with spaces to 8 bytes, so that every tensor of a file read into memory is aligned.
 */
import { writeFileAtomically } from '#platform';
import type { DType, HostArray } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { checkShape, formatShape, numel } from '../shape.js';
import {
  elementSize,
  encode,
  type HostValues,
  SAFETENSORS_DTYPES,
  type SafetensorsDType,
  safetensorsDType,
} from './dtypes.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY } from './header.js';

/** A tensor to write whose elements are at hand. */
export interface HostTensorInput {
  /** One of our dtypes, or the file's name of one (`'BF16'`, `'I64'`): the values are converted. */
  readonly dtype: DType | SafetensorsDType;
  readonly shape: readonly number[];
  /** Row-major elements; a `Uint8Array` is taken as the bytes to write, whatever the dtype. */
  readonly data: HostValues;
}

/** What writing needs to know of a tensor: a `Tensor` is one. */
export interface TensorLike {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major elements. */
  data(): Promise<HostArray>;
}

/** Tensors by name. */
export type Named<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

interface Planned<T> {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly tensor: T;
  readonly byteLength: number;
}

/** Orders strings as Rust does, by code points; `<` goes by UTF-16 units, which differs beyond U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** The order of the tensors and the bytes in front of them. */
function plan<T extends { dtype: DType | SafetensorsDType; shape: readonly number[] }>(
  tensors: Named<T>,
  metadata: Readonly<Record<string, string>> | undefined,
): { head: Uint8Array; order: Planned<T>[] } {
  const named = tensors instanceof Map ? [...tensors] : Object.entries<T>(tensors as Readonly<Record<string, T>>);
  const order = named.map(([name, tensor]): Planned<T> => {
    if (name === METADATA_KEY) throw new ArgumentError(`safetensors: a tensor cannot be named ${METADATA_KEY}`);
    if (/\p{Surrogate}/u.test(name)) {
      throw new ArgumentError(`safetensors: the tensor name ${JSON.stringify(name)} is not well-formed Unicode`);
    }
    const dtype = safetensorsDType(tensor.dtype, name);
    const byteLength = numel(checkShape(`tensor '${name}'`, tensor.shape)) * elementSize(dtype);
    return { name, dtype, tensor, byteLength };
  });
  const rank = (dtype: SafetensorsDType) => SAFETENSORS_DTYPES.indexOf(dtype);
  order.sort((a, b) => rank(b.dtype) - rank(a.dtype) || compareCodePoints(a.name, b.name));

  const members: string[] = [];
  if (metadata !== undefined) {
    const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
    if (wrong !== undefined) {
      throw new ArgumentError(
        `safetensors: metadata holds strings only, but '${wrong[0]}' is ${JSON.stringify(wrong[1])}`,
      );
    }
    members.push(`"${METADATA_KEY}":${JSON.stringify(metadata)}`);
  }
  let offset = 0;
  for (const { name, dtype, tensor, byteLength } of order) {
    const entry = { dtype, shape: tensor.shape, data_offsets: [offset, offset + byteLength] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += byteLength;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new ArgumentError(`safetensors: the header takes ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  }
  const head = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, LENGTH_BYTES);
  return { head, order };
}

function bytesOf(
  { name, dtype, tensor, byteLength }: Planned<{ shape: readonly number[] }>,
  data: HostValues,
): Uint8Array {
  const bytes = encode(data, dtype, `tensor '${name}'`);
  if (bytes.length !== byteLength) {
    throw new ShapeError(
      `tensor '${name}': shape ${formatShape(tensor.shape)} of ${dtype} takes ${byteLength} bytes, its data ${bytes.length}`,
    );
  }
  return bytes;
}

/**
 * The bytes of a safetensors file, as pieces to be written one after the other: the header, then each tensor. Pieces may
 * share memory with the tensors' data.
 *
 * @param metadata Free-form strings for `__metadata__`; `{ format: 'pt' }` is what transformers looks for.
 * @throws ArgumentError, DTypeError or ShapeError that names the tensor, when the file would not be valid.
 * @example
 * const bytes = serialize({ weight: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } });
 */
export function serialize(tensors: Named<HostTensorInput>, metadata?: Readonly<Record<string, string>>): Uint8Array[] {
  const { head, order } = plan(tensors, metadata);
  return [head, ...order.map((item) => bytesOf(item, item.tensor.data))];
}

/**
 * Writes a safetensors file, whole or not at all: a temporary file takes the path's place when it is complete. The data
 * of one tensor at a time is fetched from its device.
 *
 * @param metadata Free-form strings for `__metadata__`; `{ format: 'pt' }` is what transformers looks for.
 * @throws ArgumentError when the path cannot be written, or in a page, which has no files.
 * @throws ArgumentError, DTypeError or ShapeError that names the tensor, when the file would not be valid.
 * @example
 * await save('model.safetensors', model.stateDict(), { format: 'pt' });
 */
export async function save(
  path: string | URL,
  tensors: Named<HostTensorInput | TensorLike>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const { head, order } = plan<HostTensorInput | TensorLike>(tensors, metadata);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield head;
    for (const item of order) {
      const { tensor } = item;
      yield bytesOf(item, isTensorLike(tensor) ? await tensor.data() : tensor.data);
    }
  }
  await writeFileAtomically(path, chunks());
}

function isTensorLike(tensor: HostTensorInput | TensorLike): tensor is TensorLike {
  return typeof tensor.data === 'function';
}
