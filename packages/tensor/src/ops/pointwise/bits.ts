/** Bitwise ops of integers; of truth values they are the logical ones. None is differentiable. */
import { binary, type Domain, type PointwiseOp, unary } from './record.js';

const WHOLE: Domain = ['bool', 'int'];
const pair = {
  intervals: [
    [-100, 100],
    [-100, 100],
  ],
} as const;

const shift = {
  intervals: [
    [-100, 100],
    [0, 31],
  ],
} as const;

export const bits = {
  bitwiseAnd: binary(
    (a, b) => a & b,
    (a, b) => `${a} & ${b}`,
    undefined,
    pair,
    WHOLE,
  ),
  bitwiseOr: binary(
    (a, b) => a | b,
    (a, b) => `${a} | ${b}`,
    undefined,
    pair,
    WHOLE,
  ),
  bitwiseXor: binary(
    (a, b) => a ^ b,
    (a, b, { type }) => `${a} ${type.includes('bool') ? '!=' : '^'} ${b}`,
    undefined,
    pair,
    WHOLE,
  ),
  bitwiseNot: unary(
    (x) => ~x,
    (x, { type }) => `${type.includes('bool') ? '!' : '~'}(${x})`,
    undefined,
    { over: [-100, 100] },
    WHOLE,
  ),
  /** `a << b`, b modulo 32. */
  leftShift: binary(
    (a, b) => a << b,
    (a, b, { vector }) => `${a} << (${vector('u32')}(${b}) & ${vector('u32')}(31u))`,
    undefined,
    shift,
    ['int'],
  ),
  /** `a >> b` with the sign kept, b modulo 32. */
  rightShift: binary(
    (a, b) => a >> b,
    (a, b, { vector }) => `${a} >> (${vector('u32')}(${b}) & ${vector('u32')}(31u))`,
    undefined,
    shift,
    ['int'],
  ),
} as const satisfies Record<string, PointwiseOp>;
