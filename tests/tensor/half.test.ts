// Half precision against the definition of IEEE 754 binary16: every half, and roundings between neighbours.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float16FromFloat32, float16ToFloat32 } from '../../packages/tensor/src/half.js';

describe('half precision', () => {
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const widened = float16ToFloat32(every);

  it('widens each half to its value', () => {
    for (const half of every) {
      const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 0x3ff];
      // IEEE 754: subnormals, normals, infinities and NaN.
      const special = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
      const finite = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      const expected = exponent === 31 ? special : sign * finite;
      if (!Object.is(widened[half], expected)) expect([half, widened[half]]).toEqual([half, expected]);
    }
  });

  it('narrows each half to itself', () => {
    const isNaNBits = (half: number) => (half & 0x7fff) > 0x7c00;
    const back = float16FromFloat32(widened);
    for (const half of every) {
      const got = back[half] ?? 0;
      if (isNaNBits(half)) expect(isNaNBits(got)).toBe(true);
      else if (got !== half) expect(got).toBe(half);
    }
  });

  it('narrows what lies between two halves to the nearer one, to the even one from the middle', async () => {
    const largest = 0x7bff;
    await fc.assert(
      fc.property(
        fc.nat({ max: largest }),
        fc.constantFrom(1, -1),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (half, sign, part) => {
          const low = widened[half] ?? 0;
          // Beyond the largest half rounding goes on as if 65536 were one.
          const high = half === largest ? 65536 : (widened[half + 1] ?? 0);
          const value = Math.fround(low + part * (high - low));
          const middle = (low + high) / 2;
          const expected = value < middle || (value === middle && half % 2 === 0) ? half : half + 1;
          const got = float16FromFloat32(Float32Array.of(sign * value))[0] ?? 0;
          expect(got).toBe(expected | (sign < 0 ? 0x8000 : 0));
        },
      ),
      {
        numRuns: 3000,
        seed: 23,
        examples: [
          [0, 1, 0.5],
          [1, -1, 0.5],
          [largest, 1, 0.5],
          [1023, 1, 0.5],
          [largest, 1, 0.499],
        ],
      },
    );
  });
});
