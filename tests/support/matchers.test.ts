import { describe, expect, it } from 'vitest';
import { ulpDistance } from './matchers.js';

/** What a failing expectation says. */
function messageOf(check: () => void): string {
  try {
    check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'passed';
}

describe('toBeClose', () => {
  it('accepts what lies within atol + rtol * |expected|, at the bound included', () => {
    expect([1.5, -2]).toBeClose([1, -2], { atol: 0.5 });
    expect([[110]]).toBeClose([[100]], { rtol: 0.1 });
    expect(Float32Array.of(1, 2)).toBeClose([1, 2]);
    expect(3).toBeClose(3.25, { atol: 0.25 });
    expect([1.5]).not.toBeClose([1], { atol: 0.49 });
  });

  it('names the element furthest beyond its bound, both values, and the distance in ulps', () => {
    const next = 1 + 2 ** -23;
    const message = messageOf(() =>
      expect([
        [1, 2],
        [next, 4],
      ]).toBeClose([
        [1, 2],
        [1, 4],
      ]),
    );
    expect(message).toContain('1 of 4 elements');
    expect(message).toContain(`worst at [1, 0]: got ${next}, expected 1`);
    expect(message).toContain('1 ulp');
  });

  it('treats NaN as equal to NaN only, and infinities as equal to themselves only, whatever the tolerance', () => {
    const loose = { rtol: 1, atol: 1e30 };
    expect([Number.NaN, Number.POSITIVE_INFINITY]).toBeClose([Number.NaN, Number.POSITIVE_INFINITY]);
    expect([Number.NaN]).not.toBeClose([1], loose);
    expect([1]).not.toBeClose([Number.NaN], loose);
    expect([1]).not.toBeClose([Number.POSITIVE_INFINITY], loose);
    expect([Number.NEGATIVE_INFINITY]).not.toBeClose([Number.POSITIVE_INFINITY], loose);
  });

  it('compares shapes and broadcasts nothing', () => {
    expect(messageOf(() => expect([1, 1]).toBeClose([[1], [1]]))).toContain('got [2], expected [2, 1]');
    expect(messageOf(() => expect([1, 1]).toBeClose(1))).toContain('got [2], expected []');
    expect([]).toBeClose([]);
    expect(messageOf(() => expect([[1], [1, 2]]).toBeClose([[1], [1]]))).toContain('ragged');
    expect(messageOf(() => expect('1').toBeClose(1))).toContain('got string 1');
  });
});

describe('ulpDistance', () => {
  it('counts representable float32 values between its arguments, across zero too', () => {
    expect(ulpDistance(1, 1 + 2 ** -23)).toBe(1);
    expect(ulpDistance(0, -0)).toBe(0);
    expect(ulpDistance(2 ** -149, -(2 ** -149))).toBe(2);
    expect(ulpDistance(1, Number.NaN)).toBe(Number.POSITIVE_INFINITY);
  });
});
