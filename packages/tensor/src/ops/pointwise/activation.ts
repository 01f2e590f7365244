/** Activations that are one kernel primitive because models are full of them. */
import { erfc } from './error-function.js';
import { fromInput, fromOutput, type PointwiseOp, unary } from './record.js';

const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

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
    fromInput((g, x) =>
      g.mul(x.mul(Math.SQRT1_2).erf().add(1).mul(0.5).add(x.mul(x).mul(-0.5).exp().mul(x).mul(INV_SQRT_2PI))),
    ),
    { over: [-10, 10], ...tails },
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
