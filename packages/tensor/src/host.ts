/** Between host arrays and device words: an element is one word (a float64 two, a float16 half), so most crossings are views, not conversions. */

import type { Backend } from './backend/backend.js';
import { DTYPES, type DType, type HostArray, type HostArrays, wordBytes } from './dtype.js';
import { ArgumentError, DTypeError } from './errors.js';
import { float16FromFloat32, float16ToFloat32 } from './half.js';
import type { Wanted } from './room.js';
import { Storage } from './storage.js';

/** Where dtypes are that not every device has. */
const ELSEWHERE: Partial<Record<DType, string>> = {
  float64: '; the CPU device has float64',
  float16: "; float16 needs a WebGPU adapter with the feature 'shader-f16'",
};

/** Throws unless tensors of a dtype can live on a device. */
export function checkSupported(op: string, backend: Backend, dtype: DType): void {
  if (backend.supports(dtype)) return;
  const others = DTYPES.filter((each) => backend.supports(each));
  throw new DTypeError(
    `${op}: ${dtype} tensors are not available on ${backend.kind}, which has ${others.join(', ')}${ELSEWHERE[dtype] ?? ''}`,
  );
}

/** A new storage with the elements of a host array, which is read before the call returns. */
export function uploadStorage(backend: Backend, data: ArrayLike<number>, dtype: DType, wanted: Wanted): Storage {
  checkSupported(wanted.name, backend, dtype);
  const words = toWords(data, dtype);
  const storage = new Storage(backend, dtype, data.length, wanted);
  backend.write(storage.buffer, 0, words);
  return storage;
}

/** Writes host elements, which are read before the call returns, over those of a storage from one on that begins a word; returns the bytes. */
export function uploadInto(storage: Storage, from: number, data: ArrayLike<number>): number {
  const words = toWords(data, storage.dtype);
  storage.backend.write(storage.buffer, from * wordBytes(storage.dtype), words);
  return words.byteLength;
}

/** @throws ArgumentError for a number that a dtype of whole numbers does not have. */
export function checkValues(data: ArrayLike<number>, dtype: DType): void {
  toWords(data, dtype);
}

function toWords(data: ArrayLike<number>, dtype: DType): Uint32Array {
  if (dtype === 'float32') {
    const floats = data instanceof Float32Array ? data : Float32Array.from(data);
    return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  }
  if (dtype === 'float64') {
    const doubles = data instanceof Float64Array ? data : Float64Array.from(data);
    return new Uint32Array(doubles.buffer, doubles.byteOffset, doubles.length * 2);
  }
  if (dtype === 'float16') {
    const words = new Uint32Array(Math.ceil(data.length / 2));
    const floats = data instanceof Float32Array ? data : Float32Array.from(data);
    new Uint16Array(words.buffer).set(float16FromFloat32(floats));
    return words;
  }
  if (dtype === 'bool') return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
  if (data instanceof Int32Array && dtype === 'int32')
    return new Uint32Array(data.buffer, data.byteOffset, data.length);
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
  const integers = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!(value >= low && value <= high))
      throw new ArgumentError(`tensor: value ${value} cannot be converted to type ${dtype} without overflow`);
    integers[i] = value;
  }
  return new Uint32Array(integers.buffer);
}

/** Device words as a host array of their dtype. */
export function fromWords<D extends DType>(bytes: ArrayBuffer, dtype: D): HostArrays[D] {
  const convert: { [K in DType]: () => HostArray } = {
    float32: () => new Float32Array(bytes),
    float16: () => float16ToFloat32(new Uint16Array(bytes)),
    float64: () => new Float64Array(bytes),
    int32: () => new Int32Array(bytes),
    uint8: () => Uint8Array.from(new Uint32Array(bytes)),
    bool: () => Uint8Array.from(new Uint32Array(bytes)),
  };
  return convert[dtype]() as HostArrays[D];
}
