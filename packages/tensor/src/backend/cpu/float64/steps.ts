/**
 * What a step of a fused program does to single elements when it runs in TypeScript. The table's own references say it for doubles;
 * float32 steps round after each, integers wrap, truth values are 0 and 1: the meaning that the WebAssembly primitives have.
 */
import type { DType } from '../../../dtype.js';
import type { Step } from '../../../fuse/program.js';
import { type PointwiseName, pointwiseTable } from '../../../ops/pointwise/table.js';

/** A function of as many arguments as the step has. */
export type ElementFunction = (a: number, b: number, c: number) => number;

/** Towards 0, cut to the range of int32; NaN gives 0. */
function truncate(x: number): number {
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)) | 0;
}

const CASTS: Readonly<Record<DType, (x: number) => number>> = {
  float64: (x) => x,
  float32: Math.fround,
  float16: Math.fround,
  int32: truncate,
  uint8: (x) => truncate(x) & 255,
  // NaN is not 0.
  bool: (x) => (x === 0 ? 0 : 1),
};

/** A number in a dtype: floats lose their fraction towards integers and saturate, uint8 keeps the low eight bits. */
export function castTo(dtype: DType): (x: number) => number {
  return CASTS[dtype];
}

/** Ops whose meaning for whole numbers is not that of doubles cut to 32 bits. */
const WHOLE: Partial<Record<PointwiseName, (a: number, b: number) => number>> = {
  mul: Math.imul,
  remainder: (a, b) => (b === 0 ? 0 : pointwiseTable.remainder.reference(a, b)),
  floorDivide: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
};

const WRAPS: Partial<Record<DType, (x: number) => number>> = {
  float32: Math.fround,
  int32: (x) => x | 0,
  uint8: (x) => x & 255,
  bool: (x) => x & 1,
};

/** The function of a step. Steps that read the element's place (`index`, `uniform`) are the interpreter's. */
export function elementFunction({ op, type, dtype }: Step): ElementFunction {
  if (op === 'cast') return castTo(dtype);
  const { reference } = pointwiseTable[op];
  const isWhole = type === 'int32' || type === 'uint8';
  const exact = (isWhole && WHOLE[op]) || reference;
  const wrap = WRAPS[dtype];
  return wrap ? (a, b, c) => wrap(exact(a, b, c)) : exact;
}
