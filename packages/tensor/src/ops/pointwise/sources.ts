/** Ops that make values out of nothing but the element's place, and the change of dtype. */
import type { PointwiseOp } from './record.js';

/** The upper and the lower word of a product of 32-bit words. */
function product(a: number, b: number): [high: number, low: number] {
  const upper = (a >>> 16) * b;
  const lower = (a & 0xffff) * b;
  // Both partial products have 48 bits, and so has the sum without what the lower word keeps.
  const high = Math.floor((upper + Math.floor(lower / 2 ** 16)) / 2 ** 16);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

/** Philox4x32-10 (Salmon et al. 2011): four random words from a counter and a key; the same bits on every backend. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = product(0xd2511f53, c0);
    const [high1, low1] = product(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The uniform value in [0, 1) at a place of the stream: the top 24 bits of word `index % 4` of block `index / 4`. */
export function philoxUniform(index: number, seedLow: number, seedHigh: number, offset: number): number {
  const words = philox([Math.floor(index / 4), offset >>> 0, 0, 0], [seedLow >>> 0, seedHigh >>> 0]);
  return ((words[index % 4] ?? 0) >>> 8) * 2 ** -24;
}

export const sources = {
  /** The row-major index of the element in the kernel's shape, int32. Only in programs over a shape that was not permuted. */
  index: {
    arity: 0,
    domain: ['int'],
    result: 'same',
    reference: () => 0,
    wgsl: (_, { call }) => call('linearIndex'),
    samples: { intervals: [] },
  },
  /** {@link philoxUniform} at the element's row-major index; the arguments are int32 scalars: seed low, seed high, offset. */
  uniform: {
    arity: 3,
    domain: ['int'],
    result: 'float32',
    reference: () => 0,
    wgsl: (args, { call }) => call('philoxUniform', ...args),
    samples: { intervals: [] },
  },
  /**
   * To the dtype of the step: floats lose their fraction towards int and saturate, NaN becomes 0; uint8 keeps the low eight bits; anything
   * but 0 is true, NaN too.
   */
  cast: {
    arity: 1,
    domain: ['bool', 'int', 'float'],
    result: 'same',
    reference: (x) => x,
    wgsl: ([x = ''], { type }) => `${type}(${x})`,
    samples: { intervals: [[-10, 10]] },
  },
} as const satisfies Record<string, PointwiseOp>;
