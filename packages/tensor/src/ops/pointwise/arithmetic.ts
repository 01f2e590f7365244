/** Arithmetic: + - * / and their kin. Division is true division; integers stay integers elsewhere, as in PyTorch. */
import {
  binary,
  fromInput,
  fromInputs,
  fromNothing,
  fromOutput,
  type PointwiseOp,
  unary,
  zeroGradient,
} from './record.js';

const ANY = [-10, 10] as const;
const POSITIVE = [0.01, 10] as const;
const NUMBERS = ['int', 'float'] as const;

/** Half to even, as IEEE and PyTorch round. */
function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/** C's pow: 1 to any power is 1, and so is -1 to an infinite one; JavaScript has NaN there. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
}

/** The remainder with the sign of the divisor, as Python's %. */
function floorRemainder(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

const propagateNaN = (choose: (a: number, b: number) => number) => (a: number, b: number) =>
  Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : choose(a, b);

export const arithmetic = {
  add: binary(
    (a, b) => a + b,
    (a, b) => `${a} + ${b}`,
    fromNothing(
      (g) => g,
      (g) => g,
    ),
    { intervals: [ANY, ANY], webgpu: { ulp: 1 } },
  ),
  sub: binary(
    (a, b) => a - b,
    (a, b) => `${a} - ${b}`,
    fromNothing(
      (g) => g,
      (g) => g.neg(),
    ),
    { intervals: [ANY, ANY], webgpu: { ulp: 1 } },
  ),
  mul: binary(
    (a, b) => a * b,
    (a, b) => `${a} * ${b}`,
    fromInputs(
      (g, _, b) => g.mul(b),
      (g, a) => g.mul(a),
    ),
    { intervals: [ANY, ANY], webgpu: { ulp: 1 } },
  ),
  div: binary(
    (a, b) => a / b,
    (a, b, { call }) => call('divide', a, b),
    fromInputs(
      (g, _, b) => g.div(b),
      (g, a, b) => g.neg().mul(a).div(b).div(b),
    ),
    { intervals: [ANY, POSITIVE], webgpu: { ulp: 2.5 } },
    ['float'],
  ),
  pow: binary(
    power,
    (a, b, { call }) => call('power', a, b),
    fromInputs(
      (g, a, b) =>
        typeof b === 'number'
          ? b === 0
            ? g.mul(0)
            : g.mul(b).mul(a.pow(b - 1))
          : g
              .mul(b)
              .mul(a.pow(b.sub(1)))
              .maskedFill(b.eq(0), 0),
      (g, a, b) =>
        typeof a === 'number'
          ? g.mul(b.mul(Math.log(a)).exp()).mul(Math.log(a))
          : g.mul(a.pow(b)).mul(a.log().maskedFill(a.eq(0), 0)),
    ),
    // WGSL derives pow from exp2(b * log2(a)): its error grows with |b log2 a|, here at most 3 * log2(10) ~ 10.
    { intervals: [POSITIVE, [-3, 3]], cpu: { ulp: 2 }, webgpu: { ulp: 64 } },
    ['float'],
  ),
  remainder: binary(
    floorRemainder,
    (a, b, { call, type }) => call(type.includes('i32') ? 'remainderInt' : 'remainder', a, b),
    fromInputs(
      (g) => g,
      (g, a, b) => g.neg().mul((typeof a === 'number' ? b.reciprocal().mul(a) : a.div(b)).floor()),
    ),
    {
      intervals: [ANY, [1, 4]],
      webgpu: { ulp: 4, absolute: 4e-6 },
    },
  ),
  maximum: binary(
    propagateNaN(Math.max),
    (a, b, { call, type }) => call(type.includes('i32') ? 'maxInt' : 'maximum', a, b),
    fromInputs(
      (g, a, b) => g.div(a.eq(b).add(1)).maskedFill(a.lt(b), 0),
      (g, a, b) => g.div(b.eq(a).add(1)).maskedFill(b.lt(a), 0),
    ),
    { intervals: [ANY, ANY] },
  ),
  minimum: binary(
    propagateNaN(Math.min),
    (a, b, { call, type }) => call(type.includes('i32') ? 'minInt' : 'minimum', a, b),
    fromInputs(
      (g, a, b) => g.div(a.eq(b).add(1)).maskedFill(a.gt(b), 0),
      (g, a, b) => g.div(b.eq(a).add(1)).maskedFill(b.gt(a), 0),
    ),
    { intervals: [ANY, ANY] },
  ),
  neg: unary(
    (x) => -x,
    (x) => `-(${x})`,
    fromNothing((g) => g.neg()),
    { over: ANY },
    NUMBERS,
  ),
  abs: unary(
    Math.abs,
    'abs',
    fromInput((g, x) => g.mul(x.sign())),
    { over: ANY, kinks: [0] },
    NUMBERS,
  ),
  sign: unary(Math.sign, 'sign', zeroGradient, { over: ANY, kinks: [0] }, NUMBERS),
  sqrt: unary(
    Math.sqrt,
    'sqrt',
    fromOutput((g, y) => g.div(y.mul(2))),
    { over: POSITIVE, webgpu: { ulp: 4 } },
  ),
  rsqrt: unary(
    (x) => 1 / Math.sqrt(x),
    'inverseSqrt',
    fromOutput((g, y) => g.mul(-0.5).mul(y.mul(y).mul(y))),
    { over: POSITIVE, webgpu: { ulp: 4 } },
  ),
  reciprocal: unary(
    (x) => 1 / x,
    (x, { type }) => `${type}(1.0) / (${x})`,
    fromOutput((g, y) => g.neg().mul(y.mul(y))),
    { over: POSITIVE, webgpu: { ulp: 2.5 } },
  ),
  floor: unary(Math.floor, 'floor', zeroGradient, { over: ANY, kinks: [-3, -2, -1, 0, 1, 2, 3] }),
  ceil: unary(Math.ceil, 'ceil', zeroGradient, { over: ANY, kinks: [-3, -2, -1, 0, 1, 2, 3] }),
  round: unary(roundHalfEven, 'round', zeroGradient, { over: ANY, kinks: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] }),
  trunc: unary(Math.trunc, 'trunc', zeroGradient, { over: ANY, kinks: [-3, -2, -1, 0, 1, 2, 3] }),
} as const satisfies Record<string, PointwiseOp>;
