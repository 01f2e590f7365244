/**
 * What requests are made of: memory, and how elements lie in it. A *dense* operand is row-major without gaps from its offset on; offsets and
 * strides count elements.
 */
import type { DType } from '../dtype.js';

/** Device memory, opaque to everybody but the backend that allocated it. */
export interface DeviceBuffer {
  readonly byteLength: number;
}

/** Elements one behind the other in a buffer. */
export interface Dense {
  readonly buffer: DeviceBuffer;
  readonly dtype: DType;
  /** Of the first element, in elements. */
  readonly offset: number;
}

/** Elements at `offset + Σ index[d] * strides[d]`; a stride of 0 repeats. */
export interface Strided extends Dense {
  readonly strides: readonly number[];
}
