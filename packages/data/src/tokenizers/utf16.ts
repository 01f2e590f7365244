/** Surrogates, named: the text work of this package is done on UTF-16 code units, as JavaScript stores strings. */

export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

export function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

export function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}

/** The code point of a surrogate pair. */
export function fromSurrogates(high: number, low: number): number {
  return ((high - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
}
