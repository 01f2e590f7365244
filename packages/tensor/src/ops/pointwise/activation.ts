/** Activations that are one kernel primitive because models are full of them. */
import { erfc } from './error-function.js';
import { fromInput, fromOutput, type PointwiseOp, unary } from './record.js';

const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

const normalDensity = (x: number) => INV_SQRT_2PI * Math.exp(-0.5 * x * x);

// In the tails GELU is a difference of nearly equal numbers: its bound is absolute, a few ulp of |x| (at most 10 here).
const tails = { cpu: { ulp: 2, absolute: 2 * 10 * 2 ** -24 }, webgpu: { ulp: 16, absolute: 4e-6 } };

export const activation = {
  relu: unary(
    (x) => (x > 0 ? x : Number.isNaN(x) ? x : 0),
    (x, { call }) => call('relu', x),
    fromOutput((g, y) => g.maskedFill(y.le(0), 0)),
    { over: [-10, 10], kinks: [0] },
  ),
  /** x Φ(x), Hendrycks & Gimpel 2016; the derivative is Φ(x) + x φ(x). */
  gelu: unary(
    // By the complement: in the lower tail 1 + erf would be a difference of equal numbers.
    (x) => 0.5 * x * erfc(-x * Math.SQRT1_2),
    (x, { call }) => call('gelu', x),
    fromInput((g, x, slope) => g.mul(slope('geluSlope', x))),
    { over: [-10, 10], ...tails },
  ),
  /** The derivative of GELU, in one pass because every backward of a transformer takes it. */
  geluSlope: unary(
    (x) => 0.5 * erfc(-x * Math.SQRT1_2) + x * normalDensity(x),
    (x, { call }) => call('geluSlope', x),
    fromInput((g, x) => {
      const square = x.mul(x);
      return g.mul(square.mul(-0.5).exp().mul(INV_SQRT_2PI).mul(square.neg().add(2)));
    }),
    // A sum of numbers up to 1.1, so the absolute part is some ulp of 1.
    { over: [-10, 10], cpu: { ulp: 2, absolute: 4 * 2 ** -24 }, webgpu: { ulp: 16, absolute: 1e-6 } },
  ),
  /** The tanh form of GELU that GPT-2 uses. */
  geluTanh: unary(
    (x) => 0.5 * x * (1 + Math.tanh(SQRT_2_OVER_PI * (x + TANH_CUBIC * x ** 3))),
    (x, { call }) => call('geluTanh', x),
    fromInput((g, x) => {
      const square = x.mul(x);
      const t = square.mul(TANH_CUBIC).add(1).mul(x).mul(SQRT_2_OVER_PI).tanh();
      const slope = square
        .mul(3 * TANH_CUBIC)
        .add(1)
        .mul(SQRT_2_OVER_PI);
      return g.mul(t.add(1).add(t.mul(t).neg().add(1).mul(slope).mul(x)).mul(0.5));
    }),
    { over: [-10, 10], ...tails },
  ),
  silu: unary(
    (x) => x / (1 + Math.exp(-x)),
    (x, { call }) => call('silu', x),
    fromInput((g, x) => {
      const s = x.sigmoid();
      return g.mul(s).mul(s.neg().add(1).mul(x).add(1));
    }),
    { over: [-10, 10], webgpu: { ulp: 7 } },
  ),
} as const satisfies Record<string, PointwiseOp>;
