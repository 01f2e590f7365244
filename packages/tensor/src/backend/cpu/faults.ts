/** What kernels say of an index outside its table: one wording for the WebAssembly kernels and those in TypeScript. */
import { ArgumentError } from '../../errors.js';

/** An index of whole rows. */
export function rowOutOfRange(op: string, index: number, position: number, tableRows: number): ArgumentError {
  return new ArgumentError(
    `${op}: index ${index} at position ${position} is out of range for a table of ${tableRows} rows (0 to ${tableRows - 1})`,
  );
}

/** An index along a dim. */
export function indexOutOfBounds(op: string, index: number, dim: number, size: number): ArgumentError {
  return new ArgumentError(`${op}: index ${index} is out of bounds for dimension ${dim} with size ${size}`);
}

/** A class number of a loss. */
export function targetOutOfBounds(target: number, position: number, classes: number): ArgumentError {
  return new ArgumentError(
    `crossEntropy: target ${target} at position ${position} is out of bounds for ${classes} classes`,
  );
}
