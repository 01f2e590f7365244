/** Ops that make values out of nothing but the element's place, and the change of dtype. */
import type { PointwiseOp } from './record.js';

/** Philox4x32-10 (Salmon et al. 2011): four random words from a counter and a key; the same bits on every backend. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const p0 = BigInt(c0 >>> 0) * 0xd2511f53n;
    const p1 = BigInt(c2 >>> 0) * 0xcd9e8d57n;
    const high0 = Number(p0 >> 32n);
    const high1 = Number(p1 >> 32n);
    [c0, c1, c2, c3] = [
      (high1 ^ c1 ^ k0) >>> 0,
      Number(p1 & 0xffffffffn),
      (high0 ^ c3 ^ k1) >>> 0,
      Number(p0 & 0xffffffffn),
    ];
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
  /** To the dtype of the step: floats lose their fraction towards int, anything but 0 is true. */
  cast: {
    arity: 1,
    domain: ['bool', 'int', 'float'],
    result: 'same',
    reference: (x) => x,
    wgsl: ([x = ''], { type }) => `${type}(${x})`,
    samples: { intervals: [[-10, 10]] },
  },
} as const satisfies Record<string, PointwiseOp>;
