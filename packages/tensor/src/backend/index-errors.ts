/**
 * What is said of an index out of range, on every device. A device that finds it at once also knows where it stands; one that reports at
 * the next read knows the index alone.
 */
import { ArgumentError } from '../errors.js';

const at = (position: number | undefined): string => (position === undefined ? '' : ` at position ${position}`);

/** An index of whole rows. */
export function rowOutOfRange(op: string, index: number, tableRows: number, position?: number): ArgumentError {
  return new ArgumentError(
    `${op}: index ${index}${at(position)} is out of range for a table of ${tableRows} rows (0 to ${tableRows - 1})`,
  );
}

/** An index along a dim. */
export function indexOutOfBounds(op: string, dim: number, index: number, size: number): ArgumentError {
  return new ArgumentError(`${op}: index ${index} is out of bounds for dimension ${dim} with size ${size}`);
}

/** A class number of a loss. */
export function targetOutOfBounds(target: number, classes: number, position?: number): ArgumentError {
  return new ArgumentError(`crossEntropy: target ${target}${at(position)} is out of bounds for ${classes} classes`);
}
