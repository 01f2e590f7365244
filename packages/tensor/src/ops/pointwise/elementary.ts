/** The rarer elementary functions: powers and logarithms to other bases, trigonometry, hyperbolic functions and their inverses. */
import { erfc } from './error-function.js';
import { binary, fromInput, fromInputs, fromOutput, type PointwiseOp, unary } from './record.js';

/** Rounds down, as Python's //. */
function floorQuotient(a: number, b: number): number {
  return Math.floor(a / b);
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const elementary = {
  /** The quotient rounded down, as Python's //; of integers by 0 it is 0. Piecewise constant: its gradient is 0. */
  floorDivide: binary(
    floorQuotient,
    (a, b, { call, type }) => call(type.includes('i32') ? 'floorDivideInt' : 'floorDivide', a, b),
    { saves: 'nothing', rules: [(grad) => grad.mul(0), (grad) => grad.mul(0)] },
    {
      intervals: [
        [-10, 10],
        [1, 4],
      ],
    },
  ),
  atan2: binary(
    Math.atan2,
    (y, x, { call }) => call('angle', y, x),
    fromInputs(
      (g, y, x) => g.mul(x).div(y.mul(y).add(typeof x === 'number' ? x * x : x.mul(x))),
      (g, y, x) =>
        g
          .mul(y)
          .neg()
          .div(x.mul(x).add(typeof y === 'number' ? y * y : y.mul(y))),
    ),
    {
      intervals: [
        [0.2, 5],
        [-5, 5],
      ],
      webgpu: { ulp: 8 },
    },
    ['float'],
  ),
  exp2: unary(
    (x) => 2 ** x,
    (x, { call }) => call('exp2Ieee', x),
    fromOutput((g, y) => g.mul(y.mul(Math.LN2))),
    { over: [-20, 20], webgpu: { ulp: 4 } },
  ),
  log10: unary(
    Math.log10,
    (x, { call }) => call('log10Ieee', x),
    fromInput((g, x) => g.div(x.mul(Math.LN10))),
    { over: [0.01, 20], webgpu: { ulp: 4, absolute: 2 ** -21 } },
  ),
  tan: unary(
    Math.tan,
    (x, { call }) => call('tangent', x),
    fromOutput((g, y) => g.mul(y.mul(y).add(1))),
    { over: [-1.4, 1.4], webgpu: { ulp: 8 } },
  ),
  asin: unary(
    Math.asin,
    (x, { call }) => call('arcsine', x),
    fromInput((g, x) => g.mul(x.mul(x).neg().add(1).rsqrt())),
    { over: [-0.95, 0.95], webgpu: { ulp: 8 } },
  ),
  acos: unary(
    Math.acos,
    (x, { call }) => call('arccosine', x),
    fromInput((g, x) => g.neg().mul(x.mul(x).neg().add(1).rsqrt())),
    { over: [-0.95, 0.95], webgpu: { ulp: 8 } },
  ),
  atan: unary(
    Math.atan,
    (x, { call }) => call('arctangent', x),
    fromInput((g, x) => g.div(x.mul(x).add(1))),
    { over: [-10, 10], webgpu: { ulp: 8 } },
  ),
  sinh: unary(
    Math.sinh,
    (x, { call }) => call('hyperbolicSine', x),
    fromInput((g, x) => g.mul(x.cosh())),
    { over: [-10, 10], webgpu: { ulp: 48 } },
  ),
  cosh: unary(
    Math.cosh,
    (x, { call }) => call('hyperbolicCosine', x),
    fromInput((g, x) => g.mul(x.sinh())),
    { over: [-10, 10], webgpu: { ulp: 8 } },
  ),
  asinh: unary(
    Math.asinh,
    (x, { call }) => call('areaSine', x),
    fromInput((g, x) => g.mul(x.mul(x).add(1).rsqrt())),
    { over: [-10, 10], webgpu: { ulp: 8, absolute: 2 ** -21 } },
  ),
  acosh: unary(
    Math.acosh,
    (x, { call }) => call('areaCosine', x),
    fromInput((g, x) => g.mul(x.mul(x).sub(1).rsqrt())),
    { over: [1.1, 10], webgpu: { ulp: 8, absolute: 2 ** -21 } },
  ),
  atanh: unary(
    Math.atanh,
    (x, { call }) => call('areaTangent', x),
    fromInput((g, x) => g.div(x.mul(x).neg().add(1))),
    { over: [-0.9, 0.9], webgpu: { ulp: 12, absolute: 2 ** -21 } },
  ),
  /** 1 - erf(x), with all digits in the upper tail. */
  erfc: unary(
    erfc,
    (x, { call }) => call('erfc', x),
    fromInput((g, x) =>
      g.mul(
        x
          .mul(x)
          .neg()
          .exp()
          .mul(-2 / Math.sqrt(Math.PI)),
      ),
    ),
    { over: [-4, 8], webgpu: { ulp: 16 } },
  ),
  /** log(1 + exp(x)). */
  softplus: unary(
    softplus,
    (x, { call }) => call('softplus', x),
    fromInput((g, x) => g.mul(x.sigmoid())),
    { over: [-20, 20], webgpu: { ulp: 12 } },
  ),
  /** x tanh(log(1 + exp(x))), Misra 2019. */
  mish: unary(
    (x) => x * Math.tanh(softplus(x)),
    (x, { call }) => call('mish', x),
    fromInput((g, x) => {
      const t = x.softplus().tanh();
      return g.mul(t.add(t.mul(t).neg().add(1).mul(x.sigmoid()).mul(x)));
    }),
    { over: [-10, 10], webgpu: { ulp: 12 } },
  ),
} as const satisfies Record<string, PointwiseOp>;
