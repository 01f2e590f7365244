// The suite's own matcher: `expect(actual).toBeClose(expected, { rtol, atol })` on numbers, typed arrays and nested
// arrays of any depth. It follows numpy.testing.assert_allclose: |actual − expected| ≤ atol + rtol·|expected|, NaN equals
// NaN, infinities must be equal. A failure names the worst element, both values, and their distance in float32 ulps.
// Loaded for every test file by vitest.config.ts.
import { expect } from 'vitest';

/** A number or an array of them, nested to any depth; typed arrays count as arrays. */
export type Numbers = number | bigint | boolean | ArrayLike<number> | ArrayLike<bigint> | readonly Numbers[];

/** How far two elements may be apart. Both default to 0, which asks for equality (up to the sign of zero). */
export interface Tolerance {
  /** Allowed error relative to the expected value. */
  rtol?: number;
  /** Allowed absolute error. */
  atol?: number;
}

interface Matchers<R> {
  /**
   * Passes when every element of the value lies within `atol + rtol * |expected|` of its counterpart, and the nested
   * shapes are equal. A single expected number is compared with a single number only; nothing is broadcast.
   */
  toBeClose(expected: Numbers, tolerance?: Tolerance): R;
}

declare module 'vitest' {
  // The type parameter has to carry the name and the default that vitest gave it.
  interface Assertion<T> extends Matchers<T> {}
  interface AsymmetricMatchersContaining extends Matchers<unknown> {}
}

interface Flat {
  shape: number[];
  values: number[];
}

/** Row-major elements and shape; throws a TypeError for what is ragged or not made of numbers. */
function flatten(input: unknown): Flat {
  if (typeof input === 'number') return { shape: [], values: [input] };
  if (typeof input === 'bigint' || typeof input === 'boolean') return { shape: [], values: [Number(input)] };
  if (ArrayBuffer.isView(input) && !(input instanceof DataView)) {
    const values = Array.from(input as unknown as ArrayLike<number | bigint>, Number);
    return { shape: [values.length], values };
  }
  if (!Array.isArray(input))
    throw new TypeError(`toBeClose compares numbers and arrays of numbers, got ${describe(input)}`);
  const values: number[] = [];
  let inner: number[] | undefined;
  for (const [index, item] of input.entries()) {
    const flat = flatten(item);
    inner ??= flat.shape;
    if (flat.shape.join() !== inner.join()) {
      throw new TypeError(`toBeClose: ragged array: item ${index} is [${flat.shape}], item 0 is [${inner}]`);
    }
    for (const value of flat.values) values.push(value);
  }
  return { shape: [input.length, ...(inner ?? [])], values };
}

function describe(input: unknown): string {
  if (input === null || typeof input !== 'object') return `${typeof input} ${String(input)}`;
  return `an object of class ${input.constructor?.name ?? 'null prototype'}`;
}

const scratch = new DataView(new ArrayBuffer(4));

/** Place of a float32 on the line of all float32 values, so that neighbours differ by one and ±0 are one place. */
function ordinal(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getInt32(0);
  return bits < 0 ? -2147483648 - bits : bits;
}

/** Distance of two values in units of the last place of float32, after rounding both to float32. */
export function ulpDistance(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  return Math.abs(ordinal(a) - ordinal(b));
}

/** Row-major position → `[i, j, k]`. */
function indexAt(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

interface Worst {
  position: number;
  excess: number;
}

expect.extend({
  toBeClose(received: unknown, expectedInput: Numbers, { rtol = 0, atol = 0 }: Tolerance = {}) {
    const actual = flatten(received);
    const expected = flatten(expectedInput);
    if (actual.shape.join() !== expected.shape.join()) {
      return {
        pass: false,
        message: () => `shapes differ: got [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`,
      };
    }
    let failures = 0;
    // The element whose error is the largest multiple of what it may be: the one worth looking at first.
    let worst: Worst = { position: 0, excess: -1 };
    for (const [position, want] of expected.values.entries()) {
      const got = actual.values[position] ?? Number.NaN;
      const allowed = atol + rtol * Math.abs(want);
      const same = got === want || (Number.isNaN(got) && Number.isNaN(want));
      const error = same ? 0 : Math.abs(got - want);
      const within = same || (Number.isFinite(want) && error <= allowed);
      if (!within) failures += 1;
      const excess = same
        ? 0
        : Number.isFinite(error)
          ? error / (allowed || Number.MIN_VALUE)
          : Number.POSITIVE_INFINITY;
      if (excess > worst.excess) worst = { position, excess };
    }
    const got = actual.values[worst.position] ?? Number.NaN;
    const want = expected.values[worst.position] ?? Number.NaN;
    const where = expected.shape.length > 0 ? ` at [${indexAt(worst.position, expected.shape).join(', ')}]` : '';
    const error = Math.abs(got - want);
    return {
      pass: failures === 0,
      message: () =>
        failures === 0
          ? `all ${expected.values.length} elements are within rtol ${rtol}, atol ${atol}; expected at least one not to be`
          : [
              `${failures} of ${expected.values.length} elements are outside rtol ${rtol}, atol ${atol}`,
              `worst${where}: got ${got}, expected ${want}`,
              `error ${error.toExponential(3)} absolute, ${(error / Math.abs(want)).toExponential(3)} relative, ` +
                `${ulpDistance(got, want)} ulp; allowed ${(atol + rtol * Math.abs(want)).toExponential(3)}`,
            ].join('\n'),
    };
  },
});
