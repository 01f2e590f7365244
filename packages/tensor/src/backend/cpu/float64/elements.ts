/**
 * Operands of float64 kernels as typed arrays over linear memory. Views are made for each request and dropped with it: memory
 * that grows leaves older ones behind.
 */
import type { Dense } from '../../requests.js';
import type { Launcher } from '../launch.js';

/** Elements of any dtype; every dtype but the floats lies in int32 words. */
export type Elements = Float64Array | Float32Array | Int32Array;

/** An operand's elements from its first one to the end of its buffer. */
export function elements(launcher: Launcher, operand: Dense): Elements {
  const address = launcher.pointer(operand);
  const { buffer } = launcher.i32;
  const bytes = operand.dtype === 'float64' ? 8 : 4;
  const length = operand.buffer.byteLength / bytes - operand.offset;
  if (operand.dtype === 'float64') return new Float64Array(buffer, address, length);
  return operand.dtype === 'float32'
    ? new Float32Array(buffer, address, length)
    : new Int32Array(buffer, address, length);
}

/** All elements of an operand's buffer, to be read from `offset` on: strides may be negative. */
export function wholeBuffer(launcher: Launcher, operand: Dense): Elements {
  return elements(launcher, { ...operand, offset: 0 });
}

/** An operand's elements, if there is one. */
export function optional(launcher: Launcher, operand: Dense | undefined): Elements | undefined {
  return operand && elements(launcher, operand);
}

/** Σ term(i) for i in [begin, end) by halves, so that rounding errors grow like log(count). */
export function pairwise(begin: number, end: number, term: (i: number) => number): number {
  if (end - begin > 32) {
    const middle = begin + ((end - begin) >> 1);
    return pairwise(begin, middle, term) + pairwise(middle, end, term);
  }
  let total = 0;
  for (let i = begin; i < end; i++) total += term(i);
  return total;
}
