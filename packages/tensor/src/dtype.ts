/**
 * Element types and the rules between them. Names and promotion are PyTorch's. On a device every float32, int32, uint8
 * and bool element occupies one 32-bit word (a float64 two, two float16 one), so that all kernels, SIMD or WGSL, walk the same lanes.
 */
import { DTypeError } from './errors.js';

/** The element types, by PyTorch's names. */
export type DType = 'float32' | 'float16' | 'float64' | 'int32' | 'uint8' | 'bool';

/** The host array that holds each dtype's elements; bool holds 0 and 1. */
export interface HostArrays {
  float32: Float32Array;
  float16: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** A host array of some dtype. */
export type HostArray = HostArrays[DType];

/** The kinds of number, in the order of promotion: a bool yields to an integer, an integer to a float. */
export type Category = 'bool' | 'int' | 'float';

const RECORDS: Record<DType, { readonly category: Category; readonly rank: number }> = {
  bool: { category: 'bool', rank: 0 },
  uint8: { category: 'int', rank: 1 },
  int32: { category: 'int', rank: 2 },
  float16: { category: 'float', rank: 3 },
  float32: { category: 'float', rank: 4 },
  float64: { category: 'float', rank: 5 },
};

/** All dtypes, narrow ones first. */
export const DTYPES = Object.keys(RECORDS) as DType[];

const CATEGORY_ORDER: readonly Category[] = ['bool', 'int', 'float'];

/** Whether a dtype holds truth values, whole numbers or fractions. */
export function categoryOf(dtype: DType): Category {
  return RECORDS[dtype].category;
}

/** Whether a dtype can carry gradients. */
export function isFloating(dtype: DType): boolean {
  return RECORDS[dtype].category === 'float';
}

/** The dtype that holds values of both, as `torch.promote_types`. */
export function promoteTypes(a: DType, b: DType): DType {
  return RECORDS[a].rank >= RECORDS[b].rank ? a : b;
}

/** The category of a JavaScript number beside a tensor: whole numbers count as integers, as Python's `int` does. */
export function numberCategory(value: number): Category {
  return Number.isInteger(value) ? 'int' : 'float';
}

/** The dtype of `tensor op number`: the number only lifts the tensor's category, never its width. */
export function promoteWithNumber(dtype: DType, value: number): DType {
  const lifted = numberCategory(value);
  if (CATEGORY_ORDER.indexOf(lifted) <= CATEGORY_ORDER.indexOf(categoryOf(dtype))) return dtype;
  return lifted === 'float' ? 'float32' : 'int32';
}

/** Throws a `DTypeError` unless the value names a dtype. */
export function checkDType(value: string): DType {
  if (value in RECORDS) return value as DType;
  throw new DTypeError(`unknown dtype '${value}': it may be ${Object.keys(RECORDS).join(', ')}`);
}

/** A new, zeroed host array for `length` elements of a dtype. */
export function hostArray<D extends DType>(dtype: D, length: number): HostArrays[D] {
  const make: { [K in DType]: (n: number) => HostArrays[K] } = {
    float32: (n) => new Float32Array(n),
    float16: (n) => new Float32Array(n),
    float64: (n) => new Float64Array(n),
    int32: (n) => new Int32Array(n),
    uint8: (n) => new Uint8Array(n),
    bool: (n) => new Uint8Array(n),
  };
  return make[dtype](length);
}

/** Bytes of one element on a device. */
export function wordBytes(dtype: DType): number {
  return dtype === 'float64' ? 8 : dtype === 'float16' ? 2 : 4;
}
