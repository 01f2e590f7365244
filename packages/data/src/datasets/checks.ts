/** Sizes and counts that callers give, checked. */
import { ArgumentError } from '@course/tensor';

/** @throws ArgumentError for a size that is not a positive whole number. */
export function checkSize(name: string, size: number): number {
  if (Number.isInteger(size) && size > 0) return size;
  throw new ArgumentError(`${name}: the size must be a positive whole number, got ${size}`);
}

/** @throws ArgumentError for a number of rows that is no whole number. */
export function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 0) return count;
  throw new ArgumentError(`${name}: the number of rows must be a whole number, got ${count}`);
}
