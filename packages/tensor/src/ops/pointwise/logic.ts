/** Comparisons, truth, selection, and the changes of dtype. Comparisons follow IEEE: NaN is unequal to everything. */
import type { Tensor } from '../../tensor.js';
import { binary, type Domain, type PointwiseOp, unary } from './record.js';

const ANY = [-2, 2] as const;
const EVERY: Domain = ['bool', 'int', 'float'];
const TRUTH: Domain = ['bool'];
const pair = { intervals: [ANY, ANY] } as const;
const truths = {
  intervals: [
    [0, 1],
    [0, 1],
  ],
} as const;

/** A comparison: exact on both backends; WGSL may assume that NaN does not occur, so floats go through helpers on their bits. */
function comparison(compare: (a: number, b: number) => boolean, helper: string, operator: string): PointwiseOp {
  const base = binary(
    (a, b) => Number(compare(a, b)),
    (a, b, { call, type }) =>
      type.includes('f32')
        ? call(helper, a, b)
        : type.includes('bool')
          ? `${call('bits', a)} ${operator} ${call('bits', b)}`
          : `${a} ${operator} ${b}`,
    undefined,
    pair,
    EVERY,
  );
  return { ...base, result: 'bool' };
}

const test = (reference: (x: number) => boolean, helper: string): PointwiseOp => ({
  ...unary(
    (x) => Number(reference(x)),
    (x, { call }) => call(helper, x),
    undefined,
    { over: ANY },
  ),
  result: 'bool',
});

export const logic = {
  eq: comparison((a, b) => a === b, 'equal', '=='),
  ne: comparison((a, b) => a !== b, 'notEqual', '!='),
  lt: comparison((a, b) => a < b, 'less', '<'),
  le: comparison((a, b) => a <= b, 'lessEqual', '<='),
  gt: comparison((a, b) => a > b, 'greater', '>'),
  ge: comparison((a, b) => a >= b, 'greaterEqual', '>='),
  isNan: test(Number.isNaN, 'isNan'),
  isFinite: test(Number.isFinite, 'isFinite'),
  logicalAnd: binary(
    (a, b) => Number(a !== 0 && b !== 0),
    (a, b) => `${a} & ${b}`,
    undefined,
    truths,
    TRUTH,
  ),
  logicalOr: binary(
    (a, b) => Number(a !== 0 || b !== 0),
    (a, b) => `${a} | ${b}`,
    undefined,
    truths,
    TRUTH,
  ),
  logicalXor: binary(
    (a, b) => Number((a !== 0) !== (b !== 0)),
    (a, b) => `${a} != ${b}`,
    undefined,
    truths,
    TRUTH,
  ),
  logicalNot: unary(
    (x) => Number(x === 0),
    (x) => `!(${x})`,
    undefined,
    { over: [0, 1] },
    TRUTH,
  ),
  /** `where(condition, a, b)`; the condition is bool, a and b share a dtype. */
  where: {
    arity: 3,
    domain: EVERY,
    result: 'same',
    reference: (condition, a, b) => (condition !== 0 ? a : b),
    wgsl: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
    derivative: {
      saves: 'inputs',
      rules: [
        null,
        (grad, [condition]) => grad.maskedFill((condition as Tensor).logicalNot(), 0),
        (grad, [condition]) => grad.maskedFill(condition as Tensor, 0),
      ],
    },
    samples: { intervals: [[0, 1], ANY, ANY] },
  },
} as const satisfies Record<string, PointwiseOp>;
