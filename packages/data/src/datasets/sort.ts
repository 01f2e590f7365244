/** The order of values: numbers by size, texts by code points (which is the order of UTF-8), what is missing last or first. */
import { ArgumentError } from '@course/tensor';

/** How `sort` orders. */
export interface SortOptions {
  /** Largest first; one for all columns, or one for each. */
  readonly reverse?: boolean | readonly boolean[];
  /** Where null and undefined go; `at_end` by default, also in reverse. */
  readonly nullPlacement?: 'at_end' | 'at_start';
}

/** Compares texts by code points; plain comparison would put what lies beyond the basic plane too early. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    if (isSurrogate(x) !== isSurrogate(y)) return isSurrogate(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

function compareValues(name: string, a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const isNumeric = (value: unknown): value is number | bigint | boolean | Date =>
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Date;
  if (isNumeric(a) && isNumeric(b)) {
    // NaN comes after all numbers.
    const [aIsNaN, bIsNaN] = [Number.isNaN(a), Number.isNaN(b)];
    if (aIsNaN || bIsNaN) return Number(aIsNaN) - Number(bIsNaN);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  throw new ArgumentError(
    `sort: the column ${name} must hold numbers, texts, truth values or dates of one kind, got ${typeof a} and ${typeof b}`,
  );
}

/** The order of rows by the values of columns; rows that compare equal keep theirs. */
export function sortedOrder(
  columns: readonly (readonly [name: string, values: readonly unknown[]])[],
  options: SortOptions,
): number[] {
  const { reverse = false, nullPlacement = 'at_end' } = options;
  if (typeof reverse === 'object' && reverse.length !== columns.length) {
    throw new ArgumentError(`sort: reverse has ${reverse.length} values for ${columns.length} columns`);
  }
  const missing = nullPlacement === 'at_end' ? 1 : -1;
  const length = columns[0]?.[1].length ?? 0;
  return Array.from({ length }, (_, i) => i).sort((i, j) => {
    for (const [k, [name, values]] of columns.entries()) {
      const [a, b] = [values[i] ?? undefined, values[j] ?? undefined];
      if (a === undefined && b === undefined) continue;
      if (a === undefined || b === undefined) return a === undefined ? missing : -missing;
      const order = compareValues(name, a, b);
      if (order !== 0) return (typeof reverse === 'object' ? reverse[k] : reverse) ? -order : order;
    }
    return i - j;
  });
}
