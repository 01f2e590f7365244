/**
 * The element types of safetensors files: their sizes and order, and how their little-endian bytes become host arrays of
 * ours and back. Every platform that runs JavaScript today is little-endian, so typed arrays read the bytes as they are.
 */
import type { DType, HostArrays } from '../dtype.js';
import { ArgumentError, DTypeError, FormatError } from '../errors.js';
import { float16FromFloat32, float16ToFloat32 } from '../half.js';

/** An element type of a safetensors file. */
export type SafetensorsDType =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'F8_E5M2'
  | 'F8_E4M3'
  | 'I16'
  | 'U16'
  | 'F16'
  | 'BF16'
  | 'I32'
  | 'U32'
  | 'F32'
  | 'F64'
  | 'I64'
  | 'U64';

/** Bytes of an element, in the reference implementation's order, which decides how tensors are sorted in a file. */
const SIZES: Record<SafetensorsDType, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

export const SAFETENSORS_DTYPES = Object.keys(SIZES) as SafetensorsDType[];

const OF_OURS: Record<DType, SafetensorsDType> = {
  float32: 'F32',
  float16: 'F16',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

export function isSafetensorsDType(value: unknown): value is SafetensorsDType {
  return typeof value === 'string' && Object.hasOwn(SIZES, value);
}

/** The file's name of a dtype that is given by either name. */
export function safetensorsDType(dtype: DType | SafetensorsDType, tensor: string): SafetensorsDType {
  if (isSafetensorsDType(dtype)) return dtype;
  if (Object.hasOwn(OF_OURS, dtype)) return OF_OURS[dtype];
  const known = [...Object.keys(OF_OURS), ...SAFETENSORS_DTYPES].join(', ');
  throw new DTypeError(`tensor '${tensor}': unknown dtype '${String(dtype)}': it may be ${known}`);
}

/** Bytes of one element. */
export function elementSize(dtype: SafetensorsDType): number {
  return SIZES[dtype];
}

/** A tensor on the host, of a dtype that a device can hold. */
export type HostTensor = {
  [D in DType]: {
    readonly dtype: D;
    readonly data: HostArrays[D];
    readonly shape: readonly number[];
  };
}[DType];

/** What floats of a file become. */
export interface LoadOptions {
  /**
   * float32 (default); float64, in which F64 keeps all its digits; or float16, rounded, in half the memory of the device. Other kinds of number
   * are not touched.
   */
  readonly dtype?: 'float16' | 'float32' | 'float64';
}

/** Elements as numbers, or their bytes as they stand in a file. */
export type HostValues = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Whole numbers of 64 bits, as pairs of 32-bit words, to int32. */
function narrow64(words: Int32Array, signed: boolean, where: string): Int32Array {
  const out = new Int32Array(words.length / 2);
  for (let i = 0; i < out.length; i++) {
    const lo = words[2 * i] ?? 0;
    const hi = words[2 * i + 1] ?? 0;
    if (hi !== (signed ? lo >> 31 : 0) || (!signed && lo < 0)) {
      const value = (BigInt(signed ? hi : hi >>> 0) << 32n) | BigInt(lo >>> 0);
      throw outOfInt32(where, i, value);
    }
    out[i] = lo;
  }
  return out;
}

function outOfInt32(where: string, index: number, value: number | bigint): FormatError {
  return new FormatError(`${where}: element ${index} is ${value}, which int32 cannot hold`);
}

/**
 * The bytes of a tensor as a host array: floats of any width become float32 (or float64 where that is asked for), integers int32, U8 and BOOL stay bytes.
 * Values outside the range of float32 become infinite, as every conversion to float32 does.
 *
 * @param where The file and the tensor, for messages.
 * @throws FormatError for a whole number that int32 cannot hold.
 * @throws DTypeError for the 8-bit float types, which only `bytes` reads.
 */
export function decode(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: SafetensorsDType,
  shape: readonly number[],
  where: string,
  { dtype: float = 'float32' }: LoadOptions = {},
): HostTensor {
  const { buffer, byteOffset, length } = bytes;
  const count = length / SIZES[dtype];
  const ints = (data: Int32Array): HostTensor => ({ dtype: 'int32', data, shape });
  const floats = (data: Float32Array | Float64Array): HostTensor =>
    float === 'float64'
      ? { dtype: 'float64', data: data instanceof Float64Array ? data : Float64Array.from(data), shape }
      : { dtype: float, data: data instanceof Float32Array ? data : Float32Array.from(data), shape };
  switch (dtype) {
    case 'F32':
      return floats(new Float32Array(buffer, byteOffset, count));
    case 'F64':
      return floats(new Float64Array(buffer, byteOffset, count));
    case 'F16':
      return floats(float16ToFloat32(new Uint16Array(buffer, byteOffset, count)));
    case 'BF16': {
      const words = Uint32Array.from(new Uint16Array(buffer, byteOffset, count), (half) => half << 16);
      return floats(new Float32Array(words.buffer));
    }
    case 'I64':
      return ints(narrow64(new Int32Array(buffer, byteOffset, 2 * count), true, where));
    case 'U64':
      return ints(narrow64(new Int32Array(buffer, byteOffset, 2 * count), false, where));
    case 'I32':
      return ints(new Int32Array(buffer, byteOffset, count));
    case 'U32': {
      const data = new Int32Array(buffer, byteOffset, count);
      const wrapped = data.findIndex((value) => value < 0);
      if (wrapped >= 0) throw outOfInt32(where, wrapped, (data[wrapped] ?? 0) >>> 0);
      return ints(data);
    }
    case 'I16':
      return ints(Int32Array.from(new Int16Array(buffer, byteOffset, count)));
    case 'U16':
      return ints(Int32Array.from(new Uint16Array(buffer, byteOffset, count)));
    case 'I8':
      return ints(Int32Array.from(new Int8Array(buffer, byteOffset, count)));
    case 'U8':
      return { dtype: 'uint8', data: bytes, shape };
    case 'BOOL':
      return { dtype: 'bool', data: bytes.map((value) => (value === 0 ? 0 : 1)), shape };
    case 'F8_E5M2':
    case 'F8_E4M3':
      throw new DTypeError(`${where}: no dtype of ours holds ${dtype}; bytes() reads it as it stands`);
  }
}

const INTEGERS: Partial<
  Record<SafetensorsDType, { low: number; high: number; pack: (values: Int32Array) => ArrayBufferView }>
> = {
  U8: { low: 0, high: 0xff, pack: (values) => Uint8Array.from(values) },
  I8: { low: -0x80, high: 0x7f, pack: (values) => Int8Array.from(values) },
  I16: { low: -0x8000, high: 0x7fff, pack: (values) => Int16Array.from(values) },
  U16: { low: 0, high: 0xffff, pack: (values) => Uint16Array.from(values) },
  I32: { low: -0x80000000, high: 0x7fffffff, pack: (values) => values },
  U32: { low: 0, high: 0x7fffffff, pack: (values) => values },
  I64: { low: -0x80000000, high: 0x7fffffff, pack: widen64 },
  U64: { low: 0, high: 0x7fffffff, pack: widen64 },
};

function widen64(values: Int32Array): Int32Array {
  const words = new Int32Array(2 * values.length);
  for (const [i, value] of values.entries()) {
    words[2 * i] = value;
    words[2 * i + 1] = value >> 31;
  }
  return words;
}

const FLOATS: Partial<Record<SafetensorsDType, (values: Float32Array | Float64Array) => ArrayBufferView>> = {
  F64: (values) => (values instanceof Float64Array ? values : Float64Array.from(values)),
  F32: (values) => (values instanceof Float32Array ? values : Float32Array.from(values)),
  F16: (values) => float16FromFloat32(values instanceof Float32Array ? values : Float32Array.from(values)),
  BF16: (values) => bfloat16FromFloat32(values instanceof Float32Array ? values : Float32Array.from(values)),
};

/** Rounds to the nearest bfloat16, halves to even; NaN stays NaN. */
function bfloat16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) =>
    (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16,
  );
}

/**
 * The bytes to write for a tensor. Bytes stay as they are; floats are rounded to the nearest value of a float type, and
 * int32 values are written as any integer type that holds them.
 *
 * @param where The tensor, for messages.
 * @throws DTypeError when the array's kind of number is not the dtype's.
 * @throws ArgumentError for a whole number that the dtype cannot hold.
 */
export function encode(values: HostValues, dtype: SafetensorsDType, where: string): Uint8Array {
  if (values instanceof Uint8Array) return values;
  let packed: ArrayBufferView | undefined;
  if (values instanceof Int32Array) {
    const type = INTEGERS[dtype];
    if (type !== undefined) {
      const outside = values.findIndex((value) => value < type.low || value > type.high);
      if (outside >= 0) {
        throw new ArgumentError(`${where}: element ${outside} is ${values[outside]}, which ${dtype} cannot hold`);
      }
      packed = type.pack(values);
    }
  } else {
    packed = FLOATS[dtype]?.(values);
  }
  if (packed === undefined) {
    throw new DTypeError(
      `${where}: ${dtype} cannot be written from a ${values.constructor.name}: floats need a Float32Array or Float64Array, ` +
        'integers an Int32Array, and every dtype takes its bytes as a Uint8Array',
    );
  }
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}
