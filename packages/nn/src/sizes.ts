/** Sizes and counts that callers give: whole, and at least 1. */
import { ArgumentError } from '@course/tensor';

/** @throws ArgumentError that names the class, or the function, and the size. */
export function checkSizes(name: string, sizes: Readonly<Record<string, number>>): void {
  for (const [key, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || size < 1)
      throw new ArgumentError(`${name}: ${key} must be a whole number of at least 1, got ${size}`);
}
