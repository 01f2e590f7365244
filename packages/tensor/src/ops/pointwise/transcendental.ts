/**
 * Exponentials, logarithms, trigonometric and hyperbolic functions, and the error function. On WebGPU they are computed from
 * polynomials, not by WGSL's built-in functions, of which only three digits are promised. Their bounds are twice what two software
 * adapters show, which covers fused and separate multiply-adds, plus the 2.5 ulp that WGSL allows a division.
 */
import { erf } from './error-function.js';
import { fromInput, fromOutput, type PointwiseOp, unary } from './record.js';

const POSITIVE = [0.01, 20] as const;

export const transcendental = {
  exp: unary(
    Math.exp,
    (x, { call }) => call('expIeee', x),
    fromOutput((g, y) => g.mul(y)),
    { over: [-20, 20], webgpu: { ulp: 4 } },
  ),
  expm1: unary(
    Math.expm1,
    (x, { call }) => call('expm1', x),
    fromOutput((g, y) => g.mul(y.add(1))),
    { over: [-10, 10], webgpu: { ulp: 6 } },
  ),
  log: unary(
    Math.log,
    (x, { call }) => call('logIeee', x),
    fromInput((g, x) => g.div(x)),
    { over: POSITIVE, webgpu: { ulp: 8 } },
  ),
  log2: unary(
    Math.log2,
    (x, { call }) => call('log2Ieee', x),
    fromInput((g, x) => g.div(x.mul(Math.LN2))),
    { over: POSITIVE, webgpu: { ulp: 9 } },
  ),
  log1p: unary(
    Math.log1p,
    (x, { call }) => call('log1p', x),
    fromInput((g, x) => g.div(x.add(1))),
    { over: [-0.9, 20], webgpu: { ulp: 9 } },
  ),
  sin: unary(
    Math.sin,
    (x, { call }) => call('sine', x),
    fromInput((g, x) => g.mul(x.cos())),
    { over: [-3.14, 3.14], webgpu: { ulp: 4, absolute: 2 ** -23 } },
  ),
  cos: unary(
    Math.cos,
    (x, { call }) => call('cosine', x),
    fromInput((g, x) => g.mul(x.sin()).neg()),
    { over: [-3.14, 3.14], webgpu: { ulp: 4, absolute: 2 ** -23 } },
  ),
  tanh: unary(
    Math.tanh,
    (x, { call }) => call('tanhSafe', x),
    fromOutput((g, y) => g.mul(y.mul(y).neg().add(1))),
    { over: [-10, 10], webgpu: { ulp: 14 } },
  ),
  sigmoid: unary(
    (x) => 1 / (1 + Math.exp(-x)),
    (x, { call }) => call('sigmoid', x),
    fromOutput((g, y) => g.mul(y).mul(y.neg().add(1))),
    { over: [-20, 20], webgpu: { ulp: 9 } },
  ),
  erf: unary(
    erf,
    (x, { call }) => call('erf', x),
    fromInput((g, x) =>
      g.mul(
        x
          .mul(x)
          .neg()
          .exp()
          .mul(2 / Math.sqrt(Math.PI)),
      ),
    ),
    { over: [-4, 4], webgpu: { ulp: 17 } },
  ),
} as const satisfies Record<string, PointwiseOp>;
